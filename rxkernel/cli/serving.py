"""One serving process: from the start until a stop is requested."""

import asyncio
import gc
import signal
from collections.abc import Iterator
from contextlib import suppress

import click

from rxkernel.application.application import Application
from rxkernel.cli.shared_applications import SharedApplications
from rxkernel.cli.signals import StopRequest, end_process
from rxkernel.cli.supervisor_link import SupervisorLink
from rxkernel.servers.aiohttp.server import HttpServer
from rxkernel.servers.aiohttp.shared_port import SharedPort
from rxkernel.servers.manager import ServerManager

Served = Application | SharedApplications

_CLOSING = 10.0
"""Seconds to close connections and services, after the timeouts for the responses and for the
listeners of ``kernel.terminate``."""


async def serve_until_stopped(application: Served, *, supervised: bool) -> None:
    """Serve; return when all responses are sent and the services are closed.

    If some took longer than ``shutdown_timeout``, the process exits with code 1. *supervised*:
    send the URLs to the supervisor instead of printing them, and stop when it has ended.
    """
    settings = application.settings
    timeout = settings.shutdown_timeout
    with StopRequest(deadline=settings.shutdown_delay + 2 * timeout + _CLOSING) as stop:
        link = await SupervisorLink.open() if supervised else None
        orphaned = asyncio.create_task(_stop_with(link, stop))
        try:
            if await _started(application, stop):
                _freeze_gc()
                _reload_certificates_on_hangup(application)
                _announce(application, link)
                await stop.wait()
                if not await application.stop():
                    end_process(
                        f"Not all responses were sent within {timeout} s; the rest was closed."
                    )
        finally:
            orphaned.cancel()
            if link is not None:
                link.close()


async def _stop_with(link: SupervisorLink | None, stop: StopRequest) -> None:
    if link is not None:
        await link.wait_closed()
        stop.ask()


async def _started(application: Served, stop: StopRequest) -> bool:
    """Start; False if a stop was requested before the start was complete."""
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


def _reload_certificates_on_hangup(application: Served) -> None:
    """With TLS, SIGHUP reads the certificates again; it would end the process otherwise."""
    http: HttpServer | SharedPort
    if isinstance(application, SharedApplications):
        http = application.port
    else:
        server = application.servers["http"]
        assert isinstance(server, HttpServer)
        http = server
    if http.certificates is not None:
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGHUP, http.reload_certificates)


def _freeze_gc() -> None:
    """Exclude the modules and services of boot from garbage collection: they live as long as the
    process, and a full collection of them takes about 20 ms, in which no request is served."""
    gc.collect()
    gc.freeze()


def _announce(application: Served, link: SupervisorLink | None) -> None:
    if isinstance(application, SharedApplications):
        names = " and ".join(application.by_name)
        every = [one.servers for one in application.by_name.values()]
        places = f"{' and '.join(_places(*every))} for {names}"
    else:
        places = " and ".join(_places(application.servers))
    if link is None:
        click.echo(f"Listening on {places}")  # flushes
    else:
        link.send_listening(places, application.live_directories)


def _places(*every: ServerManager) -> Iterator[str]:
    """``URL (what is served there)``, one for each URL; servers without a port are left out."""
    by_url: dict[str, dict[str, None]] = {}
    for server in (server for servers in every for server in servers.values()):
        if server.url is not None:
            by_url.setdefault(server.url, {})[server.label] = None
    for url, words in by_url.items():
        yield f"{url} ({', '.join(words)})"
