"""Limits failed logins per account and per address, so that others cannot lock out a user.

Three limits count failures: of one account from one address (one attacker guesses passwords), of
one address (one attacker tries many accounts), and of one account from all addresses from which it
has never logged in (many machines guess). The last one does not stop the owner of an account at a
known address: failures from other addresses do not count there.

Failures count for all spellings of a name, since a provider may treat them as one account. A
success does not clear them, and an address is known for one spelling only: two users whose names
differ in case may be two persons.
"""

import asyncio
import hashlib
import logging
import time
import unicodedata
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import attrs
from injector import inject

from bundles.security.exceptions import BadCredentials
from bundles.security.logins.rate_limit import RateLimit, too_many
from bundles.security.logins.turns import RETRY_AFTER, Turns
from bundles.security.settings import SecuritySettings
from rxkernel import ServiceUnavailableException, network_of

_LOGGER = logging.getLogger(__name__)

_KNOWN_ADDRESSES = 5
"""Addresses that are remembered for one account, the last ones."""


class Throttling:
    @inject
    def __init__(self, settings: SecuritySettings) -> None:
        limits = settings.throttling
        self._pairs = RateLimit(limits.attempts, limits.window, limits.max_tracked)
        self._addresses = RateLimit(limits.address_attempts, limits.window, limits.max_tracked)
        self._accounts = RateLimit(limits.account_attempts, limits.window, limits.max_tracked)
        self._known: OrderedDict[str, tuple[str, ...]] = OrderedDict()
        self._max_known = limits.max_tracked
        self._turns = Turns(settings.passwords.threads, settings.passwords.max_waiting)
        self._timeout = settings.passwords.timeout

    @asynccontextmanager
    async def attempt(self, identifier: str, address: str | None) -> AsyncIterator["Attempt"]:
        """Run the block as an attempt of *identifier*, who may not exist, to log in from
        *address*.

        The attempt has failed if the block raises `BadCredentials` or is cancelled, since a client
        may disconnect before the response. Other exceptions are not the client's fault. At most
        ``security.passwords.threads`` attempts run at a time, and others wait: so attempts that
        are sent together do not all pass before the first has failed. A client with too many
        failures is refused without waiting.

        Raises:
            TooManyRequestsException: too many have failed; with ``Retry-After``.
            ServiceUnavailableException: too many attempts wait, or the block took too long and was
                cancelled; with ``Retry-After``.
        """
        attempt = Attempt(self, network_of(address or ""))
        self.check(identifier, attempt.network)
        async with self._turns.of(attempt.network):
            attempt.names(identifier)
            try:
                async with _limited(self._timeout):
                    yield attempt
            except (BadCredentials, asyncio.CancelledError):
                self._failed(attempt)
                raise
            for name in attempt.identifiers:
                self._learn(name, attempt.network)

    def check(self, identifier: str, network: str) -> None:
        """Return if *identifier* may try to log in from *network*.

        Raises:
            TooManyRequestsException: it may not.
        """
        now, account = time.monotonic(), _key_of(identifier)
        waits = [
            self._addresses.wait(network, now),
            self._pairs.wait(f"{account} {network}", now),
        ]
        if not self._knows(identifier, network):
            waits.append(self._accounts.wait(account, now))
        if (seconds := max(waits)) > 0:
            raise too_many("too many failed logins", "login_throttled", seconds)

    def _failed(self, attempt: "Attempt") -> None:
        now, network = time.monotonic(), attempt.network
        self._addresses.add(network, now)
        for account in {_key_of(name) for name in attempt.identifiers}:
            self._pairs.add(f"{account} {network}", now)
        unknown = {_key_of(n) for n in attempt.identifiers if not self._knows(n, network)}
        for account in unknown:
            self._accounts.add(account, now)

    def _knows(self, identifier: str, network: str) -> bool:
        return network in self._known.get(_digest(identifier), ())

    def _learn(self, identifier: str, network: str) -> None:
        name = _digest(identifier)
        others = [known for known in self._known.pop(name, ()) if known != network]
        self._known[name] = (*others, network)[-_KNOWN_ADDRESSES:]
        if len(self._known) > self._max_known:
            self._known.popitem(last=False)


@attrs.define(eq=False)
class Attempt:
    """One login from *network*."""

    _throttling: Throttling
    network: str
    identifiers: list[str] = attrs.field(factory=list)

    def names(self, identifier: str) -> None:
        """Count the login for the account *identifier* too: the user may have several names.

        Raises:
            TooManyRequestsException: too many logins of that account have failed.
        """
        if identifier not in self.identifiers:
            self._throttling.check(identifier, self.network)
            self.identifiers.append(identifier)


@asynccontextmanager
async def _limited(seconds: float) -> AsyncIterator[None]:
    """Cancel the block if it takes longer than *seconds*.

    Raises:
        ServiceUnavailableException: it was cancelled.
    """
    timeout = asyncio.timeout(seconds)
    try:
        async with timeout:
            yield
    except TimeoutError as exc:
        if not timeout.expired():
            raise
        _LOGGER.error(
            "a login was cancelled after security.passwords.timeout, %g s: the UserProvider or a "
            "listener did not return",
            seconds,
            exc_info=exc,
        )
        raise ServiceUnavailableException(
            "the login took too long; try again later", code="login_timeout", headers=RETRY_AFTER
        ) from exc


def _key_of(identifier: str) -> str:
    """One key for all spellings that a provider may treat as equal: case, width, surrounding
    spaces."""
    return _digest(unicodedata.normalize("NFKC", identifier).casefold().strip())


def _digest(text: str) -> str:
    """A key of 32 characters, so that long texts of clients take no memory."""
    return hashlib.blake2b(text.encode(errors="surrogatepass"), digest_size=16).hexdigest()
