"""Searches the log records of the tests for secrets; a test that logs one fails.

A pytest plugin: the root `conftest.py` names it in ``pytest_plugins``. The tests of applications
with accounts or sessions also log from DEBUG on, see `debug_logs`.
"""

import logging
import re
from collections.abc import Iterator

import pytest

SECRETS = ("s3cret", "correct horse", "key-of-ada", "eyJ", "$argon2", "$2b$", "$scrypt$")
"""Passwords, keys, and the first letters of each JSON Web Token and of each hash."""

_RANDOM = re.compile(
    r"(?<![\w-])(?=[\w-]*[a-z])(?=[\w-]*[A-Z])(?=[\w-]*[0-9])[\w-]{43}(?![\w-])", re.ASCII
)
"""256 random bits in base64: a refresh token, or the secret of a session."""


class SecretFinder(logging.Handler):
    """Keeps the lines with a secret, formatted as in a log file."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.found: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        line = self.format(record)
        if any(secret in line for secret in SECRETS) or _RANDOM.search(line):
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
