"""What Socket.IO's clients may take: who goes over a limit is counted, and told of once."""

import logging

from rxkernel.messages.connection import ClientAddress
from rxkernel.servers.disconnect_reason import DisconnectReason
from rxkernel.servers.limits import ConnectionQuota, LimitCounters, QuotaScope, network_of
from rxkernel.settings import SocketioSettings

logger = logging.getLogger(__name__)

_SETTINGS = {
    QuotaScope.ALL: "socketio.max_sessions",
    QuotaScope.NETWORK: "socketio.max_sessions_per_address",
}


_PROTOCOL = "protocol error"


class ProtocolError(ValueError):
    """The client broke the protocol, or went over a limit that closes; *setting* names it."""

    def __init__(self, message: str, setting: str = _PROTOCOL) -> None:
        super().__init__(message)
        self.setting = setting

    @property
    def reason(self) -> DisconnectReason:
        """Why the connections end that this closes."""
        is_limit = self.setting != _PROTOCOL
        return DisconnectReason.LIMIT if is_limit else DisconnectReason.TRANSPORT_ERROR


class Limits(LimitCounters):
    """The sessions of one server, and what was refused so far."""

    def __init__(self, settings: SocketioSettings) -> None:
        super().__init__()
        self.settings = settings
        self._quota = ConnectionQuota(settings.max_sessions, settings.max_sessions_per_address)

    def admit(self, client: ClientAddress | None) -> str | None:
        """Count one more session of *client*, or return the setting that refuses it."""
        full = self._quota.acquire(_network(client))
        return None if full is None else _SETTINGS[full]

    def leave(self, client: ClientAddress | None) -> None:
        """One session of *client* has ended."""
        self._quota.release(_network(client))

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


def _network(client: ClientAddress | None) -> str | None:
    return None if client is None else network_of(client.host)
