"""``rxkernel emit``: sends an event to the clients of the running processes."""

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

from bundles.scale.bus.link import Link
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
    """Send EVENT to the clients of all running processes, with the arguments ARGS, as JSON.

    It needs `scale.bus = "redis"`. Exits with 1 if Redis cannot be reached, or no running process
    replies.
    """
    configure_logging(application.settings.logging)
    values = tuple(_value(text) for text in args)
    with _without_log_of_bus():
        problem = asyncio.run(_emit(application, event, values, rooms or None, namespace))
    if problem is not None:
        raise click.ClickException(f"the event was not sent: {problem}")


@contextmanager
def _without_log_of_bus() -> Iterator[None]:
    """Do not log that the connection is retried: the error of the command has the reason."""
    bus = logging.getLogger("bundles.message_bus")
    level = bus.level
    bus.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        bus.setLevel(level)


def _value(text: str) -> Any:
    try:
        return decode_json(text)
    except BadRequestException as exc:
        raise click.ClickException(
            f"{text!r} is not JSON; write a string with its double quotes: '\"text\"'"
        ) from exc


async def _emit(
    application: Application,
    event: str,
    args: tuple[Any, ...],
    rooms: tuple[str, ...] | None,
    namespace: str,
) -> str | None:
    """Return the reason why it was not sent; None if it was."""
    async with application.connected():
        settings = application.injector.get(ScaleSettings)
        if settings.bus == "memory":
            raise click.ClickException(
                'scale.bus is "memory", which does not connect processes; set it to "redis"'
            )
        link = application.injector.get(Link)  # type: ignore[type-abstract]
        await link.meet(settings.heartbeat_timeout)
        if link.problem is not None:
            return link.problem
        if not link.others:
            return f"no running process replied within {settings.heartbeat_timeout:g} s"
        broadcaster = application.injector.get(Broadcaster)
        is_sent = await broadcaster.emit(event, *args, room=rooms, namespace=namespace)
        return None if is_sent else link.problem or "it is larger than scale.max_message_size"
