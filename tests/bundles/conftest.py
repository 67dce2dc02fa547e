"""A redis-server or a nats-server for the tests of bundles."""

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bundles.nats_servers import NatsServer, running_nats
from tests.bundles.redis_servers import RedisServer, running_redis

_numbers = itertools.count()


@pytest.fixture
def redis(redis_server: Path, tmp_path: Path) -> Iterator[RedisServer]:
    """A server of its own for each test, which may kill it."""
    with running_redis(redis_server, tmp_path) as server:
        yield server


@pytest.fixture(scope="module")
def shared_redis(
    redis_server: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RedisServer]:
    """A server that the tests of a module share and do not stop."""
    with running_redis(redis_server, tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture
def prefix() -> str:
    """The ``redis.prefix`` of this test in a shared server."""
    return f"test-{next(_numbers)}:"


@pytest.fixture
def nats(nats_server: Path, tmp_path: Path) -> Iterator[NatsServer]:
    """A server of its own for each test, which may kill it."""
    with running_nats(nats_server, tmp_path) as server:
        yield server
