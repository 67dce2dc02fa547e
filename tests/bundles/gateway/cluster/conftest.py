"""Nodes in the process of a test, nodes of Moleculer, and the buses between them."""

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, ExitStack
from pathlib import Path
from typing import Any, Protocol

import pytest

from tests.bundles.gateway.cluster.buses import Bus, bus_with
from tests.bundles.gateway.cluster.node_peers import NODE_VERSIONS, NodePeer, NodeVersion
from tests.bundles.gateway.cluster.nodes import Nodes
from tests.bundles.nats_servers import NatsServer, running_nats
from tests.bundles.redis_servers import RedisServer, running_redis

Server = NatsServer | RedisServer


class NodeOf(Protocol):
    async def __call__(
        self, node_id: str, version: NodeVersion, server: Server, **settings: Any
    ) -> NodePeer: ...


@pytest.fixture
async def nodes() -> AsyncIterator[Nodes]:
    """Starts nodes on a bus in memory; they are stopped at the end of the test."""
    async with AsyncExitStack() as stack:
        yield Nodes(stack)


@pytest.fixture(autouse=True)
def log_everything(debug_logs: None) -> None:
    """Log at all levels, see `debug_logs`: `tests.logged_secrets` searches the log."""


@pytest.fixture(scope="module")
def shared_servers(
    tmp_path_factory: pytest.TempPathFactory, nats_server: Path, redis_server: Path
) -> Iterator[dict[str, Server]]:
    folder = tmp_path_factory.mktemp("buses")
    with ExitStack() as stack:
        yield {
            "nats": stack.enter_context(running_nats(nats_server, folder)),
            "redis": stack.enter_context(running_redis(redis_server, folder)),
        }


@pytest.fixture(params=["nats", "redis"])
async def bus(
    request: pytest.FixtureRequest, shared_servers: dict[str, Server]
) -> AsyncIterator[Bus]:
    """A bus that tests share, and must not stop."""
    async with bus_with(shared_servers[request.param]) as found:
        yield found


@pytest.fixture(params=["nats", "redis"])
async def own_bus(request: pytest.FixtureRequest) -> AsyncIterator[Bus]:
    """A bus for one test, which may kill it."""
    async with bus_with(request.getfixturevalue(request.param)) as found:
        yield found


@pytest.fixture(scope="module", params=["nats", "redis"])
def server(request: pytest.FixtureRequest, shared_servers: dict[str, Server]) -> Server:
    """The server of a bus that the tests of a module share, and must not stop."""
    return shared_servers[request.param]


@pytest.fixture(scope="module", params=NODE_VERSIONS)
def node_version(request: pytest.FixtureRequest) -> NodeVersion:
    version: NodeVersion = request.param
    return version


@pytest.fixture
def node(peers: list[NodePeer]) -> NodePeer:
    """The first node of Moleculer; the tests of a module share it."""
    return peers[0]


@pytest.fixture
def node_of() -> Iterator[NodeOf]:
    """Start nodes of Moleculer; they are stopped at the end of the test."""
    with ExitStack() as stack:

        async def start(
            node_id: str, version: NodeVersion, server: Server, **settings: Any
        ) -> NodePeer:
            peer = NodePeer(node_id, version, server.url, **settings)
            stack.callback(peer.close)
            await peer.ready()
            return peer

        yield start
