"""Buses, and nodes of npm's `moleculer` on them."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Protocol

import pytest

from tests.bundles.gateway.cluster.node_peers import NODE_VERSIONS, NodePeer, NodeVersion
from tests.bundles.nats_servers import NatsServer, running_nats
from tests.bundles.redis_servers import RedisServer, running_redis
from tests.required_tools import require_nats_server, require_redis_server

BUSES = ("nats", "redis")

Bus = NatsServer | RedisServer


class NodeOf(Protocol):
    async def __call__(
        self, node_id: str, version: NodeVersion, bus: Bus, **settings: Any
    ) -> NodePeer: ...


@contextmanager
def running_bus(kind: str, folder: Path) -> Iterator[Bus]:
    if kind == "nats":
        with running_nats(require_nats_server(), folder) as nats:
            yield nats
    else:
        with running_redis(require_redis_server(), folder) as redis:
            yield redis


@pytest.fixture(params=BUSES)
def bus(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bus]:
    """A server of its own for each test, which may kill it."""
    with running_bus(request.param, tmp_path) as server:
        yield server


@pytest.fixture(scope="module", params=BUSES)
def shared_bus(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Bus]:
    """A server for the tests of a module. Those that start nodes on it name a namespace of their
    own, or ids that no other test has."""
    with running_bus(request.param, tmp_path_factory.mktemp("bus")) as server:
        yield server


@pytest.fixture(scope="module", params=NODE_VERSIONS)
def node_version(request: pytest.FixtureRequest) -> NodeVersion:
    version: NodeVersion = request.param
    return version


@pytest.fixture
def node_of() -> Iterator[NodeOf]:
    """Start nodes of Moleculer; they are stopped at the end of the test."""
    with ExitStack() as stack:

        async def start(node_id: str, version: NodeVersion, bus: Bus, **settings: Any) -> NodePeer:
            peer = NodePeer(node_id, version, bus.url, **settings)
            stack.callback(peer.close)
            await peer.ready()
            return peer

        yield start
