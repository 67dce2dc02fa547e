"""``rxkernel contracts``: runs the examples of contracts."""

import asyncio

import click

from bundles.contracts.example_run import ExampleResult, run_examples
from rxkernel import Application, KernelClient


@click.group("contracts")
def contracts() -> None:
    """Work with the contracts of definitions."""


@contracts.command("test")
@click.pass_obj
def test(application: Application) -> None:
    """Call each definition with the examples of its contract, and compare the results.

    Exits with status 1 if an example fails. No port is opened, but the services of the application
    are used, such as its database: run it with the settings of your tests.
    """
    results = asyncio.run(_results(application))
    for result in results:
        click.echo(f"{'ok' if result.problem is None else 'FAILED':6} {result.title}")
        if result.problem is not None:
            click.echo(f"       {result.problem}")
    failed = sum(result.problem is not None for result in results)
    click.echo(f"{len(results)} examples, {failed} failed")
    if failed:
        raise SystemExit(1)


async def _results(application: Application) -> list[ExampleResult]:
    async with KernelClient(application) as client:
        return [result async for result in run_examples(client)]
