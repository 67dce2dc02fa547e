"""``rxkernel gateway``: lists the actions, and those that clients may call."""

import asyncio
from typing import Any

import click

from bundles.gateway.broker.broker import Broker
from bundles.gateway.sockets.namespaces import Namespaces
from rxkernel import Application
from rxkernel.cli import json_option, print_json, print_table

_ACTION_HEADS = ("ACTION", "VISIBILITY", "CACHE", "TIMEOUT", "RETRIES")
_EXPOSED_HEADS = ("NAMESPACE", "EVENT", "NAME", "CALLS")


@click.group("gateway")
def gateway() -> None:
    """List actions, and those that clients may call; `rxkernel call NAME` calls one."""


@gateway.command("actions")
@json_option
@click.pass_obj
def list_actions(application: Application, as_json: bool) -> None:
    """List the actions of this application, without those of the bundle."""
    entries = asyncio.run(_actions(application))
    if as_json:
        print_json(entries)
        return
    print_table(_ACTION_HEADS, [_row(entry["action"]) for entry in entries])


@gateway.command("exposed")
@json_option
@click.pass_obj
def list_exposed(application: Application, as_json: bool) -> None:
    """List the actions and handlers that clients may call, by namespace and event."""
    rows = asyncio.run(_exposed(application))
    if as_json:
        keys = tuple(head.lower() for head in _EXPOSED_HEADS)
        print_json([dict(zip(keys, row, strict=True)) for row in rows])
        return
    print_table(_EXPOSED_HEADS, rows)


async def _actions(application: Application) -> list[dict[str, Any]]:
    async with application:
        broker = application.injector.get(Broker)
        return broker.actions(skip_internal=True)


async def _exposed(application: Application) -> list[tuple[str, str, str, str]]:
    async with application:
        return list(application.injector.get(Namespaces).exposed())


def _row(action: dict[str, Any]) -> tuple[str, ...]:
    texts = (action["timeout"], action["retries"])
    return (
        action["name"],
        action["visibility"],
        "yes" if action["cache"] else "no",
        *("" if value is None else str(value) for value in texts),
    )
