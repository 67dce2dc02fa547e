"""All connections of the HTTP servers: who gets one, and what is said to who gets none."""

import asyncio
import math
import socket
import time
from asyncio.trsock import TransportSocket
from email.utils import formatdate
from http import HTTPStatus
from typing import Any, Protocol

from aiohttp import web
from multidict import CIMultiDict

from rxkernel.exceptions import (
    HttpException,
    ServiceUnavailableException,
    TooManyRequestsException,
)
from rxkernel.messages.response import Response
from rxkernel.servers.aiohttp.access_log import AccessLines, HttpAccess, TimedHandler
from rxkernel.servers.aiohttp.malformed import RequestHandler
from rxkernel.servers.aiohttp.proxies import ForwardedBy
from rxkernel.servers.aiohttp.responses import encode_content
from rxkernel.servers.limits import Crossings, Full, Places, network_of
from rxkernel.settings import HttpSettings

_RETRY_AFTER = {"Retry-After": "5"}
"""Seconds that a client which was one too many should wait."""

_LINGERING = 10.0
"""Most seconds in which the rest of a body that nobody wants is read and dropped, so that the
client sees its answer."""

_NEVER = 365 * 86_400.0
"""aiohttp's own timer for idle connections does not know half a head from none."""


_USER_TIMEOUT: int | None = getattr(socket, "TCP_USER_TIMEOUT", None)

_TICK = 0.02
"""Seconds that no deadline is looked at again, however short they are set."""

_REFUSALS: dict[Full, tuple[str, type[HttpException], str]] = {
    Full.ALL: ("http.max_connections", ServiceUnavailableException, "too many connections"),
    Full.NETWORK: (
        "http.max_connections_per_address",
        TooManyRequestsException,
        "too many connections from one address",
    ),
}


class Watched(Protocol):
    """What has a ``deadline``, by `time.monotonic`, and something to do when it is over."""

    deadline: float

    def expire(self) -> None: ...


class Connections(Crossings):
    """Places for connections, by the settings; one object for all ports of an application."""

    def __init__(
        self, settings: HttpSettings, proxies: ForwardedBy, access_log: HttpAccess | None
    ) -> None:
        super().__init__()
        self._access_log = access_log
        self.header_timeout = settings.header_timeout
        self.keepalive_timeout = settings.keepalive_timeout
        self.send_timeout = settings.send_timeout
        self.lingering = min(_LINGERING, settings.body_timeout)
        shortest = min(settings.header_timeout, settings.keepalive_timeout)
        self._interval = min(1.0, max(_TICK, shortest / 10))
        self._watched: set[Watched] = set()
        self._timer: asyncio.TimerHandle | None = None
        self.in_flight: set[asyncio.Task[Any]] = set()
        self.turned_away: set[asyncio.Transport] = set()
        self._proxies = proxies
        self._places = Places(settings.max_connections, settings.max_connections_per_address)

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

    def leave(self, network: str | None) -> None:
        """A connection that was admitted has ended."""
        self._places.leave(network)

    def watch(self, guard: Watched) -> None:
        """Look at its deadline from now on, until `unwatch`.

        One timer for all: one for each connection would cost more than all else here.
        """
        self._watched.add(guard)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._interval, self._look)

    def unwatch(self, guard: Watched) -> None:
        self._watched.discard(guard)

    def _look(self) -> None:
        self._timer = None
        if self._watched:
            self._timer = asyncio.get_running_loop().call_later(self._interval, self._look)
        now = time.monotonic()
        for guard in [guard for guard in self._watched if guard.deadline <= now]:
            guard.expire()

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
        return handler


def limit_sending(connection: socket.socket | TransportSocket, seconds: float) -> None:
    """Let the system cut *connection* when its client has taken nothing for so long; 0: never.

    Only the system sees all that waits: what sendfile writes does not pass the transport, and
    what is left in one that closes is nobody's. What a listening socket has, its connections
    inherit. Only Linux has it.
    """
    if _USER_TIMEOUT is not None:
        connection.setsockopt(socket.IPPROTO_TCP, _USER_TIMEOUT, math.ceil(seconds * 1000))


def last_answer(response: Response) -> bytes:
    """*response* as the last answer of a connection, also where no request was read.

    Raises:
        TypeError, ValueError: it is none that can be written at once.
    """
    body, content_type = encode_content(response.content, response.headers.get("Content-Type"))
    headers: CIMultiDict[str] = CIMultiDict(response.headers)
    headers["Content-Type"] = content_type or "application/octet-stream"
    headers["Content-Length"] = str(len(body))
    headers["Date"] = formatdate(usegmt=True)
    headers["Connection"] = "close"
    lines = [f"HTTP/1.1 {response.status_code} {HTTPStatus(response.status_code).phrase}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body
