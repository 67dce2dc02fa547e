"""aiohttp's handler, with the kernel's responses to malformed requests.

aiohttp's own responses repeat what the client sent, and each is logged with a traceback.
"""

import errno
import re
from collections.abc import MutableMapping
from typing import Any, Protocol

from aiohttp import hdrs, web
from aiohttp.http_exceptions import (
    BadHttpMethod,
    BadStatusLine,
    HttpProcessingError,
    InvalidURLError,
    LineTooLong,
)

from rxkernel.exceptions import (
    BadRequestException,
    HttpException,
    HttpVersionNotSupportedException,
    MethodNotAllowedException,
)
from rxkernel.kernel.errors import error_response
from rxkernel.servers.http.content_encoding import encode_content
from rxkernel.servers.http.pipeline import ALL_METHODS, UNSUPPORTED_VERSION

_UNKNOWN_METHOD = re.compile(r"Invalid method .*b['\"][!#$%&'*+.^_`|~\w-]+ \S+ HTTP/1\.[01]", re.S)
_OTHER_VERSION = re.compile(r"Bad status line:\s+Invalid HTTP version|Pause on PRI")
"""aiohttp raises one class for all errors of the request line; only their messages differ."""


class HandlerConnection(Protocol):
    """The methods of `HttpConnection` that aiohttp's handler calls."""

    def record(self, setting: str, event: str) -> None:
        """Count *event* under *setting*."""

    def add_default_headers(
        self, headers: MutableMapping[str, str], native: web.BaseRequest
    ) -> None:
        """Add the headers that every response has."""


class RequestHandler(web.RequestHandler):
    """aiohttp's handler of one connection.

    Attributes:
        connection: the `HttpConnection` that created the handler, and sets this attribute.
    """

    __slots__ = ("connection",)

    connection: HandlerConnection

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """The response to a malformed request. aiohttp handles exceptions of native routes."""
        if not isinstance(exc, HttpProcessingError):
            return super().handle_error(request, status, exc, message)
        event = f"malformed request of {request.remote or 'a client'}: {exc.message!r:.200}"
        self.connection.record("protocol error", event)
        response = error_response(_client_error(exc))
        body, content_type = encode_content(response.content, None)
        out = web.Response(
            status=response.status_code,
            headers=response.headers,
            body=body,
            content_type=content_type,
        )
        out.headers[hdrs.SERVER] = "aiohttp"  # without its version
        self.connection.add_default_headers(out.headers, request)
        out.force_close()
        return out

    def log_exception(self, *args: Any, **kwargs: Any) -> None:
        """Log as aiohttp does; but count a `TimeoutError` of sendfile as a send timeout."""
        exc = kwargs.get("exc_info")
        if isinstance(exc, TimeoutError) and exc.errno == errno.ETIMEDOUT:
            self.connection.record("http.send_timeout", "closed a connection: send timeout")
        else:
            super().log_exception(*args, **kwargs)


def _client_error(exc: HttpProcessingError) -> HttpException:
    """The error for the client; it does not repeat what the client sent."""
    if _OTHER_VERSION.match(exc.message):
        return HttpVersionNotSupportedException(UNSUPPORTED_VERSION)
    if isinstance(exc, BadStatusLine) and _UNKNOWN_METHOD.search(exc.message):
        return MethodNotAllowedException(headers={"Allow": ALL_METHODS})
    if isinstance(exc, LineTooLong):
        return BadRequestException(
            f"a line of the request head is longer than {exc.args[1]} bytes"
        )
    if isinstance(exc, InvalidURLError):
        return BadRequestException("the request target is not a valid URL")
    if isinstance(exc, BadHttpMethod):
        return BadRequestException("the data is not an HTTP request")
    return BadRequestException("the request is malformed")
