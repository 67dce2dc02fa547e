"""Turns an outage of Redis into responses: 503 for messages, not ready for probes."""

import asyncio
import logging

from injector import Injector, inject
from redis.asyncio import Redis
from redis.exceptions import RedisError

from bundles.redis.outage import Outage
from bundles.redis.problems import problem_of
from bundles.redis.settings import RedisSettings
from bundles.redis.start import start_error_of
from rxkernel import (
    Application,
    ApplicationEvents,
    BootstrapEvent,
    ExceptionEvent,
    KernelEvents,
    ReadinessEvent,
    ServerEvent,
    ServerEvents,
    ServiceUnavailableException,
    observe,
)

logger = logging.getLogger(__name__)

_PING_TIMEOUT = 0.5
"""Seconds; all listeners of a probe together have 0.8."""


class RedisListeners:
    @inject
    def __init__(
        self, client: Redis, outage: Outage, settings: RedisSettings, application: Application
    ) -> None:
        self._application = application
        self._client = client
        self._outage = outage
        self._settings = settings
        self._is_checked = False

    @observe(ApplicationEvents.BOOTSTRAP)
    async def report_shared(self, event: BootstrapEvent) -> None:
        """Warn if another application of the port, booted before, has the same keys in Redis.
        This is not an error: they may share them on purpose."""
        names = [
            name
            for name, neighbour in self._application.neighbours.items()
            if neighbour.is_booted and self._has_keys_of(neighbour.injector)
        ]
        if names:
            logger.warning(
                "the applications %s have the same redis.url and the same redis.prefix, so they "
                "share sessions, tasks, events and all else in Redis; set redis.prefix for each",
                " and ".join(sorted([*names, str(self._application.shared_name)])),
            )

    def _has_keys_of(self, other: Injector) -> bool:
        """Whether the application of *other* has the same keys in Redis."""
        if not other.binder.has_explicit_binding_for(RedisSettings):
            return False
        settings = other.get(RedisSettings)
        return (settings.url, settings.prefix) == (self._settings.url, self._settings.prefix)

    @observe(ServerEvents.STARTED)
    async def check(self, event: ServerEvent) -> None:
        """Check once that Redis accepts `redis.url`. An outage does not raise: it may end later.

        Raises:
            ServerStartError: Redis rejects the password or the database, or denies PING, or TLS
                fails.
        """
        if self._is_checked:
            return
        self._is_checked = True
        try:
            async with asyncio.timeout(self._settings.connect_timeout):
                await self._client.ping()
        except TimeoutError:
            logger.debug("Redis does not reply at the start")
        except RedisError as exc:
            if (error := start_error_of(exc, self._settings.url)) is not None:
                raise error from exc
            logger.debug("Redis cannot be used at the start: %s", exc)

    @observe(KernelEvents.KERNEL_EXCEPTION, priority=1000)
    async def respond(self, event: ExceptionEvent) -> None:
        """Replace an error of redis-py by a 503 if Redis cannot be used, or denies the command to
        its user. Other errors come from wrong commands, and stay 500."""
        failure = event.exception
        if isinstance(failure, RedisError) and self._outage.report_error(failure):
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
