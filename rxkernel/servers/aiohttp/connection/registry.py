"""All connections of the HTTP servers of an application: limits, counters, default headers."""

import asyncio
import logging
from collections.abc import MutableMapping
from typing import Any

from aiohttp import web

from rxkernel.exceptions import (
    HttpException,
    ServiceUnavailableException,
    TooManyRequestsException,
)
from rxkernel.kernel.errors import error_response
from rxkernel.messages.request_id import new_request_id
from rxkernel.servers.aiohttp.connection.access_log import AccessLines, HttpAccess, TimedHandler
from rxkernel.servers.aiohttp.connection.deadlines import Deadlines
from rxkernel.servers.aiohttp.connection.final_response import encode_final_response
from rxkernel.servers.aiohttp.connection.request_handler import RequestHandler
from rxkernel.servers.aiohttp.connection.start_order import StartOrder
from rxkernel.servers.aiohttp.request.request_ids import NativeRequestIds
from rxkernel.servers.descriptors import room_for
from rxkernel.servers.http.forwarded import ForwardedHeaders
from rxkernel.servers.http.security_headers import WITHOUT_A_REQUEST
from rxkernel.servers.limits import ConnectionQuota, LimitCounters, QuotaScope, network_of
from rxkernel.settings import HttpSettings

logger = logging.getLogger(__name__)

_RETRY_AFTER = {"Retry-After": "5"}
"""Seconds after which a rejected client may try again."""

_LINGERING = 10.0
"""Seconds at most in which the rest of an unread body is read and dropped. The client would
lose its response if the connection were closed at once."""

_NEVER = 365 * 86_400.0
"""aiohttp's own keep-alive timer is off: to it, half a head is the same as an idle client."""

_REJECTIONS: dict[QuotaScope, tuple[str, type[HttpException], str]] = {
    QuotaScope.ALL: ("http.max_connections", ServiceUnavailableException, "too many connections"),
    QuotaScope.NETWORK: (
        "http.max_connections_per_address",
        TooManyRequestsException,
        "too many connections from one address",
    ),
}


class ConnectionRegistry(LimitCounters):
    """What the connections of all ports of an application share.

    Attributes:
        deadlines: the timer of their timeouts.
        in_flight: aiohttp's tasks of the requests that are not answered yet.
        rejected: the connections that were one too many and are still open.
        start_order: that of their requests.
        lingering: seconds in which the rest of an unread body is read and dropped.
    """

    def __init__(
        self,
        settings: HttpSettings,
        proxies: ForwardedHeaders,
        ids: NativeRequestIds,
        access_log: HttpAccess | None,
    ) -> None:
        super().__init__()
        self.header_timeout = settings.header_timeout
        self.keepalive_timeout = settings.keepalive_timeout
        self.send_timeout = settings.send_timeout
        self.lingering = min(_LINGERING, settings.body_timeout)
        self.deadlines = Deadlines(
            min(settings.header_timeout, settings.keepalive_timeout, settings.send_timeout)
        )
        self.in_flight: set[asyncio.Task[Any]] = set()
        self.rejected: set[asyncio.Transport] = set()
        self.start_order = StartOrder()
        self._access_log = access_log
        self._proxies = proxies
        self._ids = ids
        self._default_headers = WITHOUT_A_REQUEST if settings.security_headers else {}
        self._max_connections = settings.max_connections
        self._max_per_address = settings.max_connections_per_address
        self.quota = ConnectionQuota(self._max_connections, self._max_per_address)
        self._reduced: tuple[int, int] | None = None

    def apply_fd_limit(self) -> None:
        """Reduce the quota to the file descriptors that the process may have; the part of one
        address keeps its ratio. Call it before the first connection."""
        total = room_for(self._max_connections)
        if total < self._max_connections:
            per_address = max(1, self._max_per_address * total // self._max_connections)
            self.quota = ConnectionQuota(total, per_address)
            self._reduced = (total, per_address)

    def log_fd_limit(self) -> None:
        """Log what `apply_fd_limit` reduced. Call it once the port is open, so that an error of
        binding is the only message."""
        if self._reduced is not None:
            total, per_address = self._reduced
            logger.info(
                "the limit of open files allows %d connections instead of http.max_connections = "
                "%d, and %d of one address; raise it (ulimit -Hn) to allow more",
                total,
                self._max_connections,
                per_address,
            )

    def network(self, host: str) -> str | None:
        """The key by which the peer *host* is counted; None for a trusted proxy."""
        return None if self._proxies.trusts(host) else network_of(host)

    def admit(self, network: str | None) -> HttpException | None:
        """Count one more connection, or return the error that it is rejected with."""
        full = self.quota.acquire(network)
        if full is None:
            return None
        setting, exception, message = _REJECTIONS[full]
        self.record(setting, f"rejected {network or 'a proxy'}: {message}")
        return exception(message, headers=_RETRY_AFTER)

    def release(self, network: str | None) -> None:
        """An admitted connection has ended."""
        self.quota.release(network)

    def add_default_headers(
        self, headers: MutableMapping[str, str], native: web.BaseRequest | None = None
    ) -> None:
        """Add the headers of every response to one that no route returns. Without *native* no
        request was read."""
        for name, value in self._default_headers.items():
            headers.setdefault(name, value)
        if native is not None:
            headers.update(self._ids.headers(native))
        elif self._ids.name is not None:
            headers[self._ids.name] = new_request_id()

    def final_response(self, exc: HttpException) -> bytes:
        """The last response of a connection on which no request was read."""
        response = error_response(exc)
        self.add_default_headers(response.headers)
        return encode_final_response(response)

    def new_handler(self, server: web.Server) -> RequestHandler:
        """aiohttp's handler of one connection, which parses and runs its requests."""
        kind = RequestHandler if self._access_log is None else TimedHandler
        return kind(
            server,
            loop=asyncio.get_running_loop(),
            keepalive_timeout=_NEVER,
            access_log=self._access_log,  # type: ignore[arg-type] # None and adapters are fine
            access_log_class=AccessLines,
            lingering_time=self.lingering,
        )

    def close(self) -> None:
        """Close the rejected connections, and enforce no timeouts any more."""
        for transport in tuple(self.rejected):
            transport.abort()
        self.deadlines.close()
