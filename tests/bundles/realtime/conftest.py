"""Real servers for the tests of the bundle."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from bundles.realtime import RealtimeBundle
from rxkernel import Application, HttpSettings, Settings
from tests.bundles.realtime.route_files import Site, application_of, served

Serve = Callable[..., Awaitable[Application]]
ServeRoutes = Callable[..., Awaitable[Site]]


@pytest_asyncio.fixture
async def serve() -> AsyncIterator[Serve]:
    """``await serve(services=[…], managers=[…])`` listens on a free port. Responses have no
    request id, so that a test can compare whole frames."""
    applications: list[Application] = []

    async def start(settings: Settings | None = None, **components: Any) -> Application:
        given = Settings(request_id_header=None, http=HttpSettings(port=0))
        application = Application(
            bundles=[RealtimeBundle(**components)], settings=settings or given
        )
        applications.append(application)
        await application.start()
        return application

    yield start
    for application in reversed(applications):
        await application.stop()


@pytest.fixture(params=["fast", "aiohttp"])
def http_path(request: pytest.FixtureRequest) -> str:
    """Each path on which the server handles HTTP."""
    path: str = request.param
    return path


@pytest_asyncio.fixture
async def serve_routes(http_path: str, tmp_path: Path) -> AsyncIterator[ServeRoutes]:
    """``await serve_routes(Controller, …)`` serves controllers whose files are in ``tmp_path``."""
    async with AsyncExitStack() as stack:

        async def start(*controllers: Any, **parts: Any) -> Site:
            http = {"fast_path": http_path == "fast", **parts.pop("http", {})}
            application = application_of(tmp_path, *controllers, http=http, **parts)
            return await stack.enter_async_context(served(application))

        yield start
