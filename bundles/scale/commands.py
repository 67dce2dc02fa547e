"""``rxkernel emit``: sends an event to the clients of the running processes."""

import asyncio
from typing import Any

import click

from bundles.scale.settings import ScaleSettings
from rxkernel import Application, BadRequestException, Broadcaster, decode_json
from rxkernel.cli import configure_logging


@click.command("emit")
@click.argument("event")
@click.argument("args", nargs=-1)
@click.option(
    "--room", "rooms", multiple=True, help="Only to clients in this room; may be repeated."
)
@click.option("--namespace", default="/", show_default=True, help="The namespace of the clients.")
@click.pass_obj
def emit(
    application: Application,
    event: str,
    args: tuple[str, ...],
    rooms: tuple[str, ...],
    namespace: str,
) -> None:
    """Send EVENT to the clients of all running processes, with ARGS, which are JSON.

    It needs `scale.bus = "redis"`. Exits with 1 if Redis cannot be reached.
    """
    configure_logging(application.settings.logging)
    values = tuple(_value(text) for text in args)
    if not asyncio.run(_emit(application, event, values, rooms or None, namespace)):
        raise click.ClickException("the event was not sent: Redis cannot be reached")


def _value(text: str) -> Any:
    try:
        return decode_json(text)
    except BadRequestException as exc:
        raise click.ClickException(
            f"{text!r} is not JSON; a text has double quotes within the argument: '\"text\"'"
        ) from exc


async def _emit(
    application: Application,
    event: str,
    args: tuple[Any, ...],
    rooms: tuple[str, ...] | None,
    namespace: str,
) -> bool:
    async with application:
        if application.injector.get(ScaleSettings).bus == "memory":
            raise click.ClickException(
                'scale.bus is "memory", so there is no connection to other processes; set it to '
                '"redis"'
            )
        bus = application.servers["bus"]
        await bus.start()
        try:
            broadcaster = application.injector.get(Broadcaster)
            return await broadcaster.emit(event, *args, room=rooms, namespace=namespace)
        finally:
            await bus.stop()
