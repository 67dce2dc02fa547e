"""Responses whose content and headers are created once and sent many times."""

from collections.abc import Mapping
from typing import Any

import attrs

from rxkernel.headers import Headers, headers_of
from rxkernel.messages.response import Response

_new = object.__new__


@attrs.frozen(eq=False, init=False)
class StoredHeaders:
    """Headers that never change, with a ``Content-Type``. They are a copy of the argument.

    Raises:
        KeyError: ``Content-Type`` is missing.
        ValueError: a header is invalid, see `Headers`.

    Attributes:
        headers: all of them.
        content_type: the value of ``Content-Type``.
        lines: the others, as they are sent in HTTP/1.1, each after a line break.
        names: the names of ``lines``, in lower case.
    """

    headers: Headers
    content_type: str
    lines: str
    names: frozenset[str]

    def __init__(self, headers: Mapping[str, str]) -> None:
        headers = headers_of(headers)
        others = [(n, value) for n, value in headers.items() if n.lower() != "content-type"]
        self.__attrs_init__(
            headers,
            headers["Content-Type"],
            "".join(f"\r\n{name}: {value}" for name, value in others),
            frozenset(name.lower() for name, _ in others),
        )


class StoredResponse(Response):
    """A response with `StoredHeaders`.

    The server sends their ``lines`` unchanged. They are copied when ``headers`` is read or
    ``content`` is replaced; from then on they are sent like the headers of any response.
    """

    __slots__ = ("_content", "stored")

    stored: StoredHeaders
    _content: Any

    @property
    def content(self) -> Any:
        return self._content

    @content.setter
    def content(self, given: Any) -> None:
        self._headers = self.headers
        self._content = given

    @property
    def headers(self) -> Headers:
        if self._headers is None:
            self._headers = self.stored.headers.copy()
        return self._headers

    @headers.setter
    def headers(self, given: Mapping[str, str] | None) -> None:
        self._headers = headers_of(given)

    @property
    def has_headers(self) -> bool:
        return self._headers is None or bool(self._headers)


def stored_response(content: str | bytes, stored: StoredHeaders) -> StoredResponse:
    """Return the response with *content* and the status 200. It skips the checks of ``__init__``,
    as `plain_response`: for code that responds to nearly every message with the same headers."""
    response = _new(StoredResponse)
    response._content = content
    response._status_code = 200
    response._headers = None
    response.etag_from_body = None
    response.stored = stored
    return response
