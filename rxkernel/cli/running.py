"""For commands of bundles that run until they are stopped."""

import asyncio
from collections.abc import Awaitable, Callable

from rxkernel.application.application import Application
from rxkernel.cli.hangup import on_hangup
from rxkernel.cli.logs import configure_logging
from rxkernel.cli.loop import run
from rxkernel.cli.reading_again import read_again_when
from rxkernel.cli.signals import StopRequest

_CLOSING = 10.0
"""Seconds to close services, after the timeouts for the work and for the listeners."""


def run_until_stopped(
    application: Application, work: Callable[[asyncio.Event], Awaitable[None]]
) -> None:
    """Boot *application* and await *work* with an event that SIGTERM or Ctrl-C sets.

    It opens no port, but is connected to the processes of ``serve``, and has the same log and
    event loop. After the event is set, *work* has ``shutdown_timeout`` seconds to end. A second
    signal, or a deadline, ends the process with code 1. SIGHUP reads the settings again.
    """
    configure_logging(application.settings.logging)
    run(_run(application, work))


async def _run(application: Application, work: Callable[[asyncio.Event], Awaitable[None]]) -> None:
    deadline = 2 * application.settings.shutdown_timeout + _CLOSING
    stop, hangup = asyncio.Event(), asyncio.Event()
    with (
        StopRequest(deadline=deadline) as request,
        on_hangup(hangup.set, terminal_closed=request.ask),
    ):
        waiting = asyncio.create_task(request.wait())
        waiting.add_done_callback(lambda _: stop.set())
        try:
            async with application.connected():
                reading = asyncio.create_task(read_again_when(hangup, [application], lambda: None))
                try:
                    await work(stop)
                finally:
                    reading.cancel()
        finally:
            waiting.cancel()
