"""What clients may take: who goes over a limit is counted, and told of once.

Counts are by the name of the setting (``socketio.max_sessions``), or ``protocol error``.
"""

import logging
import time
from collections import Counter
from ipaddress import IPv6Network, ip_address

from rxkernel.messages.connection import ClientAddress
from rxkernel.settings import SocketioSettings

logger = logging.getLogger(__name__)

_TELLING = 60.0
"""Seconds in which the same limit is not logged again."""


class ProtocolError(ValueError):
    """The client broke the protocol, or went over a limit that closes; *setting* names it."""

    def __init__(self, message: str, setting: str = "protocol error") -> None:
        super().__init__(message)
        self.setting = setting


class Limits:
    """The sessions of one server, and what was refused so far (``counts``)."""

    def __init__(self, settings: SocketioSettings) -> None:
        self.settings = settings
        self.counts: Counter[str] = Counter()
        self._sessions = 0
        self._by_address: Counter[str] = Counter()
        self._told: dict[str, float] = {}

    def admit(self, client: ClientAddress | None) -> str | None:
        """Count one more session of *client*, or return the setting that refuses it."""
        address = _counted(client)
        if self._sessions >= self.settings.max_sessions:
            return "socketio.max_sessions"
        if address is not None:
            if self._by_address[address] >= self.settings.max_sessions_per_address:
                return "socketio.max_sessions_per_address"
            self._by_address[address] += 1
        self._sessions += 1
        return None

    def leave(self, client: ClientAddress | None) -> None:
        """One session of *client* has ended."""
        self._sessions -= 1
        address = _counted(client)
        if address is not None:
            self._by_address[address] -= 1
            if not self._by_address[address]:
                del self._by_address[address]

    def crossed(self, setting: str, what: str) -> None:
        """Count it; say so at most once a minute, with how often it has been so far."""
        self.counts[setting] += 1
        now = time.monotonic()
        if now >= self._told.get(setting, 0.0):
            self._told[setting] = now + _TELLING
            logger.warning("%s: %s (%d so far)", setting, what, self.counts[setting])

    def tell_closed(self, sid: str, client: ClientAddress | None, exc: ProtocolError) -> None:
        """Count what closed the session *sid*, one line each."""
        self.counts[exc.setting] += 1
        host = client.host if client else "a client"
        logger.warning("closed %s of %s: %.200r (%s)", sid, host, str(exc), exc.setting)


class TokenBucket:
    """*rate* messages a second, and as many at once after a pause; the first is always free."""

    __slots__ = ("_burst", "_due", "_interval")

    def __init__(self, rate: float) -> None:
        self._interval = 1 / rate
        self._burst = max(1.0, self._interval)
        self._due = 0.0

    def take(self, now: float) -> float:
        """Take one token; returns for how many seconds it must not be used, 0 or less for none."""
        self._due = max(self._due, now) + self._interval
        return self._due - now - self._burst


def _counted(client: ClientAddress | None) -> str | None:
    """What sessions are counted by: an IPv4 address, or the /64 that one IPv6 client has."""
    if client is None:
        return None
    try:
        address = ip_address(client.host.partition("%")[0])
    except ValueError:
        return client.host
    if address.version == 4:
        return client.host
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(IPv6Network((int(address), 64), strict=False))
