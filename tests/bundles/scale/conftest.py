"""Applications that a redis-server connects."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from bundles.redis import RedisBundle, RedisSettings
from bundles.scale import Bus, ScaleBundle, ScaleSettings
from bundles.scale.bus.link import Link
from rxkernel import Application, Broadcaster, HttpSettings, Settings
from tests.bundles.redis_servers import RedisServer, running_redis
from tests.bundles.scale.process import SECRET
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
        """The messages that were not delivered, without the reasons of which there were none."""
        counts = self.application.servers["bus"].counts
        return {reason: count for reason, count in counts.items() if count}

    async def sees(self, number: int) -> None:
        """Wait until it sees *number* other processes."""
        await until(lambda: len(self.link.others) == number)


@pytest.fixture(scope="module")
def shared_redis(
    redis_server: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RedisServer]:
    """A server that the tests of a module share and do not stop."""
    with running_redis(redis_server, tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture
async def site_of(request: pytest.FixtureRequest) -> AsyncIterator[SiteOf]:
    """``await site_of(redis, Controller, …, scale={…})`` starts an application."""
    async with AsyncExitStack() as stack:

        async def start(
            server: RedisServer | None,
            *controllers: Any,
            scale: dict[str, Any] | None = None,
            health: bool = False,
            bundles: tuple[Any, ...] = (),
            sections: dict[str, Any] | None = None,
            **parts: Any,
        ) -> Site:
            options: dict[str, Any] = {"channel": request.node.name.replace("[", "-").strip("]")}
            settings: dict[str, Any] = dict(sections or {})
            if server is not None:
                options |= {"bus": "redis", "secret": SECRET}
                settings["redis"] = RedisSettings(
                    url=server.url, connect_timeout=0.5, command_timeout=0.5
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
