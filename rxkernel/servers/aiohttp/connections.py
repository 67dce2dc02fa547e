"""All connections of the HTTP servers: who gets one, and what is said to who gets none."""

import asyncio
from email.utils import formatdate
from http import HTTPStatus

from aiohttp import web

from rxkernel.exceptions import (
    HttpException,
    ServiceUnavailableException,
    TooManyRequestsException,
)
from rxkernel.messages.response import Response
from rxkernel.servers.aiohttp.malformed import RequestHandler
from rxkernel.servers.aiohttp.proxies import ForwardedBy
from rxkernel.servers.aiohttp.responses import checked_headers, encode_content
from rxkernel.servers.limits import Crossings, Places, network_of
from rxkernel.settings import HttpSettings

_RETRY_AFTER = {"Retry-After": "5"}
"""Seconds that a client which was one too many should wait."""

_LINGERING = 10.0
"""Most seconds in which the rest of a body that nobody wants is read and dropped, so that the
client sees its answer."""

_NEVER = 365 * 86_400.0
"""aiohttp's own timer for idle connections does not know half a head from none."""


_TICK = 0.05
"""Seconds that a connection is not looked at again, whatever the settings."""


class Connections(Crossings):
    """Places for connections, by the settings; one object for all ports of an application."""

    def __init__(self, settings: HttpSettings, proxies: ForwardedBy) -> None:
        super().__init__()
        self.settings = settings
        self.lingering = min(_LINGERING, settings.body_timeout)
        self.shortest = max(_TICK, min(settings.header_timeout, settings.keepalive_timeout))
        self.turned_away: set[asyncio.Transport] = set()
        self._proxies = proxies
        self._places = Places(settings.max_connections, settings.max_connections_per_address)

    def admit(self, host: str | None) -> HttpException | None:
        """Count one more connection of the peer *host*, or return what it is told instead.

        A trusted proxy is counted in all only, and so is a peer without an address.
        """
        if self._places.is_full:
            self.crossed("http.max_connections", f"refused a connection of {host}")
            return ServiceUnavailableException("too many connections", headers=_RETRY_AFTER)
        network = self._network(host)
        if network is not None and self._places.is_full_for(network):
            self.crossed("http.max_connections_per_address", f"refused a connection of {network}")
            return TooManyRequestsException(
                "too many connections from one address", headers=_RETRY_AFTER
            )
        self._places.take(network)
        return None

    def leave(self, host: str | None) -> None:
        """A connection of *host* that was admitted has ended."""
        self._places.leave(self._network(host))

    def _network(self, host: str | None) -> str | None:
        return None if host is None or self._proxies.trusts(host) else network_of(host)

    def handler(self, server: web.Server, loop: asyncio.AbstractEventLoop) -> RequestHandler:
        """What parses one connection and runs its requests."""
        return RequestHandler(
            server,
            self,
            loop=loop,
            access_log=None,
            keepalive_timeout=_NEVER,
            lingering_time=self.lingering,
        )


def last_answer(response: Response) -> bytes:
    """*response* as the last answer of a connection, also where no request was read.

    Raises:
        TypeError, ValueError: it is none that can be written at once.
    """
    body, content_type = encode_content(response.content, response.headers.get("Content-Type"))
    headers = checked_headers(response.headers)
    headers["Content-Type"] = content_type or "application/octet-stream"
    headers["Content-Length"] = str(len(body))
    headers["Date"] = formatdate(usegmt=True)
    headers["Connection"] = "close"
    lines = [f"HTTP/1.1 {response.status_code} {HTTPStatus(response.status_code).phrase}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body
