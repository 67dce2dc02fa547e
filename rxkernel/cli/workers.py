"""``serve --workers N``: several processes share one HTTP port, and one looks after them."""

import asyncio
import logging
from collections.abc import Sequence

import attrs
import click

from rxkernel.cli.children import Child, Children
from rxkernel.cli.stopping import StopRequest

logger = logging.getLogger(__name__)

_STARTUP_WINDOW = 2.0
"""Seconds; a worker that ends sooner after it began to listen died young."""

_MAX_STARTUP_FAILURES = 3
"""So many in a row in one place are a crash loop."""


async def supervise(arguments: Sequence[str], count: int) -> int:
    """Keep *count* children with *arguments* running until asked to stop; the exit code.

    The first starts alone, so what all would complain of is told once. The code is 2 when a
    child ended with 2, as for a mistake in the settings, and 1 for a crash loop or a child
    that had to be cut off.
    """
    children = Children()
    with StopRequest(before_force=children.kill) as stop:
        stopping = asyncio.create_task(stop.wait())
        stopping.add_done_callback(lambda _: children.stop())
        places = [_Place(number, arguments, children) for number in range(1, count + 1)]
        keeping: list[asyncio.Task[int]] = []
        for place in places[:1], places[1:]:
            keeping += (_keep(one, stop) for one in place)
            listening = asyncio.gather(*(one.listens for one in place))
            await asyncio.wait((listening, stopping), return_when=asyncio.FIRST_COMPLETED)
            if stopping.done():
                break
        else:
            click.echo(f"Listening on {places[0].listens.result()} with {count} workers")
        codes = await asyncio.gather(*keeping)
        stopping.cancel()
        return max(codes)


def _keep(place: "_Place", stop: StopRequest) -> asyncio.Task[int]:
    """Where one place is given up, all are."""
    task = asyncio.create_task(place.keep())
    task.add_done_callback(lambda _: stop.ask())
    return task


@attrs.define(eq=False)
class _Place:
    """Where one worker is kept running; ``listens`` tells when the first did, and on what."""

    number: int
    arguments: Sequence[str]
    children: Children
    listens: asyncio.Future[str] = attrs.field(factory=asyncio.Future)

    async def keep(self) -> int:
        """Start one worker after the other until the stop; the exit code to end with."""
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
                logger.error("%s in a row died young; giving up", startup_failures)
                return 1

    async def _follow(self, child: Child) -> tuple[int, float]:
        """The exit code of *child*, and the seconds from its listening to its end."""
        places = await child.listening()
        began = asyncio.get_running_loop().time()
        if places:
            logger.info("worker %s has pid %s", self.number, child.pid)
            if not self.listens.done():
                self.listens.set_result(places)
        code = await self.children.wait(child)
        return code, asyncio.get_running_loop().time() - began if places else 0.0
