"""Nodes of a cluster in the process of a test, and buses: in memory, and real ones."""

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, ExitStack
from pathlib import Path

import pytest

from tests.bundles.gateway.cluster.buses import Bus, bus_with
from tests.bundles.gateway.cluster.nodes import Nodes
from tests.bundles.nats_servers import NatsServer, running_nats
from tests.bundles.redis_servers import RedisServer, running_redis


@pytest.fixture
async def nodes() -> AsyncIterator[Nodes]:
    """Starts nodes on a bus in memory; they are stopped at the end of the test."""
    async with AsyncExitStack() as stack:
        yield Nodes(stack)


@pytest.fixture(autouse=True)
def log_everything(debug_logs: None) -> None:
    """See `debug_logs`: `tests.logged_secrets` searches all that is logged."""


@pytest.fixture(scope="module")
def shared_servers(
    tmp_path_factory: pytest.TempPathFactory, nats_server: Path, redis_server: Path
) -> Iterator[dict[str, NatsServer | RedisServer]]:
    folder = tmp_path_factory.mktemp("buses")
    with ExitStack() as stack:
        yield {
            "nats": stack.enter_context(running_nats(nats_server, folder)),
            "redis": stack.enter_context(running_redis(redis_server, folder)),
        }


@pytest.fixture(params=["nats", "redis"])
async def bus(
    request: pytest.FixtureRequest, shared_servers: dict[str, NatsServer | RedisServer]
) -> AsyncIterator[Bus]:
    """A bus that tests share and do not stop."""
    async with bus_with(shared_servers[request.param]) as found:
        yield found


@pytest.fixture(params=["nats", "redis"])
async def own_bus(request: pytest.FixtureRequest) -> AsyncIterator[Bus]:
    """A bus of one test, which may kill it."""
    async with bus_with(request.getfixturevalue(request.param)) as found:
        yield found
