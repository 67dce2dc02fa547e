"""Serves applications in tests."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from rxkernel import Application


@asynccontextmanager
async def serving(application: Application) -> AsyncIterator[Application]:
    """Serve *application* until the end of the block, also if a test fails in it."""
    await application.start()
    try:
        yield application
    finally:
        await application.stop()
