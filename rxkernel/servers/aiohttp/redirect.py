"""Redirects each request to the same path elsewhere, such as to ``https``."""

import string
from abc import ABC, abstractmethod
from typing import Protocol
from urllib.parse import quote

import attrs
from aiohttp import hdrs, web
from aiohttp.typedefs import Handler

from rxkernel.exceptions import BadRequestException, HttpException
from rxkernel.kernel.errors import error_response
from rxkernel.servers.aiohttp.connection.already_sent import AlreadySent
from rxkernel.servers.aiohttp.connection.protocol import connection_of
from rxkernel.servers.aiohttp.connection.registry import ConnectionRegistry
from rxkernel.servers.aiohttp.request.body_reader import defer_continue, discard_rest
from rxkernel.servers.http.allowed_hosts import authority_of, host_of
from rxkernel.servers.http.content_encoding import encode_content
from rxkernel.servers.http.forwarded import ForwardedHeaders
from rxkernel.servers.http.pipeline import ALL_METHODS, SERVER_WIDE
from rxkernel.servers.http.request_head import RequestHead

_DEFAULT_PORT = 443


class RedirectRules(Protocol):
    """`HttpPipeline`, or the rules of a port that several applications share."""

    @property
    def forwarded(self) -> ForwardedHeaders: ...

    def rejection_for(self, head: RequestHead) -> Exception | None:
        """See `HttpPipeline.rejection_for`."""


@attrs.define(eq=False)
class Redirect(ABC):
    """Responds to every request with another URL of the same host.

    A request without a host, or one that the *rules* reject, gets an error. The connection is
    closed, since the next request should not use it.
    """

    rules: RedirectRules
    connections: ConnectionRegistry

    @abstractmethod
    def destination(self, method: str) -> tuple[int, str, int | None]:
        """Return the status of the response, and the scheme and port of the URL. A port of None
        means the default port of the scheme.

        Raises:
            HttpException: requests with *method* cannot be redirected.
        """

    def new_engine(self) -> web.Application:
        engine = web.Application()
        # the middleware handles targets without a route, too: "*" and "http://host"
        engine.middlewares.append(self._respond)
        engine.router.add_route(
            "*", r"/{path:[\s\S]*}", self._redirect, expect_handler=defer_continue
        )
        return engine

    @web.middleware
    async def _respond(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        connection = connection_of(request)
        connection.begin_request(request.content)
        try:
            if (error := self.rules.rejection_for(request)) is not None:
                raise error
            if request.raw_path == SERVER_WIDE:
                out: web.StreamResponse = web.Response(
                    status=204, headers={hdrs.ALLOW: ALL_METHODS}
                )
            else:
                out = await self._redirect(request)
        except HttpException as exc:
            if request.version[0] != 1:
                self.connections.record("protocol error", f"HTTP/{request.version[0]} to redirect")
                return AlreadySent(exc.status_code, connection.send_final_response(exc, request))
            out = rejection_of(exc)
        self.connections.add_default_headers(out.headers, request)
        out.force_close()
        if not request.content.is_eof():
            discard_rest(request)
        return out

    async def _redirect(self, native: web.Request) -> web.StreamResponse:
        host = host_of(native, self.rules.forwarded)
        if host is None:
            raise BadRequestException("the request has no valid Host header")
        target, authority = native.raw_path, authority_of(native)
        if authority:
            target = target.partition("://")[2].removeprefix(authority)
        path = quote(target.encode("utf-8", "surrogateescape"), safe=string.punctuation)
        path = path if path.startswith("/") else f"/{path}"
        status, scheme, port = self.destination(native.method)
        place = host if port is None else f"{host}:{port}"
        return web.Response(status=status, headers={hdrs.LOCATION: f"{scheme}://{place}{path}"})


@attrs.define(eq=False)
class HttpsRedirect(Redirect):
    """Redirects to ``https`` and *port* (``http.tls.redirect_port``) with 308.

    Method and body stay the same (RFC 9110 §15.4.9).
    """

    port: int

    def destination(self, method: str) -> tuple[int, str, int | None]:
        return 308, "https", None if self.port == _DEFAULT_PORT else self.port


def rejection_of(exc: HttpException) -> web.Response:
    """aiohttp's response to a request that no route has handled."""
    response = error_response(exc)
    body, content_type = encode_content(response.content, None)
    headers = {**response.headers, hdrs.CONTENT_TYPE: content_type or "text/plain"}
    return web.Response(status=response.status_code, headers=headers, body=body)
