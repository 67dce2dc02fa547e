"""The tests of this folder log everything, so that `tests.logged_secrets` searches it."""

import pytest


@pytest.fixture(autouse=True)
def log_everything(debug_logs: None) -> None:
    """See `debug_logs`."""
