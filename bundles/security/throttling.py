"""Limits failed logins per account and per address, without a lock that others could close.

Three limits count failures. An account from one address: guesses of one attacker. An address: many
accounts from one place. An account from all addresses that it has never logged in from: guesses of
many machines. The owner of an account is not stopped by the last one at a known address: there,
failures from other addresses do not count.
"""

import asyncio
import hashlib
import time
import unicodedata
from collections import OrderedDict
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import attrs
from injector import inject

from bundles.security.addresses import network_of
from bundles.security.exceptions import BadCredentials
from bundles.security.rate_limit import RateLimit, too_many
from bundles.security.settings import SecuritySettings
from bundles.security.turns import Turns

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
        attempt = Attempt(self, network_of(address))
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
            raise too_many("too many failed logins", "login_throttled", seconds)

    def _failed(self, attempt: "Attempt") -> None:
        now = time.monotonic()
        self._addresses.add(attempt.network, now)
        for account in attempt.accounts:
            for limit, key in self._account_limits(account, attempt.network):
                limit.add(key, now)

    def _limits(self, account: str, network: str) -> Iterator[tuple[RateLimit, str]]:
        yield self._addresses, network
        yield from self._account_limits(account, network)

    def _account_limits(self, account: str, network: str) -> Iterator[tuple[RateLimit, str]]:
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
