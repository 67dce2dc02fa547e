"""Turns an outage of Redis into responses: 503 for messages, not ready for probes."""

import asyncio

from injector import inject
from redis.asyncio import Redis
from redis.exceptions import RedisError

from bundles.redis.errors import problem_of
from bundles.redis.outage import Outage
from rxkernel import (
    ExceptionEvent,
    KernelEvents,
    ReadinessEvent,
    ServerEvents,
    ServiceUnavailableException,
    observe,
)

_PING_TIMEOUT = 0.5
"""Seconds; all listeners of a probe together have 0.8."""


class RedisListeners:
    @inject
    def __init__(self, client: Redis, outage: Outage) -> None:
        self._client = client
        self._outage = outage

    @observe(KernelEvents.KERNEL_EXCEPTION, priority=1000)
    async def respond(self, event: ExceptionEvent) -> None:
        """Replace an error that reports an outage by a 503; other errors are those of a bug."""
        failure = event.exception
        if isinstance(failure, RedisError) and (problem := problem_of(failure)) is not None:
            self._outage.report(problem)
            unavailable = ServiceUnavailableException(code="redis_unavailable")
            unavailable.__cause__ = failure
            event.set_exception(unavailable)

    @observe(ServerEvents.READINESS)
    async def ping(self, event: ReadinessEvent) -> None:
        try:
            async with asyncio.timeout(_PING_TIMEOUT):
                await self._client.ping()
        except TimeoutError:
            event.fail("redis", f"no reply within {_PING_TIMEOUT} seconds")
        except RedisError as exc:
            problem = problem_of(exc)
            event.fail("redis", str(exc) if problem is None else problem.text)
