"""A command: ``python -m rxkernel lines`` lists what can be called."""

import asyncio

import click
from rxkernel import Application

from rxkernel_lines.message import LINES


@click.command("lines")
@click.pass_obj
def lines(application: Application) -> None:
    """List the procedures that clients can call with lines of JSON."""
    for name in asyncio.run(_names(application)):
        click.echo(name)


async def _names(application: Application) -> list[str]:
    async with application:
        return [definition.name for definition in application.kernel.definitions[LINES]]
