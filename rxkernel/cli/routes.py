"""``rxkernel routes``: what can be requested, and which method answers."""

from typing import Any

import click

from rxkernel.application.application import Application
from rxkernel.cli.listing import print_json, print_table
from rxkernel.cli.loading import load
from rxkernel.cli.loop import run
from rxkernel.cli.options import debug_option, json_option, overrides_of, target_argument


@click.command
@target_argument
@json_option
@debug_option
@click.pass_context
def routes(ctx: click.Context, target: str | None, as_json: bool) -> None:
    """List the routes and Socket.IO events."""
    listed = run(_list(load(target, overrides_of(ctx))))
    if as_json:
        print_json(listed)
        return
    heads = ("METHOD", "PATH", "NAME", "ACTION")
    print_table(heads, [tuple(route.values()) for route in listed["http"]], "No HTTP routes.")
    click.echo()
    heads = ("EVENT", "NAMESPACE", "NAME", "ACTION")
    print_table(heads, [tuple(e.values()) for e in listed["websocket"]], "No Socket.IO events.")


async def _list(application: Application) -> dict[str, list[dict[str, Any]]]:
    prefix = application.settings.http.prefix
    async with application:
        kernel = application.kernel
        return {
            "http": [
                {
                    "method": definition.method,
                    "path": f"{prefix}{definition.path}",
                    "name": definition.name,
                    "action": definition.metadata.place,
                }
                for definition in kernel.http_definitions
            ],
            "websocket": [
                {
                    "event": definition.name,
                    "namespace": definition.namespace,
                    "name": definition.metadata.key,
                    "action": definition.metadata.place,
                }
                for definition in kernel.websocket_definitions
            ],
        }
