"""``rxkernel gateway``: lists actions."""

import asyncio
import json
from typing import Any

import click

from bundles.gateway.broker.broker import Broker
from rxkernel import Application

_HEADS = ("ACTION", "VISIBILITY", "CACHE", "TIMEOUT", "RETRIES")


@click.group("gateway")
def gateway() -> None:
    """List the actions of the broker; `rxkernel call NAME` calls one."""


@gateway.command("actions")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def list_actions(application: Application, as_json: bool) -> None:
    """List the actions of this application, without those of the bundle."""
    entries = asyncio.run(_actions(application))
    if as_json:
        click.echo(json.dumps(entries, indent=2))
        return
    rows = [_HEADS, *(_row(entry["action"]) for entry in entries)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        click.echo("  ".join(cells).rstrip())


async def _actions(application: Application) -> list[dict[str, Any]]:
    async with application:
        broker = application.injector.get(Broker)
        return broker.actions(skip_internal=True)


def _row(action: dict[str, Any]) -> tuple[str, ...]:
    texts = (action["timeout"], action["retries"])
    return (
        action["name"],
        action["visibility"],
        "yes" if action["cache"] else "no",
        *("" if value is None else str(value) for value in texts),
    )
