"""Requests that cannot be read: one short answer, one count, no traceback.

aiohttp's own handler answers with what the client sent, and logs a traceback for each.
"""

import errno
import re
from collections.abc import Callable, MutableMapping
from typing import Any

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
from rxkernel.servers.limits import LimitCounters

METHODS = "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT"
"""What ``Allow`` says where no route tells more."""

_UNKNOWN_METHOD = re.compile(r"Invalid method .*b['\"][!#$%&'*+.^_`|~\w-]+ \S+ HTTP/1\.[01]", re.S)
_OTHER_VERSION = re.compile(r"Bad status line:\s+Invalid HTTP version|Pause on PRI")
"""llhttp has one kind of error for all of a request line and tells them apart by words alone."""


class RequestHandler(web.RequestHandler):
    """aiohttp's side of one connection."""

    __slots__ = ("crossings", "guard", "mark")

    crossings: LimitCounters
    mark: Callable[[MutableMapping[str, str], web.BaseRequest], None]
    """Puts the headers of every answer on one that no application sees."""

    guard: Any
    """The `HttpConnection` in front of it, for who has a request only."""

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer what could not be parsed; what a native route raised is aiohttp's to tell."""
        if not isinstance(exc, HttpProcessingError):
            return super().handle_error(request, status, exc, message)
        what = f"a request of {request.remote or 'a client'} cannot be read: {exc.message!r:.200}"
        self.crossings.crossed("protocol error", what)
        answer = error_response(_explained(exc))
        body, content_type = encode_content(answer.content, None)
        out = web.Response(
            status=answer.status_code,
            headers=answer.headers,
            body=body,
            content_type=content_type,
        )
        out.headers[hdrs.SERVER] = "aiohttp"  # who sends this is told no version
        self.mark(out.headers, request)
        out.force_close()
        return out

    def log_exception(self, *args: Any, **kwargs: Any) -> None:
        """Not for a client that took nothing of a file for too long: sendfile raises that."""
        exc = kwargs.get("exc_info")
        if isinstance(exc, TimeoutError) and exc.errno == errno.ETIMEDOUT:
            self.crossings.crossed("http.send_timeout", "cut off a client that took no more")
        else:
            super().log_exception(*args, **kwargs)


def _explained(exc: HttpProcessingError) -> HttpException:
    """What a client is told of *exc*: nothing that it sent."""
    if _OTHER_VERSION.match(exc.message):
        return HttpVersionNotSupportedException()
    if isinstance(exc, BadStatusLine) and _UNKNOWN_METHOD.search(exc.message):
        return MethodNotAllowedException(headers={"Allow": METHODS})
    if isinstance(exc, LineTooLong):
        return BadRequestException(f"a line of the head is longer than {exc.args[1]} bytes")
    if isinstance(exc, InvalidURLError):
        return BadRequestException("the request target is no URL")
    if isinstance(exc, BadHttpMethod):
        return BadRequestException("this is no HTTP request")
    return BadRequestException("the request is malformed")
