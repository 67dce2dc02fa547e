"""A cached response, which is sent several times."""

import sys
from typing import Any, Literal, Self

import attrs

from rxkernel import Response, Serializer

_OVERHEAD = 1_000
"""Approximate bytes of the objects of a page."""

_FIRST_ERROR = 400
_PARTIAL = (206, 304)
"""Statuses that depend on conditions and ranges, which the kernel handles."""


@attrs.frozen(eq=False)
class Page:
    """A response as it was when its handlers had ended.

    Attributes:
        content: bytes, str, or None.
        size: the approximate bytes that it takes in memory.
    """

    status: int
    headers: Any
    content: bytes | str | None
    etag: Literal["strong", "weak"] | None
    size: int

    @classmethod
    def of(cls, response: Response, serializer: Serializer) -> Self | None:
        """Return the page of *response*; None if it must not be cached: a stream, a file, a part
        of a file, an error, or a response with a cookie or ``Vary: *``.

        Raises:
            TypeError, ValueError, RecursionError: its content cannot be encoded.
        """
        status, headers = response.status_code, response.headers.copy()
        if response.is_streamed or status in _PARTIAL or status >= _FIRST_ERROR:
            return None
        if is_personal(response):
            return None
        content = response.content
        if isinstance(content, bytearray | memoryview):
            content = bytes(content)
        elif not isinstance(content, bytes | str | None):
            content = serializer.encode_json(content)  # the handler may change it later
            headers.setdefault("Content-Type", "application/json")
        size = sum(len(name) + len(value) for name, value in headers.items())
        size += _OVERHEAD + sys.getsizeof(content)
        return cls(status, headers, content, response.etag_from_body, size)

    def response(self) -> Response:
        """Return a new response, which listeners may change."""
        response = Response(self.content, self.status, self.headers)
        response.etag_from_body = self.etag
        return response


def is_personal(response: Response) -> bool:
    """Whether *response* sets a cookie, or has ``Vary: *``."""
    headers = response.headers
    return "Set-Cookie" in headers or "*" in ",".join(headers.getall("Vary", ()))


def varies_by(response: Response) -> list[str]:
    """Return the names of the request headers in ``Vary``, in lower case."""
    names = ",".join(response.headers.getall("Vary", ())).split(",")
    return [name.strip().lower() for name in names if name.strip()]
