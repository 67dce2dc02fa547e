"""Redirects plain HTTP to ``https`` (``http.tls.redirect_port``)."""

import string
from urllib.parse import quote

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler

from rxkernel.exceptions import BadRequestException, HttpException
from rxkernel.kernel.errors import error_response
from rxkernel.servers.aiohttp.connection.protocol import connection_of
from rxkernel.servers.aiohttp.connection.registry import ConnectionRegistry
from rxkernel.servers.http.allowed_hosts import HostPolicy, authority_of, host_of
from rxkernel.servers.http.content_encoding import encode_content
from rxkernel.servers.http.forwarded import ForwardedHeaders

_DEFAULT_PORT = 443


class HttpsRedirect:
    """Responds to every request with 308 and the same URL with ``https`` and *port*.

    Method and body stay the same (RFC 9110 §15.4.9). A request without a host, or to a host that
    is not allowed, is rejected. The connection is closed: the next request should not use it.
    """

    def __init__(
        self,
        hosts: HostPolicy,
        forwarded: ForwardedHeaders,
        connections: ConnectionRegistry,
        port: int,
    ) -> None:
        self._connections = connections
        self._hosts = hosts
        self._forwarded = forwarded
        self._port = "" if port == _DEFAULT_PORT else f":{port}"

    def new_engine(self) -> web.Application:
        engine = web.Application()
        engine.middlewares.append(self._respond)
        return engine

    @web.middleware
    async def _respond(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        connection_of(request).begin_request(request.content)
        try:
            out = web.Response(status=308, headers={hdrs.LOCATION: self._location(request)})
        except HttpException as exc:
            response = error_response(exc)
            body, content_type = encode_content(response.content, None)
            headers = {**response.headers, hdrs.CONTENT_TYPE: content_type or "text/plain"}
            out = web.Response(status=response.status_code, headers=headers, body=body)
        self._connections.add_default_headers(out.headers, request)
        out.force_close()
        return out

    def _location(self, native: web.Request) -> str:
        error = self._hosts.rejection_for(native)
        if error is not None:
            raise error
        host = host_of(native, self._forwarded)
        if host is None:
            raise BadRequestException("the request has no valid Host header")
        target, authority = native.raw_path, authority_of(native)
        if authority:
            target = target.partition("://")[2].removeprefix(authority)
        path = quote(target.encode("utf-8", "surrogateescape"), safe=string.punctuation)
        return f"https://{host}{self._port}{path if path.startswith('/') else f'/{path}'}"
