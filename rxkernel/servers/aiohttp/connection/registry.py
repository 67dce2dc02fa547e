"""All connections of the HTTP servers: who gets one, and what is said to who gets none."""

import asyncio
import logging
import math
import socket
import time
from collections.abc import MutableMapping
from contextlib import suppress
from email.utils import formatdate
from http import HTTPStatus
from struct import pack
from typing import Any, Protocol

from aiohttp import web
from multidict import CIMultiDict

from rxkernel.exceptions import (
    HttpException,
    ServiceUnavailableException,
    TooManyRequestsException,
)
from rxkernel.kernel.errors import error_response
from rxkernel.messages.content_types import BYTES
from rxkernel.messages.request_id import new_request_id
from rxkernel.messages.response import Response
from rxkernel.servers.aiohttp.connection.access_log import AccessLines, HttpAccess, TimedHandler
from rxkernel.servers.aiohttp.connection.request_handler import RequestHandler
from rxkernel.servers.aiohttp.request.request_ids import NativeRequestIds
from rxkernel.servers.descriptors import room_for
from rxkernel.servers.http.content_encoding import encode_content
from rxkernel.servers.http.forwarded import ForwardedHeaders
from rxkernel.servers.http.security_headers import WITHOUT_A_REQUEST
from rxkernel.servers.limits import ConnectionQuota, LimitCounters, QuotaScope, network_of
from rxkernel.settings import HttpSettings

logger = logging.getLogger(__name__)

_RETRY_AFTER = {"Retry-After": "5"}
"""Seconds that a client which was one too many should wait."""

_LINGERING = 10.0
"""Most seconds in which the rest of a body that nobody wants is read and dropped, so that the
client sees its answer."""

_NEVER = 365 * 86_400.0
"""aiohttp's own timer for idle connections does not know half a head from none."""


_USER_TIMEOUT: int | None = getattr(socket, "TCP_USER_TIMEOUT", None)

_LONGEST = 2**31 - 1
"""Milliseconds that the option can hold."""

_DROP = pack("ii", 1, 0)
"""SO_LINGER: on, for no time."""

_TICK = 0.02
"""Seconds that no deadline is looked at again, however short they are set."""

_REFUSALS: dict[QuotaScope, tuple[str, type[HttpException], str]] = {
    QuotaScope.ALL: ("http.max_connections", ServiceUnavailableException, "too many connections"),
    QuotaScope.NETWORK: (
        "http.max_connections_per_address",
        TooManyRequestsException,
        "too many connections from one address",
    ),
}


class Watched(Protocol):
    """What has a ``deadline``, by `time.monotonic`, and something to do when it is over.

    While it is not the one that is ``settled``, something may be on its way to the client.
    """

    deadline: float
    settled: float

    def expire(self) -> None: ...

    def look(self, now: float) -> None: ...


class ConnectionRegistry(LimitCounters):
    """The connections of all ports of an application, and their limits."""

    def __init__(
        self,
        settings: HttpSettings,
        proxies: ForwardedHeaders,
        ids: NativeRequestIds,
        access_log: HttpAccess | None,
    ) -> None:
        super().__init__()
        self._access_log = access_log
        self.header_timeout = settings.header_timeout
        self.keepalive_timeout = settings.keepalive_timeout
        self.send_timeout = settings.send_timeout
        self.lingering = min(_LINGERING, settings.body_timeout)
        shortest = min(settings.header_timeout, settings.keepalive_timeout, settings.send_timeout)
        self._interval = min(1.0, max(_TICK, shortest / 10))
        self._watched: set[Watched] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._due = 0.0
        self._was_late = False
        self.in_flight: set[asyncio.Task[Any]] = set()
        self.turned_away: set[asyncio.Transport] = set()
        self._proxies = proxies
        self._ids = ids
        self._marks = WITHOUT_A_REQUEST if settings.security_headers else {}
        self._lowered: tuple[int, int, int] | None = None
        self._most = settings.max_connections
        self._most_per_address = settings.max_connections_per_address
        self._places = ConnectionQuota(self._most, self._most_per_address)

    def find_room(self) -> None:
        """Have no more places than the system has descriptors for; fewer are shared in the ratio
        of the settings. Before the first connection."""
        room = room_for(self._most)
        if room < self._most:
            per_address = max(1, self._most_per_address * room // self._most)
            self._places = ConnectionQuota(room, per_address)
            self._lowered = (room, self._most, per_address)

    def tell_room(self) -> None:
        """Log what `find_room` has lowered; once a port is listened on, so that who cannot have
        it reads of nothing else."""
        if self._lowered is not None:
            logger.info(
                "the system allows this process %d of http.max_connections = %d, and %d of one "
                "address; raise its limit of open files (ulimit -Hn) to have more",
                *self._lowered,
            )

    def network(self, host: str) -> str | None:
        """What the peer *host* is counted by besides in all; None for a trusted proxy."""
        return None if self._proxies.trusts(host) else network_of(host)

    def admit(self, network: str | None) -> HttpException | None:
        """Count one more connection, or return what it is told instead."""
        full = self._places.take(network)
        if full is None:
            return None
        setting, exception, message = _REFUSALS[full]
        self.crossed(setting, f"refused a connection of {network or 'a proxy'}")
        return exception(message, headers=_RETRY_AFTER)

    def mark(
        self, headers: MutableMapping[str, str], native: web.BaseRequest | None = None
    ) -> None:
        """Put on an answer that no route gives what all others have; there may be no request."""
        for name, value in self._marks.items():
            headers.setdefault(name, value)
        if native is not None:
            headers.update(self._ids.headers(native))
        elif self._ids.name is not None:
            headers[self._ids.name] = new_request_id()

    def farewell(self, exc: HttpException) -> bytes:
        """The last answer of a connection that has no request."""
        response = error_response(exc)
        self.mark(response.headers)
        return last_answer(response)

    def leave(self, network: str | None) -> None:
        """A connection that was admitted has ended."""
        self._places.leave(network)

    def watch(self, guard: Watched) -> None:
        """Look at its deadline from now on, until `unwatch`.

        One timer for all: one for each connection would cost more than all else here.
        """
        self._watched.add(guard)
        if self._timer is None:
            self._wait()

    def _wait(self) -> None:
        self._due = time.monotonic() + self._interval
        self._timer = asyncio.get_running_loop().call_later(self._interval, self._look)

    def unwatch(self, guard: Watched) -> None:
        self._watched.discard(guard)

    def _look(self) -> None:
        now = time.monotonic()
        self._was_late = not self._was_late and now > self._due + self._interval
        self._timer = None
        if self._watched:
            self._wait()
        if self._was_late:
            return  # what has come while the loop was blocked is to be read first
        for guard in tuple(self._watched):
            if guard.deadline <= now:
                guard.expire()
            elif guard.deadline != guard.settled:
                guard.look(now)

    def close(self) -> None:
        """Forget who was turned away, and look no more."""
        for transport in tuple(self.turned_away):
            transport.abort()
        if self._timer is not None:
            self._timer.cancel()

    def handler(self, server: web.Server) -> RequestHandler:
        """What parses one connection and runs its requests."""
        kind = RequestHandler if self._access_log is None else TimedHandler
        handler = kind(
            server,
            loop=asyncio.get_running_loop(),
            keepalive_timeout=_NEVER,
            access_log=self._access_log,  # type: ignore[arg-type] # None and adapters are fine
            access_log_class=AccessLines,
            lingering_time=self.lingering,
        )
        handler.crossings = self
        handler.mark = self.mark
        return handler


def limit_sending(transport: asyncio.Transport, seconds: float) -> None:
    """Let the system drop what is left in a connection that is closed, when its client has taken
    nothing for so long. Only Linux can.

    For one that is open it would be wrong: it measures how long the client has had no room for
    all of it, not how long it has taken none (``tcp_probe_timer``).
    """
    connection = transport.get_extra_info("socket")
    if _USER_TIMEOUT is not None and connection is not None and connection.fileno() >= 0:
        milliseconds = min(math.ceil(seconds * 1000), _LONGEST)
        with suppress(OSError):  # it is gone already
            connection.setsockopt(socket.IPPROTO_TCP, _USER_TIMEOUT, milliseconds)


def end_at_once(transport: asyncio.Transport) -> None:
    """Have the system end the connection of *transport* and drop what waits in it."""
    number = transport.get_extra_info("socket").fileno()
    with (
        suppress(OSError),  # it is gone already
        socket.fromfd(number, socket.AF_INET, socket.SOCK_STREAM) as connection,
    ):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _DROP)
        connection.shutdown(socket.SHUT_RDWR)


def last_answer(response: Response) -> bytes:
    """*response* as the last answer of a connection, also where no request was read.

    Raises:
        TypeError, ValueError: it is none that can be written at once.
    """
    body, content_type = encode_content(response.content, response.headers.get("Content-Type"))
    headers: CIMultiDict[str] = CIMultiDict(response.headers)
    headers["Content-Type"] = content_type or BYTES
    headers["Content-Length"] = str(len(body))
    headers["Date"] = formatdate(usegmt=True)
    headers["Connection"] = "close"
    lines = [f"HTTP/1.1 {response.status_code} {HTTPStatus(response.status_code).phrase}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body
