"""``serve --workers N``: a supervisor keeps several processes running that share one HTTP port."""

import asyncio
import logging
from collections.abc import Sequence

import attrs
import click

from rxkernel.cli.children import Child, Children
from rxkernel.cli.hangup import on_hangup
from rxkernel.cli.service_manager import ServiceManager
from rxkernel.cli.signals import StopRequest

logger = logging.getLogger(__name__)

_STARTUP_WINDOW = 2.0
"""Seconds after a worker began to listen; one that exits sooner exited during start-up."""

_MAX_STARTUP_FAILURES = 3
"""As many consecutive exits during start-up are a crash loop."""


async def supervise(arguments: Sequence[str], count: int) -> int:
    """Keep *count* children with *arguments* running until a stop; return the exit code.

    They get each SIGHUP that this process gets.

    The first starts alone, so that an error common to all is reported once. The code is 2 if a
    child exited with 2, as for an invalid setting, and 1 for a crash loop or a child that did not
    stop in time.
    """
    children = Children()
    service = ServiceManager()

    def hang_up() -> None:
        with service.reloading():
            children.hang_up()

    with (
        StopRequest(before_force=children.kill) as stop,
        on_hangup(hang_up, terminal_closed=stop.ask),
        service,
    ):
        stopping = asyncio.create_task(stop.wait())
        stopping.add_done_callback(lambda _: children.stop())
        stopping.add_done_callback(lambda _: service.stopping())
        slots = [_Slot(number, arguments, children) for number in range(1, count + 1)]
        keeping: list[asyncio.Task[int]] = []
        for slot in slots[:1], slots[1:]:
            keeping += (_keep(one, stop) for one in slot)
            listening = asyncio.gather(*(one.listens for one in slot))
            await asyncio.wait((listening, stopping), return_when=asyncio.FIRST_COMPLETED)
            if stopping.done():
                break
        else:
            places = f"{slots[0].listens.result()} with {count} workers"
            click.echo(f"Listening on {places}")
            service.ready(f"Listening on {places}")
        codes = await asyncio.gather(*keeping)
        stopping.cancel()
        return max(codes)


def _keep(slot: "_Slot", stop: StopRequest) -> asyncio.Task[int]:
    """Run one slot; when it gives up, stop all."""
    task = asyncio.create_task(slot.keep())
    task.add_done_callback(lambda _: stop.ask())
    return task


@attrs.define(eq=False)
class _Slot:
    """Keeps one worker running; ``listens`` is resolved with the URLs of its first process."""

    number: int
    arguments: Sequence[str]
    children: Children
    listens: asyncio.Future[str] = attrs.field(factory=asyncio.Future)

    async def keep(self) -> int:
        """Start a new worker whenever one exits, until the stop; return the exit code."""
        startup_failures = 0
        while True:
            child = await self.children.start(self.arguments)
            code, lived = await self._follow(child)
            if child.stop_requested:
                return int(child.failed)
            if code == 2:
                return 2
            startup_failures = 0 if lived >= _STARTUP_WINDOW else startup_failures + 1
            logger.error("worker %s (pid %s) ended with code %s", self.number, child.pid, code)
            if startup_failures == _MAX_STARTUP_FAILURES:
                logger.error(
                    "%s workers in a row exited during start-up; giving up", startup_failures
                )
                return 1

    async def _follow(self, child: Child) -> tuple[int, float]:
        """The exit code of *child*, and the seconds from its listening to its end."""
        urls = await child.listening()
        began = asyncio.get_running_loop().time()
        if urls:
            logger.info("worker %s has pid %s", self.number, child.pid)
            if not self.listens.done():
                self.listens.set_result(urls)
        code = await self.children.wait(child)
        return code, asyncio.get_running_loop().time() - began if urls else 0.0
