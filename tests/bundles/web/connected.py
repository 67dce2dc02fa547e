"""Two processes of a site, which the bundle `scale` connects."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any

from bundles.autoload import create_application
from bundles.scale.bus.link import Link
from rxkernel import Application
from tests.bundles.redis_servers import RedisServer
from tests.bundles.scale.process import SECRET
from tests.waiting import until


@asynccontextmanager
async def connected(
    root: Path,
    redis: RedisServer,
    settings: Mapping[str, Any] = MappingProxyType({}),
    *,
    users: Any = None,
) -> AsyncIterator[list[Application]]:
    """Serve the site of *root* twice; they receive each other's events."""
    own = {
        **{"http.port": 0, "http.host": "127.0.0.1", "redis.url": redis.url},
        **{"scale.bus": "redis", "scale.secret": SECRET},
    }
    async with AsyncExitStack() as stack:
        applications = []
        for _ in range(2):
            application = create_application(root, users=users, bundles=["redis", "scale"])
            application.load_settings({**own, **settings})
            await application.start()
            stack.push_async_callback(application.stop)
            applications.append(application)
        for application in applications:
            link = application.injector.get(Link)  # type: ignore[type-abstract]
            await until(lambda link=link: link.others and not link.problem)  # type: ignore[misc]
        yield applications
