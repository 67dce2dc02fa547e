"""Password hashes: Argon2id, computed in a bounded number of threads."""

import asyncio
import base64
import logging
import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Self, TypeVar

import attrs
from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError, VerifyMismatchError
from injector import inject

from bundles.security.logins.old_password_hashes import is_old_hash, verify_old
from bundles.security.logins.turns import Turns
from bundles.security.settings import SecuritySettings
from bundles.sessions.addresses import address_of
from rxkernel import UnprocessableEntityException, current_request, network_of

_LOGGER = logging.getLogger(__name__)

T = TypeVar("T")

MAX_PASSWORD = 1024
"""Longest password, in bytes of UTF-8."""


@attrs.frozen
class Verified:
    """The result of `Passwords.verify`.

    Attributes:
        matches: whether the password is the right one.
        is_outdated: whether it matches, and its hash should be replaced by a new one.
    """

    matches: bool
    is_outdated: bool = False


_REFUSED = Verified(False)


class Passwords:
    """Hashes and verifies passwords in threads, without blocking the event loop.

    The number of threads is limited: each hash takes tens of megabytes and a core.
    """

    @inject
    def __init__(self, settings: SecuritySettings) -> None:
        costs = settings.passwords
        self._hasher = PasswordHasher(
            time_cost=costs.iterations, memory_cost=costs.memory, parallelism=1
        )
        self._threads = ThreadPoolExecutor(costs.threads, "passwords")
        self._turns = Turns(costs.threads, costs.max_waiting)
        self._unknown = _hash_of_no_password(self._hasher)

    async def hash(self, password: str) -> str:
        """Return a hash of *password*, to be stored.

        Raises:
            UnprocessableEntityException: it is empty, or longer than `MAX_PASSWORD` bytes.
            ServiceUnavailableException: too many passwords wait for a thread.
        """
        data = _bytes_of(password)
        if data is None:
            raise UnprocessableEntityException(
                f"a password must have 1 to {MAX_PASSWORD} bytes", code="password_length"
            )
        return await self._run(lambda: self._hasher.hash(data))

    async def verify(self, password: str, stored: str | None) -> Verified:
        """Compare *password* with the hash *stored*.

        The work is the same if *stored* is None, for an unknown user or one without a password,
        so the time does not show which users exist. Only a hash of another kind or cost takes
        another time. If *stored* is None, no password matches.

        Raises:
            ServiceUnavailableException: too many passwords wait for a thread.
        """
        data = _bytes_of(password)
        if data is None:
            return _REFUSED
        if stored is not None and is_old_hash(stored):
            return await self._run(lambda: self._verify_old(data, stored))
        return await self._run(lambda: self._verify(data, stored))

    def _verify(self, password: bytes, stored: str | None) -> Verified:
        try:
            self._hasher.verify(stored or self._unknown, password)
        except VerifyMismatchError:
            return _REFUSED
        except (Argon2Error, InvalidHashError, UnicodeError):
            _log_unreadable()
            return self._verify(password, None)
        if not stored:
            return _REFUSED
        return Verified(True, self._hasher.check_needs_rehash(stored))

    def _verify_old(self, password: bytes, stored: str) -> Verified:
        try:
            matches = verify_old(stored, password)
        except ValueError:
            _log_unreadable()
            return self._verify(password, None)
        return Verified(matches, matches)

    async def _run(self, compute: Callable[[], T]) -> T:
        async with self._turns.of(network_of(address_of(current_request.get()))):
            return await asyncio.get_running_loop().run_in_executor(self._threads, compute)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)


def _log_unreadable() -> None:
    _LOGGER.error(
        "a stored password hash cannot be read, so its user cannot log in; it must be a hash of "
        "Argon2, bcrypt or scrypt"
    )


def _bytes_of(password: str) -> bytes | None:
    """*password* in UTF-8; None if it is not allowed: empty, too long, or with a lone
    surrogate."""
    if not 0 < len(password) <= MAX_PASSWORD:
        return None
    try:
        data = password.encode()
    except UnicodeEncodeError:
        return None
    return data if len(data) <= MAX_PASSWORD else None


def _hash_of_no_password(hasher: PasswordHasher) -> str:
    """A hash with the cost of *hasher* and random content: verifying a password against it takes
    the usual time, and fails."""
    salt, content = (
        base64.b64encode(secrets.token_bytes(size)).decode().rstrip("=")
        for size in (hasher.salt_len, hasher.hash_len)
    )
    costs = f"m={hasher.memory_cost},t={hasher.time_cost},p={hasher.parallelism}"
    return f"$argon2id$v=19${costs}${salt}${content}"
