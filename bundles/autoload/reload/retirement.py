"""The stop hooks of files that a reload has replaced."""

import asyncio
import logging

from bundles.autoload.autoload import Autoload
from bundles.autoload.loading.build import Build

logger = logging.getLogger(__name__)


class Retirement:
    """Calls the stop hooks of replaced files when messages do not use them any more. The files of
    one reload are stopped before those of the next, since snapshots share files.

    Args:
        timeout: seconds after a reload for which messages are awaited. Messages that run longer
            read the current snapshot from then on.
    """

    def __init__(self, autoload: Autoload, timeout: float) -> None:
        self._autoload = autoload
        self._timeout = timeout
        self._last: asyncio.Task[None] | None = None
        self._closing = asyncio.Event()

    def begin(self, build: Build) -> None:
        """Stop the files that *build* has replaced, in a separate task."""
        deadline = asyncio.get_running_loop().time() + self._timeout
        self._last = asyncio.create_task(self._retire(build, self._last, deadline))

    async def close(self) -> None:
        """Stop all remaining files, without waiting for messages."""
        self._closing.set()
        if self._last is not None:
            await asyncio.wait({self._last})

    async def _retire(
        self, build: Build, earlier: asyncio.Task[None] | None, deadline: float
    ) -> None:
        if earlier is not None:
            await asyncio.wait({earlier})
        assert build.previous is not None
        readers = build.previous.readers
        ended = asyncio.create_task(readers.wait_ended())
        closing = asyncio.create_task(self._closing.wait())
        loop = asyncio.get_running_loop()
        await asyncio.wait(
            {ended, closing},
            timeout=max(deadline - loop.time(), 0),
            return_when=asyncio.FIRST_COMPLETED,
        )
        ended.cancel()
        closing.cancel()
        if readers.count and not self._closing.is_set():
            if build.retired:
                logger.warning(
                    "%s messages still use replaced files after %g s; they read the current ones "
                    "from now on, and the stop hooks run",
                    readers.count,
                    self._timeout,
                )
            readers.move_on()
        await self._autoload.retire(build)
