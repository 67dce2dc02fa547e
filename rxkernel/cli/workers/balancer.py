"""The port that redirects to the ports of several workers (``workers.balancer``), as in Metarhia's
servers."""

import socket
from collections.abc import Callable, Sequence

import attrs

from rxkernel.exceptions import (
    HttpException,
    HttpVersionNotSupportedException,
    MethodNotAllowedException,
    ServiceUnavailableException,
)
from rxkernel.servers.aiohttp.connection.registry import ConnectionRegistry
from rxkernel.servers.aiohttp.listener import Listener
from rxkernel.servers.aiohttp.redirect import Redirect
from rxkernel.servers.aiohttp.request.request_id_header import NativeRequestIdHeader
from rxkernel.servers.http.allowed_hosts import mismatch_of
from rxkernel.servers.http.forwarded import ForwardedHeaders
from rxkernel.servers.http.pipeline import ALL_METHODS, REJECTED_METHODS, UNSUPPORTED_VERSION
from rxkernel.servers.http.request_head import RequestHead
from rxkernel.servers.server import url_of
from rxkernel.servers.workers.listening_sockets import ListeningSockets
from rxkernel.settings import Settings

IsServing = Callable[[int], bool]
"""Returns whether the worker of the port at an index is serving."""


class Balancer:
    """Listens in the supervisor.

    Args:
        settings: of the application or the port; limits and timeouts are those of ``http``.
        opened: the sockets of ``workers.balancer``.
    """

    def __init__(self, settings: Settings, opened: Sequence[socket.socket]) -> None:
        self._settings = settings
        self._opened = opened
        self._listener: Listener | None = None

    @property
    def url(self) -> str:
        return url_of("http", self._settings.http.host, self._opened[0].getsockname()[1])

    async def start(self, is_serving: IsServing) -> None:
        """Redirect from now on."""
        http, ports = self._settings.http, self._settings.workers.ports
        forwarded = ForwardedHeaders(http.trusted_proxies)
        ids = NativeRequestIdHeader(self._settings.request_id_header)
        connections = ConnectionRegistry(http, forwarded, ids, None)
        redirect = PortsRedirect(_Rules(forwarded), connections, http.scheme, ports, is_serving)
        self._listener = Listener(
            redirect.new_engine(),
            http.host,
            0,
            connections,
            sockets=ListeningSockets(self._opened),
        )
        await self._listener.start()

    async def close(self) -> None:
        """Close the port."""
        if self._listener is not None:
            await self._listener.stop_accepting()
            await self._listener.close()
        for one in self._opened:
            one.close()


@attrs.define(eq=False)
class PortsRedirect(Redirect):
    """Redirects to *ports* in turn, except those whose worker is not serving.

    The status is 302 for GET and HEAD, otherwise 307, which keeps method and body.
    """

    scheme: str
    ports: Sequence[int]
    is_serving: IsServing
    _turn: int = -1

    def destination(self, method: str) -> tuple[int, str, int | None]:
        status = 302 if method in ("GET", "HEAD") else 307
        for _ in self.ports:
            self._turn = (self._turn + 1) % len(self.ports)
            if self.is_serving(self._turn):
                return status, self.scheme, self.ports[self._turn]
        raise ServiceUnavailableException("no worker is running", headers={"Retry-After": "1"})


@attrs.frozen(eq=False)
class _Rules:
    """Implements `RedirectRules`. The worker checks the host."""

    forwarded: ForwardedHeaders

    def rejection_for(self, head: RequestHead) -> HttpException | None:
        if head.version[0] != 1:
            return HttpVersionNotSupportedException(UNSUPPORTED_VERSION)
        if head.method in REJECTED_METHODS:
            return MethodNotAllowedException(headers={"Allow": ALL_METHODS})
        return mismatch_of(head)
