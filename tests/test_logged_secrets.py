"""The search of the logs of all tests for secrets."""

import logging

import pytest

from tests.logged_secrets import SecretFinder

RANDOM = "Zc7u0-hYpQ_w3kLr9sXoT2bVnE5mGJ4aFdI8yR6tB1e"
"""As `secrets.token_urlsafe(32)` makes them."""


@pytest.mark.parametrize(
    ("message", "arguments", "is_found"),
    [
        ("the password s3cret-ada is wrong", (), True),
        ("headers: %r", ({"Authorization": "Bearer eyJhbGciOiJIUzI1NiJ9.e30.x"},), True),
        ("a hash: %s", ("$argon2id$v=19$m=8,t=1,p=1$c2FsdA$aGFzaA",), True),
        ("Cookie: sid=%s; path=/", (RANDOM,), True),
        ("refreshToken=%s", (RANDOM,), True),
        ("id %s", ("0123456789abcdef" * 4,), False),
        ("module.test_a_name_that_has_forty_three_letters_in_all", (), False),
        ("the store cannot be used", (), False),
    ],
)
def test_finder_keeps_lines_with_a_secret(
    message: str, arguments: tuple[object, ...], is_found: bool
) -> None:
    finder = SecretFinder()
    finder.handle(logging.makeLogRecord({"msg": message, "args": arguments}))
    assert bool(finder.found) is is_found


def test_finder_searches_tracebacks() -> None:
    finder = SecretFinder()
    try:
        raise ValueError("s3cret-ada")
    except ValueError as exc:
        info = (type(exc), exc, exc.__traceback__)
    finder.handle(logging.makeLogRecord({"msg": "failed", "exc_info": info}))
    assert finder.found


def test_finder_is_installed_in_each_test(logged_secrets: SecretFinder) -> None:
    logging.getLogger("bundles.security").error("the password s3cret-ada is wrong")
    assert len(logged_secrets.found) == 1
    logged_secrets.found.clear()
