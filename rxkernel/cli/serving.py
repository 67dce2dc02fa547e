"""One serving process: from the start until a stop is requested."""

import asyncio
import gc
import logging
import os
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress

import attrs
import click

from rxkernel.application.application import Application
from rxkernel.cli.hangup import on_hangup
from rxkernel.cli.reading_again import read_again_when
from rxkernel.cli.service_manager import ServiceManager
from rxkernel.cli.shared_applications import Served, SharedApplications, applications_of
from rxkernel.cli.signals import StopRequest, end_process
from rxkernel.cli.workers.supervisor_link import SupervisorLink
from rxkernel.cli.workers.worker_report import WorkerReports
from rxkernel.exceptions import ConfigurationError
from rxkernel.messages.broadcaster import Broadcaster
from rxkernel.servers.aiohttp.server import HttpServer
from rxkernel.servers.aiohttp.shared_port import SharedPort
from rxkernel.servers.manager import ServerManager
from rxkernel.servers.workers.listening_sockets import ListeningSockets, Sockets
from rxkernel.servers.workers.passed_sockets import PassedSockets

logger = logging.getLogger(__name__)

_CLOSING = 10.0
"""Seconds to close connections and services, after the timeouts for the responses and for the
listeners of ``kernel.terminate``."""


@attrs.frozen(kw_only=True)
class WorkerPlace:
    """The place of this process among the workers of a supervisor.

    Attributes:
        number: the number of the place, from 1.
        passed: the descriptor on which the supervisor passes connections, and the number of this
            process, see `session_ids`; None with a port of its own.
        listening: the descriptors of its own port.
    """

    number: int
    passed: tuple[int, int] | None
    listening: Sequence[int] = ()

    def sockets(self) -> Sockets:
        """The sockets from the supervisor, which child processes do not inherit."""
        if self.passed is None:
            return ListeningSockets([_own(descriptor) for descriptor in self.listening])
        descriptor, number = self.passed
        return PassedSockets(_own(descriptor), number)


def _own(descriptor: int) -> socket.socket:
    os.set_inheritable(descriptor, False)
    return socket.socket(fileno=descriptor)


async def serve_until_stopped(
    application: Served, *, supervised: bool, place: WorkerPlace | None = None
) -> None:
    """Serve; return when all responses are sent and the services are closed.

    If some took longer than ``shutdown_timeout``, the process exits with code 1. *supervised*:
    send the URLs to the supervisor instead of printing them, and stop when it has ended.
    """
    settings = application.settings
    timeout = settings.shutdown_timeout
    hangup = asyncio.Event()
    with (
        StopRequest(deadline=settings.shutdown_delay + 2 * timeout + _CLOSING) as stop,
        on_hangup(hangup.set, terminal_closed=stop.ask),
        ServiceManager() as service,
    ):
        link = await SupervisorLink.open() if supervised else None
        if place is not None:
            application.serve_sockets(place.sockets())
        tasks = [asyncio.create_task(_stop_with(link, stop))]
        try:
            if await _started(application, stop):
                _freeze_gc()
                reports = None
                if place is not None and link is not None:
                    reports = await _reports(application, link)
                    if reports.is_needed:
                        tasks.append(asyncio.create_task(reports.run()))
                tasks.append(asyncio.create_task(_read_again_when(hangup, application, service)))
                _announce(application, link, service)
                if place is not None and place.number == 1:
                    _warn_of_local_broadcasts(application)
                await stop.wait()
                service.stopping()
                _log(application, lambda _: "stopping")
                is_drained = await application.stop()
                if reports is not None and reports.is_needed:
                    reports.send()
                if not is_drained:
                    end_process(
                        f"Not all responses were sent within {timeout} s; "
                        f"the other connections were closed."
                    )
                _log(application, lambda _: "stopped")
        finally:
            for task in tasks:
                task.cancel()
            if link is not None:
                link.close()


async def _reports(application: Served, link: SupervisorLink) -> WorkerReports:
    """The reports of a worker that has started.

    Raises:
        ConfigurationError: see `WorkerReports`; the worker has stopped.
    """
    try:
        return WorkerReports(application, link)
    except ConfigurationError:
        await application.stop()
        raise


async def _stop_with(link: SupervisorLink | None, stop: StopRequest) -> None:
    if link is not None:
        await link.wait_closed()
        stop.ask()


async def _started(application: Served, stop: StopRequest) -> bool:
    """Start; return False if a stop was requested before the start was complete."""
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


async def _read_again_when(
    hangup: asyncio.Event, application: Served, service: ServiceManager
) -> None:
    http: HttpServer | SharedPort
    if isinstance(application, SharedApplications):
        http = application.port
    else:
        server = application.servers["http"]
        assert isinstance(server, HttpServer)
        http = server
    every = applications_of(application)
    await read_again_when(hangup, every, http.reload_certificates, service.reloading)


def _warn_of_local_broadcasts(application: Served) -> None:
    """Log that broadcasts do not reach other processes."""
    for one in applications_of(application):
        is_local = not one.injector.get(Broadcaster).reaches_other_processes
        if is_local and one.settings.socketio.enabled:
            with one.as_current():
                logger.warning(
                    "broadcasts and rooms reach the clients of one worker only; with the bundle "
                    'scale, set scale.bus to "redis"; without it, attach a backend to the '
                    "broadcaster that reaches other processes"
                )


def _freeze_gc() -> None:
    """Exclude the modules and services of boot from garbage collection: they live as long as the
    process, and a full collection of them takes about 20 ms, in which no request is served."""
    gc.collect()
    gc.freeze()


def _announce(application: Served, link: SupervisorLink | None, service: ServiceManager) -> None:
    if isinstance(application, SharedApplications):
        names = " and ".join(application.by_name)
        every = [one.servers for one in applications_of(application)]
        places = f"{' and '.join(_places(*every))} for {names}"
    else:
        places = " and ".join(_places(application.servers))
    service.ready(f"Listening on {places}")
    _log(application, lambda one: f"listening on {' and '.join(_places(one.servers))}")
    if link is None:
        click.echo(f"Listening on {places}")  # flushes
    else:
        link.send_listening(places, application.live_directories)


def _log(application: Served, text_of: Callable[[Application], str]) -> None:
    """Log a text for each application, into its own files; with its name if there are several."""
    for one in applications_of(application):
        with one.as_current():
            name = one.shared_name
            logger.info("%s%s", "" if name is None else f"{name}: ", text_of(one))


def _places(*every: ServerManager) -> Iterator[str]:
    """Yield ``URL (protocols)`` for each URL; servers without a port are left out."""
    by_url: dict[str, dict[str, None]] = {}
    for server in (server for servers in every for server in servers.values()):
        if server.url is not None:
            by_url.setdefault(server.url, {})[server.label] = None
    for url, words in by_url.items():
        yield f"{url} ({', '.join(words)})"
