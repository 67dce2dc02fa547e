"""Searches the log of each test of this folder, from DEBUG on, for the secrets of the tests."""

import logging
from collections.abc import Iterator

import pytest

SECRETS = ("s3cret", "secret of ada", "key-of-ada", "eyJ")
"""Passwords, keys, and the first letters of each JSON Web Token."""


class _Secrets(logging.Handler):
    """Keeps the lines with a secret, formatted as a log file would have them."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.found: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        line = self.format(record)
        if any(secret in line for secret in SECRETS):
            self.found.append(line)


@pytest.fixture(autouse=True)
def no_secret_is_logged() -> Iterator[None]:
    handler = _Secrets()
    loggers = [logging.getLogger(name) for name in ("bundles", "rxkernel")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.addHandler(handler)
        logger.setLevel(logging.DEBUG)
    yield
    for logger, level in zip(loggers, levels, strict=True):
        logger.removeHandler(handler)
        logger.setLevel(level)
    assert handler.found == []
