"""Limits failed logins per account and per address, without a lock that others could close.

Three limits count failures. An account from one address: guesses of one attacker. An address: many
accounts from one place. An account from all addresses that it has never logged in from: guesses of
many machines. The owner of an account is not stopped by the last one at a known address: there,
failures from other addresses do not count.
"""

import asyncio
import hashlib
import math
import time
import unicodedata
from collections import OrderedDict
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from ipaddress import IPv6Address, ip_address

import attrs
from injector import inject

from bundles.security.exceptions import BadCredentials
from bundles.security.settings import SecuritySettings
from bundles.security.turns import Turns
from rxkernel import TooManyRequestsException

_KNOWN_ADDRESSES = 5
"""Addresses that are remembered for one account, the last ones."""


@attrs.define
class _Level:
    amount: float
    at: float


class FailureLimit:
    """At most *limit* failures within *window* seconds for each key. One more becomes free every
    ``window / limit`` seconds (a leaky bucket). Of *max_keys* the least recent is dropped."""

    def __init__(self, limit: int, window: float, max_keys: int) -> None:
        self._limit = limit
        self._rate = limit / window
        self._max_keys = max_keys
        self._levels: OrderedDict[str, _Level] = OrderedDict()

    def __len__(self) -> int:
        return len(self._levels)

    def wait(self, key: str, now: float) -> float:
        """Seconds until *key* may try again; 0: now."""
        level = self._levels.get(key)
        return 0.0 if level is None else max(0.0, self._excess(level, now) / self._rate)

    def _excess(self, level: _Level, now: float) -> float:
        return self._left(level, now) + 1 - self._limit

    def _left(self, level: _Level, now: float) -> float:
        return max(0.0, level.amount - (now - level.at) * self._rate)

    def add(self, key: str, now: float) -> None:
        """Count a failure."""
        level = self._levels.pop(key, None)
        left = 0.0 if level is None else self._left(level, now)
        self._levels[key] = _Level(left + 1, now)
        if len(self._levels) > self._max_keys:
            self._levels.popitem(last=False)

    def reset(self, key: str) -> None:
        self._levels.pop(key, None)


class Throttling:
    @inject
    def __init__(self, settings: SecuritySettings) -> None:
        limits = settings.throttling
        self._pairs = FailureLimit(limits.attempts, limits.window, limits.max_tracked)
        self._addresses = FailureLimit(limits.address_attempts, limits.window, limits.max_tracked)
        self._accounts = FailureLimit(limits.account_attempts, limits.window, limits.max_tracked)
        self._known: OrderedDict[str, tuple[str, ...]] = OrderedDict()
        self._max_known = limits.max_tracked
        self._turns = Turns(settings.passwords.threads, settings.passwords.max_waiting)

    @asynccontextmanager
    async def attempt(self, identifier: str, address: str | None) -> AsyncIterator["Attempt"]:
        """Within the block *identifier*, who may not exist, tries to log in from *address*.

        It has failed if the block raises `BadCredentials` or is cancelled: a client may leave
        before the response. Another exception is not the client's fault. As many attempts as
        passwords are verified at a time run, others wait: so attempts that are sent together
        do not all pass before the first has failed. A client with too many failures does not
        wait.

        Raises:
            TooManyRequestsException: too many have failed; with ``Retry-After``.
            ServiceUnavailableException: too many wait; with ``Retry-After``.
        """
        attempt = Attempt(self, _network_of(address))
        self.check(_key_of(identifier), attempt.network)
        async with self._turns:
            attempt.names(identifier)
            try:
                yield attempt
            except (BadCredentials, asyncio.CancelledError):
                self._failed(attempt)
                raise
            for account in attempt.accounts:
                self._succeeded(account, attempt.network)

    def check(self, account: str, network: str) -> None:
        """Return if *account* may try to log in from *network*.

        Raises:
            TooManyRequestsException: it may not.
        """
        now = time.monotonic()
        seconds = max(limit.wait(key, now) for limit, key in self._limits(account, network))
        if seconds > 0:
            raise TooManyRequestsException(
                "too many failed logins",
                code="login_throttled",
                headers={"Retry-After": str(math.ceil(seconds))},
            )

    def _failed(self, attempt: "Attempt") -> None:
        now = time.monotonic()
        self._addresses.add(attempt.network, now)
        for account in attempt.accounts:
            for limit, key in self._account_limits(account, attempt.network):
                limit.add(key, now)

    def _limits(self, account: str, network: str) -> Iterator[tuple[FailureLimit, str]]:
        yield self._addresses, network
        yield from self._account_limits(account, network)

    def _account_limits(self, account: str, network: str) -> Iterator[tuple[FailureLimit, str]]:
        yield self._pairs, f"{account} {network}"
        if network not in self._known.get(account, ()):
            yield self._accounts, account

    def _succeeded(self, account: str, network: str) -> None:
        self._pairs.reset(f"{account} {network}")
        others = [known for known in self._known.pop(account, ()) if known != network]
        self._known[account] = (*others, network)[-_KNOWN_ADDRESSES:]
        if len(self._known) > self._max_known:
            self._known.popitem(last=False)


@attrs.define(eq=False)
class Attempt:
    """One login from *network*."""

    _throttling: Throttling
    network: str
    accounts: list[str] = attrs.field(factory=list)

    def names(self, identifier: str) -> None:
        """The login is one of the account *identifier* too: the user may have several names.

        Raises:
            TooManyRequestsException: too many logins of that account have failed.
        """
        account = _key_of(identifier)
        if account not in self.accounts:
            self._throttling.check(account, self.network)
            self.accounts.append(account)


def _key_of(identifier: str) -> str:
    """Short, whatever the client has sent, and one for all spellings that a provider may take for
    the same: cases, widths, spaces around it."""
    text = unicodedata.normalize("NFKC", identifier).casefold().strip()
    data = text.encode(errors="surrogatepass")
    return hashlib.blake2b(data, digest_size=16).hexdigest()


def _network_of(address: str | None) -> str:
    """The address; of an IPv6 address its /64, in which one host may have any address."""
    try:
        found = ip_address(address or "")
    except ValueError:
        return address or ""
    if not isinstance(found, IPv6Address):
        return str(found)
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(IPv6Address(int(found) >> 64 << 64))
