"""Options of several commands: the target, ``--debug``, ``--json``, ``--transport``."""

import click

from rxkernel.messages.transport import Transport

TARGET = "rxkernel.target"
"""Key of the value of ``--app`` in ``ctx.meta``."""

_DEBUG = "rxkernel.debug"


def _target_or_app(ctx: click.Context, _: click.Parameter, value: str | None) -> str | None:
    return value or ctx.meta.get(TARGET)


def _remember_debug(ctx: click.Context, _: click.Parameter, value: bool) -> bool:
    ctx.meta[_DEBUG] = value or is_debugging(ctx)
    return is_debugging(ctx)


def is_debugging(ctx: click.Context) -> bool:
    """Whether ``--debug`` was given, before or after the name of the command."""
    return bool(ctx.meta.get(_DEBUG))


def overrides_of(ctx: click.Context) -> dict[str, object]:
    """The settings of the options that every command has."""
    return {"debug": True} if is_debugging(ctx) else {}


def _targets_or_app(
    ctx: click.Context, _: click.Parameter, value: tuple[str, ...]
) -> tuple[str, ...]:
    target = ctx.meta.get(TARGET)
    return value or (() if target is None else (target,))


targets_argument = click.argument(
    "targets", nargs=-1, metavar="[TARGET]...", callback=_targets_or_app
)

target_argument = click.argument("target", required=False, callback=_target_or_app)

debug_option = click.option(
    "--debug",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_remember_debug,
    help="Set debug = true, and show the traceback of an exception behind a reported error.",
)

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def _to_transport(_: click.Context, __: click.Parameter, value: str | None) -> Transport | None:
    try:
        return None if value is None else Transport(value.upper())
    except ValueError as exc:
        raise click.BadParameter(str(exc)) from exc


transport_option = click.option(
    "--transport",
    callback=_to_transport,
    metavar="NAME",
    help="Where to search NAME: http, socket, or the transport of a bundle. "
    "Default: all, in this order.",
)
