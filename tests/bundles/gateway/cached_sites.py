"""Applications with each cacher, and a clock that tests control."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest

from bundles.clock import Clock
from bundles.gateway import Broker, Cacher, GatewayBundle, GatewaySettings
from bundles.redis import RedisBundle, RedisSettings
from rxkernel import Application, KernelClient, Settings
from tests.bundles.redis_servers import RedisServer

CACHERS = ("memory", "lru", "redis")

CachedSiteOf = Callable[..., Any]


class MovedClock(Clock):
    def __init__(self) -> None:
        self.time = 1000.0

    def monotonic(self) -> float:
        return self.time


class CachedSite:
    """A running application.

    Attributes:
        clock: the clock of the cachers in memory.
    """

    def __init__(self, client: KernelClient, clock: MovedClock) -> None:
        self.client = client
        self.clock = clock
        self.broker = client.application.injector.get(Broker)

    @property
    def cacher(self) -> Cacher:
        return self.broker.cacher

    async def call(self, name: str, params: Any = None, **options: Any) -> Any:
        return await self.broker.call(name, params, **options)


def parts(
    cacher: str, url: str, *, redis_timeout: float = 10.0, **settings: Any
) -> dict[str, Any]:
    """Return the bundles and the settings of an application with *cacher*.

    After *redis_timeout* seconds, calls continue without Redis. The default is long, so that this
    does not happen in other tests on a busy machine.
    """
    gateway = GatewaySettings(cacher=cacher, **settings)  # type: ignore[arg-type]
    own: dict[str, Any] = {"gateway": gateway}
    if cacher != "redis":
        return {"bundles": [GatewayBundle], "settings": Settings(bundles=own)}
    own["redis"] = RedisSettings(
        url=url, connect_timeout=redis_timeout, command_timeout=redis_timeout
    )
    return {"bundles": [RedisBundle, GatewayBundle], "settings": Settings(bundles=own)}


@pytest.fixture(params=CACHERS)
def cacher(request: pytest.FixtureRequest) -> str:
    """The name of the cacher; each test runs with all cachers."""
    name: str = request.param
    return name


def cached_sites(stack: AsyncExitStack, cacher: str, url: str) -> CachedSiteOf:
    """Return a function that starts an application with *cacher*, until *stack* is closed."""

    async def start(
        *controllers: Any,
        with_bundles: tuple[Any, ...] = (),
        listeners: tuple[Any, ...] = (),
        **settings: Any,
    ) -> CachedSite:
        made = parts(cacher, url, **settings)
        made["bundles"] += with_bundles
        application = Application(controllers=controllers, listeners=listeners, **made)
        clock = MovedClock()
        client = KernelClient(application, overrides={Clock: clock})
        await stack.enter_async_context(client)
        return CachedSite(client, clock)

    return start


@pytest.fixture
async def cached_site(cacher: str, request: pytest.FixtureRequest) -> AsyncIterator[CachedSiteOf]:
    """Start applications, which stop at the end of the test. All of a test share a Redis."""
    server: RedisServer | None = request.getfixturevalue("redis") if cacher == "redis" else None
    async with AsyncExitStack() as stack:
        yield cached_sites(stack, cacher, "" if server is None else server.url)
