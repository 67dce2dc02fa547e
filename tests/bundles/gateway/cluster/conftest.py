"""Clusters in the process of a test."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from tests.bundles.gateway.cluster.nodes import Nodes


@pytest.fixture
async def nodes() -> AsyncIterator[Nodes]:
    """Starts nodes on a bus in memory; they are stopped at the end of the test."""
    async with AsyncExitStack() as stack:
        yield Nodes(stack)
