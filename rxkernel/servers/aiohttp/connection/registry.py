"""The state that all HTTP connections of an application share: limits, counters, headers."""

import asyncio
import logging
from collections.abc import MutableMapping
from typing import Any, TypedDict

import attrs
from aiohttp import hdrs, web
from aiohttp.http import SERVER_SOFTWARE

from rxkernel.exceptions import (
    HttpException,
    ServiceUnavailableException,
    TooManyRequestsException,
)
from rxkernel.kernel.errors import error_response
from rxkernel.messages.request_id import new_request_id
from rxkernel.servers.aiohttp.connection.access_log import (
    AccessLogger,
    HttpAccessLog,
    TimedRequestHandler,
)
from rxkernel.servers.aiohttp.connection.deadline_timer import DeadlineTimer
from rxkernel.servers.aiohttp.connection.request_handler import RequestHandler
from rxkernel.servers.aiohttp.connection.start_order import StartOrder
from rxkernel.servers.aiohttp.request.request_id_header import NativeRequestIdHeader
from rxkernel.servers.descriptors import room_for
from rxkernel.servers.http.final_response import encode_final_response
from rxkernel.servers.http.forwarded import ForwardedHeaders
from rxkernel.servers.http.security_headers import SECURITY_HEADERS
from rxkernel.servers.limits import ConnectionQuota, LimitCounters, QuotaScope, network_of
from rxkernel.settings import HttpSettings

logger = logging.getLogger(__name__)

_RETRY_AFTER = {"Retry-After": "5"}
"""Seconds after which a rejected client may try again."""

_MAX_LINGERING_TIME = 10.0
"""The maximum of `ConnectionRegistry.lingering_time`."""

_KEEPALIVE_TIMEOUT_OFF = 365 * 86_400.0
"""Disables aiohttp's keep-alive timer, which does not distinguish an idle client from one that has
sent a part of a head."""

_DEFAULT_MAX_CONNECTIONS = attrs.fields(HttpSettings).max_connections.default

_FEW_CONNECTIONS = 1000
"""If the limit of open files allows fewer connections than this, a warning is logged."""

_REJECTIONS: dict[QuotaScope, tuple[str, type[HttpException], str]] = {
    QuotaScope.ALL: ("http.max_connections", ServiceUnavailableException, "too many connections"),
    QuotaScope.NETWORK: (
        "http.max_connections_per_address",
        TooManyRequestsException,
        "too many connections from one address",
    ),
}


class HeadLimits(TypedDict):
    """The parameters of aiohttp's parsers for the sizes of request heads."""

    max_line_size: int
    max_field_size: int
    max_headers: int


class ConnectionRegistry(LimitCounters):
    """The shared state of the connections of all ports of an application.

    Attributes:
        deadline_timer: the timer of their timeouts.
        in_flight: aiohttp's tasks for the requests whose responses have not been sent.
        rejected: the rejected connections that are still open.
        start_order: the order in which their requests start.
        head_limits: the largest request heads.
        lingering_time: seconds for which the rest of an unread body is read and dropped, after the
            response was sent. If the connection were closed at once, the client would lose the
            response.
        log_class: writes the lines of aiohttp's requests to the access log.
    """

    log_class: type[AccessLogger] = AccessLogger

    def __init__(
        self,
        settings: HttpSettings,
        forwarded: ForwardedHeaders,
        ids: NativeRequestIdHeader,
        access_log: HttpAccessLog | None,
    ) -> None:
        super().__init__()
        self.header_timeout = settings.header_timeout
        self.keepalive_timeout = settings.keepalive_timeout
        self.send_timeout = settings.send_timeout
        self.lingering_time = min(_MAX_LINGERING_TIME, settings.body_timeout)
        self.head_limits = HeadLimits(
            max_line_size=settings.max_line_size,
            max_field_size=settings.max_field_size,
            max_headers=settings.max_headers,
        )
        self.deadline_timer = DeadlineTimer(
            min(settings.header_timeout, settings.keepalive_timeout, settings.send_timeout)
        )
        self.in_flight: set[asyncio.Task[Any]] = set()
        self.rejected: set[asyncio.Transport] = set()
        self.start_order = StartOrder()
        self._access_log = access_log
        self._forwarded = forwarded
        self._ids = ids
        self._default_headers = (
            SECURITY_HEADERS if settings.security_headers else {hdrs.SERVER: SERVER_SOFTWARE}
        )
        self._max_connections = settings.max_connections
        self._max_per_address = settings.max_connections_per_address
        self.quota = ConnectionQuota(self._max_connections, self._max_per_address)
        self._reduced: tuple[int, int] | None = None

    def apply_fd_limit(self) -> None:
        """Reduce the limits of connections to the number of files that the process may open.

        The limit for one address is reduced by the same factor. Call it before the first
        connection.
        """
        total = room_for(self._max_connections)
        if total < self._max_connections:
            per_address = max(1, self._max_per_address * total // self._max_connections)
            self.quota = ConnectionQuota(total, per_address)
            self._reduced = (total, per_address)

    def log_fd_limit(self) -> None:
        """Log the limits that `apply_fd_limit` has reduced. Call it when the port is open, so that
        a port that cannot be opened is reported without this message.

        The level is WARNING if the application has set the limit, or if few connections are left.
        """
        if self._reduced is not None:
            total, per_address = self._reduced
            is_default = self._max_connections == _DEFAULT_MAX_CONNECTIONS
            logger.log(
                logging.DEBUG if is_default and total >= _FEW_CONNECTIONS else logging.WARNING,
                "the limit of open files allows %d connections instead of http.max_connections = "
                "%d, and %d from one address; raise the limit (ulimit -Hn)",
                total,
                self._max_connections,
                per_address,
            )

    def network(self, host: str) -> str | None:
        """The key under which the peer *host* is counted; None for a trusted proxy."""
        return None if self._forwarded.trusts(host) else network_of(host)

    def admit(self, network: str | None) -> HttpException | None:
        """Count one more connection, or return the error to reject it with."""
        full = self.quota.acquire(network)
        if full is None:
            return None
        setting, exception, message = _REJECTIONS[full]
        self.record(setting, f"rejected {network or 'a proxy'}: {message}")
        return exception(message, headers=_RETRY_AFTER)

    def release(self, network: str | None) -> None:
        """Subtract an admitted connection that was closed."""
        self.quota.release(network)

    def add_default_headers(
        self, headers: MutableMapping[str, str], native: web.BaseRequest | None = None
    ) -> None:
        """Add the headers that every response has, for a response that no route returned.

        Args:
            native: the request; None if no request was read.
        """
        for name, value in self._default_headers.items():
            headers.setdefault(name, value)
        if native is not None:
            headers.update(self._ids.headers(native))
        elif self._ids.name is not None:
            headers[self._ids.name] = new_request_id()

    def final_response(self, exc: HttpException, native: web.BaseRequest | None = None) -> bytes:
        """The error response for *exc*, the last one of a connection; *native* as in
        `add_default_headers`."""
        response = error_response(exc)
        self.add_default_headers(response.headers, native)
        return encode_final_response(response)

    def new_handler(self, server: web.Server) -> RequestHandler:
        """aiohttp's handler of one connection. It parses and runs requests."""
        kind = RequestHandler if self._access_log is None else TimedRequestHandler
        return kind(
            server,
            loop=asyncio.get_running_loop(),
            keepalive_timeout=_KEEPALIVE_TIMEOUT_OFF,
            access_log=self._access_log,
            access_log_class=self.log_class,
            lingering_time=self.lingering_time,
            auto_decompress=False,  # aiohttp accepts bodies that end early, see `DecompressedBody`
            **self.head_limits,
        )

    def close(self) -> None:
        """Close the rejected connections, and stop the timer of the timeouts."""
        for transport in tuple(self.rejected):
            transport.abort()
        self.deadline_timer.close()
