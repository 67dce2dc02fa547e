"""One process that serves: from the start until it is asked to stop."""

import asyncio
import gc
from collections.abc import Iterator
from contextlib import suppress

import click

from rxkernel.application.application import Application
from rxkernel.cli.stopping import StopRequest, end_process
from rxkernel.cli.supervisor_link import SupervisorLink
from rxkernel.servers.manager import ServerManager

_CLOSING = 10.0
"""Seconds for closing connections and services, behind those for the answers and for what
listens to their end."""


async def serve_until_stopped(application: Application, *, supervised: bool) -> None:
    """Serve; come back when all that was in flight is answered and the services are closed.

    What took longer than ``shutdown_timeout`` was cut off: the process ends with 1.
    *supervised*: send_line the supervisor where it listens instead of printing it, and stop when
    it is gone.
    """
    settings = application.settings
    timeout = settings.shutdown_timeout
    with StopRequest(deadline=settings.shutdown_delay + 2 * timeout + _CLOSING) as stop:
        link = await SupervisorLink.open() if supervised else None
        orphaned = asyncio.create_task(_stop_with(link, stop))
        try:
            if await _started(application, stop):
                _freeze_gc()
                _announce(application.servers, link)
                await stop.wait()
                if not await application.stop():
                    end_process(f"Not done within {timeout} s: what was left has been cut off.")
        finally:
            orphaned.cancel()
            if link is not None:
                link.close()


async def _stop_with(link: SupervisorLink | None, stop: StopRequest) -> None:
    if link is not None:
        await link.wait_closed()
        stop.ask()


async def _started(application: Application, stop: StopRequest) -> bool:
    """Start; False if a stop was asked for before that was done."""
    starting = asyncio.create_task(application.start())
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait((starting, stopping), return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if starting.done():
        await starting
        return True
    starting.cancel()
    with suppress(asyncio.CancelledError):
        await starting
    return False


def _freeze_gc() -> None:
    """What has been imported and built stays: looking through it, which takes some 20 ms, would
    be for nothing and hold up every request."""
    gc.collect()
    gc.freeze()


def _announce(servers: ServerManager, link: SupervisorLink | None) -> None:
    places = " and ".join(_places(servers))
    if link is None:
        click.echo(f"Listening on {places}")  # flushes
    else:
        link.send_line(places)


def _places(servers: ServerManager) -> Iterator[str]:
    """``URL (what is served there)``, one for each URL; servers without a port are left out."""
    by_url: dict[str, list[str]] = {}
    for server in servers.values():
        if server.url is not None:
            by_url.setdefault(server.url, []).append(server.label)
    for url, words in by_url.items():
        yield f"{url} ({', '.join(words)})"
