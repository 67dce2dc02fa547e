"""Whole answers as bytes, the same that aiohttp's ``web.Response`` would write."""

from collections.abc import Callable, Iterable
from email.utils import formatdate
from http import HTTPStatus
from time import time

from multidict import CIMultiDict

from rxkernel.messages.media_type import MSGPACK_NAMES
from rxkernel.messages.request import Request
from rxkernel.messages.response import Response
from rxkernel.servers.http import header_names as hdrs
from rxkernel.servers.http.compression import Compression
from rxkernel.servers.http.content_encoding import encode, encode_content
from rxkernel.servers.http.request_head import RequestHead

Mark = Callable[[RequestHead, CIMultiDict[str]], None]
"""Puts headers on every answer, the last before it leaves."""

_PHRASES = {status.value: status.phrase for status in HTTPStatus}
BODILESS = (204, 304)
_LENGTH = "\r\nContent-Length: "
_OF_AIOHTTP = ("connection", "content-length", "content-type", "date", "server")


class ResponseWriter:
    """Writes answers, with the id of their request in the header *id_name*, None: nowhere.

    An answer without headers of its own, as most are, is put together from three parts: one
    that is kept per status and type, one that is kept for a second, and what is its own.
    """

    def __init__(
        self,
        server: str,
        id_name: str | None,
        marks: Iterable[Mark],
        compression: Compression | None,
    ) -> None:
        self._server = server
        self._id_name = id_name
        self._marks = tuple(marks)
        self._compression = compression
        is_odd = id_name is not None and id_name.lower() in _OF_AIOHTTP
        self._is_bare = not self._marks and compression is None and not is_odd
        self._begins: dict[tuple[int, str | None], str] = {}
        self._end = ""
        self._expiry = 0.0

    def usual(self, request: Request, response: Response) -> bytes | None:
        """*response* to anything but HEAD, over HTTP/1.1, on a connection that stays; None where
        `any` must see to it.

        Raises:
            TypeError, ValueError, RecursionError: the content cannot be written.
        """
        status = response.status_code
        if (
            not self._is_bare
            or response.has_headers
            or response.etag_from_body is not None
            or status in BODILESS
        ):
            return None
        body, kind = encode_content(response.content, None, request.headers)
        begin = self._begins.get((status, kind)) or self._begin(status, kind)
        if begin is None:
            return None
        if time() >= self._expiry:
            self._date()
        if self._id_name is None:
            return f"{begin}{len(body)}{self._end}".encode() + body
        return f"{begin}{request.id}{_LENGTH}{len(body)}{self._end}".encode() + body

    def _begin(self, status: int, kind: str | None) -> str | None:
        if kind in MSGPACK_NAMES:
            return None
        text = f"HTTP/1.1 {status} {_PHRASES.get(status, '')}\r\n"
        if kind is not None:
            text += f"Content-Type: {kind}\r\n"
        text += "Content-Length: " if self._id_name is None else f"{self._id_name}: "
        self._begins[status, kind] = text
        return text

    def _date(self) -> None:
        now = int(time())
        self._expiry = now + 1.0
        date = formatdate(now, usegmt=True)
        self._end = f"\r\nDate: {date}\r\nServer: {self._server}\r\n\r\n"

    async def any(
        self, head: RequestHead, request: Request, response: Response, keeps: bool
    ) -> tuple[int, bytes]:
        """Status and bytes of any *response* but a stream or a file; *keeps* the connection.

        Raises:
            TypeError, ValueError, RecursionError: the content cannot be written.
        """
        status, headers, body = await encode(head, response, self._compression)
        if self._id_name is not None:
            headers[self._id_name] = request.id
        is_empty = status in BODILESS or head.method == "HEAD"
        _measure(head, status, headers, body)
        if hdrs.DATE not in headers:
            headers[hdrs.DATE] = formatdate(int(time()), usegmt=True)
        headers.setdefault(hdrs.SERVER, self._server)
        if hdrs.CONNECTION not in headers:
            if keeps and head.version == (1, 0):
                headers[hdrs.CONNECTION] = "keep-alive"
            elif not keeps and head.version == (1, 1):
                headers[hdrs.CONNECTION] = "close"
        for mark in self._marks:
            mark(head, headers)
        major, minor = head.version
        lines = [f"HTTP/{major}.{minor} {status} {_PHRASES.get(status, '')}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        text = "\r\n".join([*lines, "", ""]).encode()
        return status, text if is_empty else text + body


def body_size(answer: bytes) -> int:
    """How many bytes of *answer* are its body."""
    return len(answer) - answer.find(b"\r\n\r\n") - 4


def _measure(head: RequestHead, status: int, headers: CIMultiDict[str], body: bytes) -> None:
    """Say how long *body* is, where an answer may (RFC 9110 §8.6)."""
    if status in BODILESS:
        headers.popall(hdrs.CONTENT_LENGTH, None)
    elif hdrs.CONTENT_LENGTH not in headers and (body or head.method != "HEAD"):
        headers[hdrs.CONTENT_LENGTH] = str(len(body))
