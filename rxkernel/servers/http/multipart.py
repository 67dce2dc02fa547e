"""``multipart/form-data`` part by part (RFC 7578, RFC 2046 §5.1), strictly, and nothing kept.

Not by `aiohttp.MultipartReader`, which reads past the limits and the deadline of a body, undoes
codings that forms do not have, and goes into parts within parts.
"""

import re
from collections.abc import Awaitable, Callable
from unicodedata import category

import attrs

from rxkernel.exceptions import (
    BadRequestException,
    PayloadTooLargeException,
    UnsupportedMediaTypeException,
)
from rxkernel.headers import TOKEN
from rxkernel.messages.media_type import ContentType, content_type_of

_HEAD_LIMIT = 8190
"""Bytes of the headers of one part."""

_HEADER = re.compile(rf"({TOKEN}):[ \t]*([^\0-\x08\x0a-\x1f\x7f]*)")
_PARAMETER = re.compile(rf'[ \t]*;[ \t]*({TOKEN})=(?:"((?:[^"\\]|\\["\\]?+)*+)"|({TOKEN}))')
_AS_IT_IS = ("7bit", "8bit", "binary")
_UNSEEN = ("Cc", "Cf", "Cs", "Zl", "Zp")


@attrs.frozen
class Part:
    """The head of a part: *filename* is None for a field that is no file, and *content_type*
    where the client says none.
    """

    name: str
    filename: str | None
    content_type: ContentType | None


class Multipart:
    """The parts that *read* gives the bytes of, until it gives none.

    ``while part := await form.next(): while data := await form.read(): …``; what is not read of
    a part is passed over.
    """

    def __init__(self, read: Callable[[], Awaitable[bytes]], content_type: ContentType) -> None:
        boundary = content_type.parameters.get("boundary", "")
        if not 0 < len(boundary) <= 70 or not boundary.isascii():
            raise _bad("its content type names no boundary of 1 to 70 characters")
        self._receive = read
        self._delimiter = b"\r\n--" + boundary.encode()
        self._buffer = bytearray(b"\r\n")  # so that the first boundary has one before it too
        self._is_first = True
        self._in_part = False

    async def next(self) -> Part | None:
        """The head of the next part, None behind the last.

        Raises:
            BadRequestException: the form is not well formed (400).
            PayloadTooLargeException: the headers of the part are too large (413).
            UnsupportedMediaTypeException: the part is coded, or holds parts itself (415).
        """
        if self._is_first:
            self._is_first = False
            await self._until(self._delimiter)
        while self._in_part:
            await self.read()
        await self._have(b"--")
        if self._buffer.startswith(b"--"):
            while await self._receive():
                pass  # an epilogue means nothing, but belongs to the body
            return None
        padding, *lines = (await self._until(b"\r\n\r\n", keep=2)).split(b"\r\n")
        if padding.strip(b" \t"):
            raise _bad("there is text behind a boundary")
        await self._have(self._delimiter)
        if not self._buffer.startswith(self._delimiter):  # as a part without content does
            del self._buffer[:2]
        self._in_part = True
        return _part(lines)

    async def read(self) -> bytes:
        """More of the part, empty at its end; raises as `next` does."""
        kept = len(self._delimiter) - 1
        while self._in_part:
            end = self._buffer.find(self._delimiter)
            if end >= 0:
                self._in_part = False
                return self._take(end, len(self._delimiter))
            if len(self._buffer) > kept:
                return self._take(len(self._buffer) - kept)
            await self._fill()
        return b""

    async def _until(self, mark: bytes, *, keep: int = 0) -> bytes:
        """What stands before *mark*, which goes too but for its last *keep* bytes."""
        while (end := self._buffer.find(mark, 0, _HEAD_LIMIT)) < 0:
            if len(self._buffer) >= _HEAD_LIMIT:
                raise PayloadTooLargeException("the headers of a part are too large")
            await self._fill()
        return self._take(end, len(mark) - keep)

    async def _have(self, wanted: bytes) -> None:
        """Read until it is certain whether *wanted* comes next."""
        while len(self._buffer) < len(wanted) and wanted.startswith(self._buffer):
            await self._fill()

    def _take(self, size: int, skip: int = 0) -> bytes:
        """The first *size* bytes; *skip* more go with them."""
        with memoryview(self._buffer) as view:
            taken = bytes(view[:size])
        del self._buffer[: size + skip]  # which moves nothing
        return taken

    async def _fill(self) -> None:
        data = await self._receive()
        if not data:
            raise _bad("it ends before its last boundary")
        self._buffer += data


def _bad(why: str) -> BadRequestException:
    return BadRequestException(f"the multipart form cannot be read: {why}")


def _part(lines: list[bytes]) -> Part:
    headers = _headers(lines)
    kind, parameters = _disposition(headers.get("content-disposition", ""))
    if kind != "form-data" or "name" not in parameters:
        raise _bad("a part has no Content-Disposition with a name")
    coding = headers.get("content-transfer-encoding", "binary").strip().lower()
    if coding not in _AS_IT_IS:
        raise UnsupportedMediaTypeException(f"a part in {coding[:40]!r}; send it as it is")
    given = headers.get("content-type")
    content_type = None if given is None else content_type_of(given)
    if content_type is not None and content_type.kind.startswith("multipart/"):
        raise UnsupportedMediaTypeException("a part of a form cannot hold parts itself")
    filename = parameters.get("filename")
    return Part(
        parameters["name"], None if filename is None else safe_name(filename), content_type
    )


def _headers(lines: list[bytes]) -> dict[str, str]:
    headers: dict[str, str] = {}
    for line in filter(None, lines):
        try:
            found = _HEADER.fullmatch(line.decode())
        except UnicodeDecodeError as exc:
            raise _bad("the headers of a part are not UTF-8") from exc
        if found is None or found[1].lower() in headers:
            raise _bad("a part has a header that is none, or one twice")
        headers[found[1].lower()] = found[2]
    return headers


def _disposition(header: str) -> tuple[str, dict[str, str]]:
    """Its kind and parameters, as browsers write them: a quote or backslash may be escaped, and
    ``filename*`` is not for forms (RFC 7578 §4.2).
    """
    kind, _, _ = header.partition(";")
    at = len(kind)
    parameters: dict[str, str] = {}
    while found := _PARAMETER.match(header, at):
        at = found.end()
        value = found[3] if found[2] is None else re.sub(r'\\(["\\])', r"\1", found[2])
        parameters.setdefault(found[1].lower(), value)
    if header[at:].strip(" \t;"):
        raise _bad("a part has a Content-Disposition that is none")
    return kind.strip().lower(), parameters


def safe_name(claimed: str) -> str:
    """The last part of a path, of Windows too, without characters that nobody sees."""
    name = claimed.replace("\\", "/").rpartition("/")[2]
    name = "".join(character for character in name if category(character) not in _UNSEEN)
    return "" if name in (".", "..") else name
