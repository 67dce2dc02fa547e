"""Searches what the tests log for their secrets; a test that logs one fails.

A pytest plugin: the root `conftest.py` names it in ``pytest_plugins``. The tests of a bundle that
handles secrets also log from DEBUG on, see `debug_logs`.
"""

import logging
from collections.abc import Iterator

import pytest

SECRETS = ("s3cret", "secret of ada", "key-of-ada", "eyJ")
"""Passwords, keys, and the first letters of each JSON Web Token."""


class SecretFinder(logging.Handler):
    """Keeps the lines with a secret, formatted as a log file would have them."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.found: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        line = self.format(record)
        if any(secret in line for secret in SECRETS):
            self.found.append(line)


@pytest.fixture(autouse=True)
def logged_secrets() -> Iterator[SecretFinder]:
    finder = SecretFinder()
    root = logging.getLogger()
    root.addHandler(finder)
    yield finder
    root.removeHandler(finder)
    assert finder.found == []


@pytest.fixture
def debug_logs() -> Iterator[None]:
    """Log everything of the framework and its bundles during the test."""
    loggers = [logging.getLogger(name) for name in ("bundles", "rxkernel")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.DEBUG)
    yield
    for logger, level in zip(loggers, levels, strict=True):
        logger.setLevel(level)
