"""aiohttp's handler, with the kernel's responses to malformed requests.

aiohttp's own responses repeat the client's data, and each is logged with a traceback.
"""

import errno
import re
from typing import Any, Protocol, cast

from aiohttp import web
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
    RequestHeaderFieldsTooLargeException,
    URITooLongException,
)
from rxkernel.messages.connection import ClientAddress
from rxkernel.servers.aiohttp.connection.already_sent import AlreadySent
from rxkernel.servers.aiohttp.connection.piecewise_parser import Parser, PiecewiseParser
from rxkernel.servers.http.pipeline import ALL_METHODS, UNSUPPORTED_VERSION

_UNKNOWN_METHOD = re.compile(r"Invalid method .*b['\"][!#$%&'*+.^_`|~\w-]+ \S+ HTTP/1\.[01]", re.S)
_OTHER_VERSION = re.compile(r"Bad status line:\s+Invalid HTTP version|Pause on PRI")
"""aiohttp raises one class for all errors of the request line; only their messages differ."""

_TOO_MANY_HEADERS = "Too many headers received"


class HandlerConnection(Protocol):
    """The methods of `HttpConnection` that aiohttp's handler calls."""

    peer: ClientAddress | None

    def record(self, setting: str, event: str) -> None:
        """Count *event* under *setting*."""

    def send_final_response(self, exc: HttpException, native: web.BaseRequest) -> int:
        """Send the error response for *exc*, the last one of the connection; return its size."""


class RequestHandler(web.RequestHandler):
    """aiohttp's handler of one connection.

    Attributes:
        connection: the `HttpConnection` that created the handler, and sets this attribute.
    """

    __slots__ = ("_pieces", "connection")

    connection: HandlerConnection

    def __init__(self, manager: web.Server, **options: Any) -> None:
        super().__init__(manager, **options)
        parser = cast(Parser, self._parser)
        self._pieces = PiecewiseParser(parser, self._max_msg_queue_size, self._record_error)
        self._parser = cast(Any, self._pieces)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._pieces.error is not None:
            super().data_received(b"")  # queues the error after the messages before it

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Send the response to a malformed request; aiohttp itself would respond in HTTP/1.0,
        since it has not read a version. aiohttp handles exceptions of native routes.
        """
        if not isinstance(exc, HttpProcessingError):
            return super().handle_error(request, status, exc, message)
        self._record_error(exc)
        error = _client_error(exc)
        size = self.connection.send_final_response(error, request)
        return AlreadySent(error.status_code, size)

    def _record_error(self, exc: HttpProcessingError) -> None:
        peer = self.connection.peer
        client = "a client" if peer is None else peer.host
        event = f"malformed request of {client}: {exc.message!r:.200}"
        self.connection.record("protocol error", event)

    def log_exception(self, *args: Any, **kwargs: Any) -> None:
        """Log as aiohttp does; but count a `TimeoutError` of sendfile as a send timeout."""
        exc = kwargs.get("exc_info")
        if isinstance(exc, TimeoutError) and exc.errno == errno.ETIMEDOUT:
            self.connection.record("http.send_timeout", "closed a connection: send timeout")
        else:
            super().log_exception(*args, **kwargs)


def _client_error(exc: HttpProcessingError) -> HttpException:
    """The error for the client; it does not repeat the client's data."""
    if _OTHER_VERSION.match(exc.message):
        return HttpVersionNotSupportedException(UNSUPPORTED_VERSION)
    if isinstance(exc, BadStatusLine) and _UNKNOWN_METHOD.search(exc.message):
        return MethodNotAllowedException(headers={"Allow": ALL_METHODS})
    if isinstance(exc, LineTooLong):
        line, limit = exc.args[:2]
        if isinstance(line, bytearray):  # the parser keeps only the target in one
            return URITooLongException(f"the request target is longer than {limit} bytes")
        return RequestHeaderFieldsTooLargeException(f"a header is longer than {limit} bytes")
    if exc.message == _TOO_MANY_HEADERS:
        return RequestHeaderFieldsTooLargeException("the request has too many headers")
    if isinstance(exc, InvalidURLError):
        return BadRequestException("the request target is not a valid URL")
    if isinstance(exc, BadHttpMethod):
        return BadRequestException("the data is not an HTTP request")
    return BadRequestException("the request is malformed")
