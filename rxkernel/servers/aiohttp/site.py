"""Where clients find the application: scheme, host and port, behind trusted proxies too."""

from aiohttp import web

from rxkernel.messages.request import Request
from rxkernel.servers.aiohttp.connection.protocol import connection_of
from rxkernel.servers.http.allowed_hosts import authority_of, host_of
from rxkernel.servers.http.forwarded import ForwardedHeaders
from rxkernel.servers.http.request_head import RequestHead
from rxkernel.settings import HttpSettings, canonical_origin

_FALLBACK = "localhost"
"""The host of a request that names none, or none that a URL can hold."""


class HttpSite:
    """Reads it from requests and handshakes; implements `Site`."""

    def __init__(self, settings: HttpSettings) -> None:
        self.prefix = settings.prefix
        self._proxies = ForwardedHeaders(settings.trusted_proxies)

    def host_of(self, head: RequestHead) -> str | None:
        return host_of(head, self._proxies)

    def origin_of(self, request: Request) -> str:
        if (connection := request.connection) is not None:
            return connection.site or _origin("http", connection.headers.get("Host", ""))
        native = request.native
        if isinstance(native, web.Request):
            return origin_of(native, self._proxies)
        return _origin("http", request.headers.get("Host", ""))


def origin_of(native: web.Request, proxies: ForwardedHeaders) -> str:
    """The origin that *native* was sent to; its client may have left since."""
    peer = connection_of(native).peer
    scheme = proxies.scheme_behind(peer, native) or native.scheme
    return _origin(scheme, proxies.host_behind(peer, native) or authority_of(native))


def _origin(scheme: str, host: str) -> str:
    return canonical_origin(f"{scheme}://{host}") or f"{scheme}://{_FALLBACK}"
