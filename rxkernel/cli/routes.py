"""``rxkernel routes``: lists the routes with their actions."""

from typing import Any

import attrs
import click

from rxkernel.application.application import Application
from rxkernel.cli.listing import print_json, print_table
from rxkernel.cli.loading import load
from rxkernel.cli.loop import run
from rxkernel.cli.native_paths import native_paths_of, rules_of
from rxkernel.cli.options import debug_option, json_option, overrides_of, target_argument
from rxkernel.routing.definitions import Definition

Routes = list[dict[str, Any]]

_OPTION_WIDTH = 60
"""Largest length of the value of an option in a table."""


@click.command
@target_argument
@json_option
@debug_option
@click.pass_context
def routes(ctx: click.Context, target: str | None, as_json: bool) -> None:
    """List the routes, Socket.IO events and procedures, with the options of each; then the paths
    of native handlers, and the rules that rewrite paths."""
    listed = run(_list(load(target, overrides_of(ctx))))
    if as_json:
        print_json(listed)
        return
    _print(("METHOD", "PATH"), listed["http"], "No HTTP routes.", listed)
    click.echo()
    _print(("EVENT", "NAMESPACE"), listed["websocket"], "No Socket.IO events.", listed)
    if listed["procedures"]:
        click.echo()
        _print(("TRANSPORT",), listed["procedures"], "", listed)
    _print_all(listed["native"], ("method", "path", "type", "handler"))
    _print_all(listed["rules"], ("method", "path", "target", "place"))


def _print(heads: tuple[str, ...], routes: Routes, empty: str, listed: dict[str, Routes]) -> None:
    keys = [head.lower() for head in heads]
    rows = [tuple(route[key] for key in (*keys, "name", "action")) for route in routes]
    heads = (*heads, "NAME", "ACTION")
    if any(map(_requirements, routes)):
        heads = (*heads, "REQUIRES")
        rows = [(*row, _requirements(route)) for row, route in zip(rows, routes, strict=True)]
    if any(route.get("options") for found in listed.values() for route in found):
        heads = (*heads, "OPTIONS")
        rows = [(*row, _options(route)) for row, route in zip(rows, routes, strict=True)]
    print_table(heads, rows, empty)


def _print_all(found: Routes, keys: tuple[str, ...]) -> None:
    if found:
        click.echo()
        rows = [[each[key] for key in keys] for each in found]
        print_table([key.upper() for key in keys], rows, "")


def _requirements(route: dict[str, Any]) -> str:
    """The constraints of a route over HTTP."""
    host = [route["host"]] if route.get("host") else []
    return ", ".join([*host, *(f"{k}: {v}" for k, v in route.get("headers", {}).items())])


def _options(route: dict[str, Any]) -> str:
    return ", ".join(f"{key}={_cut(str(value))}" for key, value in route["options"].items())


def _cut(text: str) -> str:
    """Return *text*, cut if it is too long; ``--json`` lists it whole."""
    return text if len(text) <= _OPTION_WIDTH else f"{text[: _OPTION_WIDTH - 1]}…"


async def _list(application: Application) -> dict[str, Routes]:
    prefix = application.settings.http.prefix
    async with application:
        kernel = application.kernel
        native = await native_paths_of(application)
        return {
            "http": [
                {
                    "method": definition.method,
                    "path": f"{prefix}{definition.path}",
                    "host": definition.host,
                    "headers": dict(definition.headers),
                    **_common(definition, definition.name),
                }
                for definition in kernel.http_definitions
            ],
            "websocket": [
                {
                    "event": definition.name,
                    "namespace": definition.namespace,
                    **_common(definition, definition.metadata.key),
                }
                for definition in kernel.websocket_definitions
            ],
            "procedures": [
                {"transport": str(definition.transport), **_common(definition, definition.name)}
                for definition in kernel.compiled.procedures
            ],
            "native": [attrs.asdict(path) for path in native],
            "rules": [attrs.asdict(rule) for rule in rules_of(application)],
        }


def _common(definition: Definition, name: str) -> dict[str, Any]:
    options = {key: _shown(value) for key, value in definition.options.items()}
    return {"name": name, "action": definition.metadata.place, "options": options}


def _shown(value: Any) -> Any:
    """Return *value* if JSON can represent it, else its text."""
    return value if isinstance(value, str | int | float | bool | None) else repr(value)
