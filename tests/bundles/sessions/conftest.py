"""Every store, with a redis-server where it needs one."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bundles.sessions import SessionsSettings
from tests.bundles.redis_servers import RedisServer
from tests.bundles.resources.conftest import mariadb_database as mariadb_database
from tests.bundles.resources.conftest import mariadb_server as mariadb_server
from tests.bundles.resources.conftest import postgresql_database as postgresql_database
from tests.bundles.resources.conftest import postgresql_server as postgresql_server
from tests.bundles.resources.servers import TestDatabase
from tests.bundles.sessions.shop import Site
from tests.bundles.sessions.stores import DATABASES, STORES, settings_of
from tests.clients.conftest import run_node as run_node

SettingsOf = Callable[..., SessionsSettings]


@pytest.fixture(autouse=True)
def log_everything(debug_logs: None) -> None:
    """See `debug_logs`: `tests.logged_secrets` searches the log."""


@pytest.fixture(params=STORES)
def store_name(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def redis_url(store_name: str, request: pytest.FixtureRequest) -> Iterator[str]:
    """The URL of a server of this test. It is started for the store ``redis`` only."""
    if store_name in DATABASES:
        database: TestDatabase = request.getfixturevalue(f"{store_name}_database")
        yield database.url
        return
    if store_name != "redis":
        yield "redis://127.0.0.1:1"
        return
    server: RedisServer = request.getfixturevalue("redis")
    yield server.url


@pytest.fixture
def settings_for(store_name: str, tmp_path: Path) -> SettingsOf:
    """Settings of the store, with limits."""
    return lambda **limits: settings_of(store_name, tmp_path, **limits)


SiteOf = Callable[..., Site]


@pytest.fixture
def site_of(settings_for: SettingsOf, redis_url: str) -> SiteOf:
    """Applications with the store, with limits. The applications of one test share it, except in
    memory."""
    return lambda **limits: Site(settings_for(**limits), redis_url)
