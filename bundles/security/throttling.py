"""Limits failed logins per account and per address, without a lock that others could close.

Three limits count failures. An account from one address: guesses of one attacker. An address: many
accounts from one place. An account from all addresses that it has never logged in from: guesses of
many machines. The owner of an account is not stopped by the last one at a known address, nor by
failures of others at all there.
"""

import hashlib
import math
import time
from collections import OrderedDict
from collections.abc import Iterator
from ipaddress import IPv6Address, ip_address
from types import TracebackType

import attrs
from injector import inject

from bundles.security.exceptions import BadCredentials
from bundles.security.settings import SecuritySettings
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

    def add(self, key: str, now: float, amount: float = 1.0) -> None:
        """Count an attempt, or with -1 remove one that has succeeded."""
        level = self._levels.pop(key, None)
        amount += 0.0 if level is None else self._left(level, now)
        if amount > 0:
            self._levels[key] = _Level(amount, now)
        if len(self._levels) > self._max_keys:
            self._levels.popitem(last=False)

    def reset(self, key: str) -> None:
        self._levels.pop(key, None)


class LoginAttempt:
    """One attempt, as a context manager. It counts as a failure from its start on, so that
    attempts at the same time cannot all pass.

    It remains one if the block raises `BadCredentials` or is cancelled. Another exception is not
    the client's fault.
    """

    def __init__(self, throttling: "Throttling", account: str, network: str) -> None:
        self._throttling = throttling
        self._account = account
        self._network = network

    def __enter__(self) -> None:
        self._throttling.began(self._account, self._network)

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        if exc is None:
            self._throttling.succeeded(self._account, self._network)
        elif isinstance(exc, Exception) and not isinstance(exc, BadCredentials):
            self._throttling.removed(self._account, self._network)


class Throttling:
    @inject
    def __init__(self, settings: SecuritySettings) -> None:
        limits = settings.throttling
        self._pairs = FailureLimit(limits.attempts, limits.window, limits.max_tracked)
        self._addresses = FailureLimit(limits.address_attempts, limits.window, limits.max_tracked)
        self._accounts = FailureLimit(limits.account_attempts, limits.window, limits.max_tracked)
        self._known: OrderedDict[str, tuple[str, ...]] = OrderedDict()
        self._max_known = limits.max_tracked

    def attempt(self, identifier: str, address: str | None) -> LoginAttempt:
        """An attempt to log in as *identifier*, who may not exist, from *address*."""
        return LoginAttempt(self, _key_of(identifier), _network_of(address))

    def began(self, account: str, network: str) -> None:
        """Count an attempt.

        Raises:
            TooManyRequestsException: with ``Retry-After``; the password is not verified then.
        """
        now = time.monotonic()
        counted = tuple(self._limits(account, network))
        seconds = max(limit.wait(key, now) for limit, key in counted)
        if seconds > 0:
            raise TooManyRequestsException(
                "too many failed logins",
                code="login_throttled",
                headers={"Retry-After": str(math.ceil(seconds))},
            )
        for limit, key in counted:
            limit.add(key, now)

    def removed(self, account: str, network: str) -> None:
        """Count an attempt no longer."""
        now = time.monotonic()
        for limit, key in self._limits(account, network):
            limit.add(key, now, -1.0)

    def _limits(self, account: str, network: str) -> Iterator[tuple[FailureLimit, str]]:
        yield self._pairs, f"{account} {network}"
        yield self._addresses, network
        if network not in self._known.get(account, ()):
            yield self._accounts, account

    def succeeded(self, account: str, network: str) -> None:
        self.removed(account, network)
        self._pairs.reset(f"{account} {network}")
        others = [known for known in self._known.pop(account, ()) if known != network]
        self._known[account] = (*others, network)[-_KNOWN_ADDRESSES:]
        if len(self._known) > self._max_known:
            self._known.popitem(last=False)


def _key_of(identifier: str) -> str:
    """Short, whatever the client has sent."""
    data = identifier.encode(errors="surrogatepass")
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
