"""Pools for the tests of worker processes."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Protocol

import pytest

from bundles.tasks import WorkerPool, WorkerPoolSettings


class Pools(Protocol):
    def __call__(self, size: int = 1, **settings: Any) -> Any: ...


@asynccontextmanager
async def running_pool(size: int = 1, **settings: Any) -> AsyncIterator[WorkerPool]:
    async with WorkerPool(WorkerPoolSettings(size=size, **settings)) as pool:
        yield pool


@pytest.fixture
async def pool() -> AsyncIterator[WorkerPool]:
    """A pool with one process, for tests that need no second one."""
    async with running_pool() as opened:
        yield opened
