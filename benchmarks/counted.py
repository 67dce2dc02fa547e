"""What `benchmarks.instructions` counts, in one process: ``python -m benchmarks.counted``.

valgrind writes down its counter, and begins again at zero, whenever `getloadavg` is called:
nothing else here calls it.
"""

import asyncio
import gc
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial

import attrs

from benchmarks.http.peers import FIVE, NONE, Listeners
from benchmarks.http.servers import rxkernel_app, settings
from benchmarks.http.work import BODY, HELLO, PARAMETERS, Work
from benchmarks.processes import ROOT
from benchmarks.router import templates
from rxkernel import Application, HttpSettings, Request, Settings
from rxkernel.cli.loop import run

Do = Callable[[int], Awaitable[None]]
"""The case, so many times."""

mark = os.getloadavg


def _application(listeners: Listeners) -> Application:
    settings.REQUEST_LISTENERS = listeners.request
    settings.RESPONSE_LISTENERS = listeners.response
    return rxkernel_app.create(Settings(http=HttpSettings(port=0)))


@asynccontextmanager
async def kernel(listeners: Listeners) -> AsyncIterator[Do]:
    """The definition of hello, called in process."""
    async with _application(listeners) as application:
        handler = application.kernel.http_definitions["hello"].handler

        async def call(times: int) -> None:
            for _ in range(times):
                await handler(Request("HTTP"))

        yield call


@asynccontextmanager
async def http(work: Work, listeners: Listeners) -> AsyncIterator[Do]:
    """The server, asked over one connection by a process that is not counted."""
    application = _application(listeners)
    await application.start()
    command = (sys.executable, "-m", "benchmarks.asker")
    port = str(application.servers["aiohttp"].port)

    async def ask(times: int) -> None:
        arguments = (*command, port, work.name, str(times))
        await asyncio.to_thread(subprocess.run, arguments, cwd=ROOT, check=True)

    try:
        yield ask
    finally:
        await application.stop()


@asynccontextmanager
async def router(number: int) -> AsyncIterator[Do]:
    """A match among so many templates."""
    match, paths = templates(number)

    async def find(times: int) -> None:
        for turn in range(times):
            match("GET", paths[turn % len(paths)])

    yield find


ROUNDS = 2
FACTORS = (1, 5)


@attrs.frozen
class Case:
    """``times``: how often it is done between two marks, and the same with each factor."""

    title: str
    times: int
    prepare: Callable[[], AbstractAsyncContextManager[Do]]

    async def count(self) -> None:
        """Each time from the same state of the collector, whose work belongs to the price."""
        async with self.prepare() as do:
            await do(self.times)
            for _ in range(ROUNDS):
                for factor in FACTORS:
                    gc.collect()
                    mark()
                    await do(factor * self.times)
                    mark()


CASES = (
    Case("kernel, no listeners", 500, partial(kernel, NONE)),
    Case("kernel, 3 + 2 listeners", 500, partial(kernel, FIVE)),
    Case("HTTP hello, no listeners", 200, partial(http, HELLO, NONE)),
    Case("HTTP hello, 3 + 2 listeners", 200, partial(http, HELLO, FIVE)),
    Case("HTTP path and query, 3 + 2 listeners", 200, partial(http, PARAMETERS, FIVE)),
    Case("HTTP validated body, 3 + 2 listeners", 200, partial(http, BODY, FIVE)),
    Case("router, 10 templates", 600, partial(router, 10)),
    Case("router, 1,000 templates", 600, partial(router, 1000)),
)


async def main() -> None:
    for case in CASES:
        await case.count()


if __name__ == "__main__":
    run(main())
