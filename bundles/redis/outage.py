"""Logs that Redis cannot be used, once per outage, and once when it can be used again."""

import asyncio
import logging
import time
from types import TracebackType
from typing import Self

from injector import inject
from redis.asyncio import Redis
from redis.exceptions import RedisError

from bundles.redis.problems import Problem, problem_of
from bundles.redis.settings import RedisSettings

logger = logging.getLogger(__name__)

_FIRST_DELAY = 0.1
_LONGEST_DELAY = 2.0
_PROBE = "rxkernel:probe"


class Outage:
    """Probes Redis from the first reported problem until it can be used again. The delays between
    probes grow from 0.1 to 2 seconds.

    Attributes:
        problem: the problem that was reported, until Redis can be used again; else None.
    """

    @inject
    def __init__(self, client: Redis, settings: RedisSettings) -> None:
        self.problem: Problem | None = None
        self._client = client
        self._key = settings.key(_PROBE)
        self._probing: asyncio.Task[None] | None = None
        self._denied: set[str] = set()

    def report(self, problem: Problem) -> None:
        """Log *problem*, unless an outage was reported already. A command that the user may not
        execute is logged once, and does not begin an outage."""
        if problem.is_denied:
            if problem.text not in self._denied:
                self._denied.add(problem.text)
                logger.error("Redis rejects a command: %s", problem.text)
        elif self._probing is None:
            self.problem = problem
            logger.error("Redis cannot be used: %s", problem.text)
            self._probing = asyncio.create_task(self._probe(problem))

    def report_error(self, exc: RedisError) -> bool:
        """Report the problem of *exc*; return False if the command itself is wrong."""
        problem = problem_of(exc)
        if problem is None:
            return False
        self.report(problem)
        return True

    async def _probe(self, problem: Problem) -> None:
        begin, delay = time.monotonic(), _FIRST_DELAY
        while True:
            await asyncio.sleep(delay)
            delay = min(2 * delay, _LONGEST_DELAY)
            try:
                if problem.is_write_only:
                    await self._client.set(self._key, 1, px=1000)
                else:
                    await self._client.ping()
                break
            except RedisError as exc:
                logger.debug("Redis still cannot be used: %s", exc)
        logger.info("Redis can be used again, after %.1f seconds", time.monotonic() - begin)
        self.problem = None
        self._probing = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        if self._probing is not None:
            self._probing.cancel()
            await asyncio.wait({self._probing})
            self.problem = None
            self._probing = None
