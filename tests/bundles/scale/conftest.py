"""Applications that a redis-server connects."""

import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, contextmanager
from typing import Any

import pytest

from bundles.redis import RedisBundle, RedisSettings
from bundles.scale import Bus, ScaleBundle, ScaleSettings
from bundles.scale.bus.link import Link
from rxkernel import Application, Broadcaster, HttpSettings, Settings
from tests.bundles.redis_servers import RedisServer
from tests.bundles.scale.process import SECRET, application_on
from tests.required_tools import ROOT
from tests.serving import serving
from tests.waiting import until

SiteOf = Callable[..., Any]


class Site:
    """A running application."""

    def __init__(self, application: Application) -> None:
        self.application = application
        self.bus = application.injector.get(Bus)
        self.link = application.injector.get(Link)  # type: ignore[type-abstract]
        self.broadcaster = application.injector.get(Broadcaster)

    @property
    def counts(self) -> dict[str, int]:
        """The numbers of undelivered messages by reason, without zeros."""
        counts = self.application.servers["bus"].counts
        return {reason: count for reason, count in counts.items() if count}

    async def sees(self, number: int) -> None:
        """Wait until this process sees *number* other processes."""
        await until(lambda: len(self.link.others) == number)


@pytest.fixture
async def site_of(prefix: str) -> AsyncIterator[SiteOf]:
    """``await site_of(redis, Controller, …, scale={…})`` starts an application."""
    async with AsyncExitStack() as stack:

        async def start(
            server: RedisServer | None,
            *controllers: Any,
            scale: dict[str, Any] | None = None,
            redis_prefix: str | None = None,
            redis_timeout: float = 20.0,
            health: bool = False,
            bundles: tuple[Any, ...] = (),
            sections: dict[str, Any] | None = None,
            **parts: Any,
        ) -> Site:
            options: dict[str, Any] = {}
            settings: dict[str, Any] = dict(sections or {})
            if server is not None:
                options |= {"bus": "redis", "secret": SECRET}
                settings["redis"] = RedisSettings(
                    url=server.url,
                    prefix=prefix if redis_prefix is None else redis_prefix,
                    connect_timeout=redis_timeout,
                    command_timeout=redis_timeout,
                )
            settings["scale"] = ScaleSettings(**{**options, **(scale or {})})
            application = Application(
                bundles=(RedisBundle, ScaleBundle, *bundles),
                controllers=controllers,
                settings=Settings(
                    health=health,
                    http=HttpSettings(port=0, max_connections=2000),
                    bundles=settings,
                ),
                **parts,
            )
            await application.start()
            stack.push_async_callback(application.stop)
            return Site(application)

        yield start


class Process:
    """Another process with `application_on`; *url* is the URL of its servers."""

    def __init__(self, redis: RedisServer, prefix: str) -> None:
        self.popen = subprocess.Popen(
            [sys.executable, "-m", "tests.bundles.scale.process", redis.url, prefix],
            stdout=subprocess.PIPE,
            cwd=ROOT,
        )
        assert self.popen.stdout is not None
        self.url = self.popen.stdout.readline().decode().strip()

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """Pause the process by SIGSTOP until the end of the block."""
        os.kill(self.popen.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self.popen.pid, signal.SIGCONT)

    def close(self) -> None:
        self.popen.kill()
        self.popen.wait()
        assert self.popen.stdout is not None
        self.popen.stdout.close()


@pytest.fixture
def process(shared_redis: RedisServer, prefix: str) -> Iterator[Process]:
    process = Process(shared_redis, prefix)
    yield process
    process.close()


@pytest.fixture
async def application(
    process: Process, shared_redis: RedisServer, prefix: str
) -> AsyncIterator[Application]:
    """An application that sees the other process."""
    async with serving(application_on(shared_redis.url, prefix)) as application:
        link = application.injector.get(Link)  # type: ignore[type-abstract]
        await until(lambda: link.others)
        yield application
