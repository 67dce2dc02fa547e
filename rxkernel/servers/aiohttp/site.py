"""The origin of the application as clients see it: scheme, host and port."""

from aiohttp import web

from rxkernel.messages.request import Request
from rxkernel.servers.aiohttp.connection.protocol import connection_of
from rxkernel.servers.http.allowed_hosts import authority_of, host_of
from rxkernel.servers.http.forwarded import ForwardedHeaders
from rxkernel.servers.http.request_head import RequestHead
from rxkernel.settings import HttpSettings, canonical_origin

_FALLBACK_HOST = "localhost"
"""Used for a request without a host, or with one that is invalid in a URL."""


class HttpSite:
    """Reads the origin from requests and handshakes; trusted proxies may report it.

    Implements `Site`.
    """

    def __init__(self, settings: HttpSettings) -> None:
        self.prefix = settings.prefix
        self._scheme = settings.scheme
        self._forwarded = ForwardedHeaders(settings.trusted_proxies, settings.own_scheme)

    def host_of(self, head: RequestHead) -> str | None:
        return host_of(head, self._forwarded)

    def origin_of(self, request: Request) -> str:
        if (connection := request.connection) is not None:
            return connection.site or _origin(self._scheme, connection.headers.get("Host", ""))
        native = request.native
        if isinstance(native, web.Request):
            return origin_of(native, self._forwarded)
        return _origin(self._scheme, request.headers.get("Host", ""))


def origin_of(native: web.Request, forwarded: ForwardedHeaders) -> str:
    """The origin that *native* was sent to. Also works after the client has disconnected."""
    peer = connection_of(native).peer
    scheme = forwarded.scheme_from(peer, native) or native.scheme
    return _origin(scheme, forwarded.host_from(peer, native) or authority_of(native))


def _origin(scheme: str, host: str) -> str:
    return canonical_origin(f"{scheme}://{host}") or f"{scheme}://{_FALLBACK_HOST}"
