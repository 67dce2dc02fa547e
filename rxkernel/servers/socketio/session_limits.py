"""Limits the number of sessions, and counts how often clients exceeded a limit."""

import logging

from rxkernel.messages.connection import ClientAddress
from rxkernel.servers.limits import ConnectionQuota, LimitCounters, QuotaScope, network_of
from rxkernel.servers.socketio.protocol_error import ProtocolError
from rxkernel.settings import SocketioSettings

logger = logging.getLogger(__name__)

_SETTINGS = {
    QuotaScope.ALL: "socketio.max_sessions",
    QuotaScope.NETWORK: "socketio.max_sessions_per_address",
}


class SessionLimits(LimitCounters):
    """The limits of one server, and the sessions that count towards them.

    Attributes:
        flush_timeout: seconds that a closing websocket has to receive the packets that were sent
            before.
    """

    def __init__(self, settings: SocketioSettings) -> None:
        super().__init__()
        self.settings = settings
        self.flush_timeout = 1.0
        self._quota = ConnectionQuota(settings.max_sessions, settings.max_sessions_per_address)

    @property
    def used(self) -> int:
        """The number of sessions that are counted now."""
        return self._quota.used

    def acquire(self, client: ClientAddress | None) -> str | None:
        """Count a new session of *client*, or return the setting that forbids it."""
        full = self._quota.acquire(_network(client))
        return None if full is None else _SETTINGS[full]

    def release(self, client: ClientAddress | None) -> None:
        """Subtract a session of *client* that has ended."""
        self._quota.release(_network(client))

    def record_closed(self, sid: str, client: ClientAddress | None, exc: ProtocolError) -> None:
        """Count and log that the session *sid* is closed because of *exc*."""
        self.counts[exc.setting] += 1
        host = client.host if client else "a client"
        logger.warning("closed %s of %s: %.200r (%s)", sid, host, str(exc), exc.setting)


def _network(client: ClientAddress | None) -> str | None:
    return None if client is None else network_of(client.host)
