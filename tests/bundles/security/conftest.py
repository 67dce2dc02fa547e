"""The tests of this folder log everything, so that `tests.logged_secrets` searches it."""

import pytest

from tests.bundles.resources.conftest import mariadb_database as mariadb_database
from tests.bundles.resources.conftest import mariadb_server as mariadb_server
from tests.bundles.resources.conftest import postgresql_database as postgresql_database
from tests.bundles.resources.conftest import postgresql_server as postgresql_server


@pytest.fixture(autouse=True)
def log_everything(debug_logs: None) -> None:
    """See `debug_logs`."""
