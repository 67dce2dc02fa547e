"""A real server for the tests of the bundle."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest_asyncio

from bundles.realtime import RealtimeBundle
from rxkernel import Application, HttpSettings, Settings

Serve = Callable[..., Awaitable[Application]]


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
