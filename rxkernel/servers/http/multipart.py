"""A strict parser of ``multipart/form-data`` (RFC 7578, RFC 2046 §5.1) that reads part by part.

`aiohttp.MultipartReader` is not used: it reads past the limits and the timeout of a body, decodes
transfer encodings that forms must not have, and accepts nested parts.
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

_HEADER_LIMIT = 8190
"""The largest size in bytes of the headers of one part."""

_HEADER = re.compile(rf"({TOKEN}):[ \t]*([^\0-\x08\x0a-\x1f\x7f]*)")
_PARAMETER = re.compile(rf'[ \t]*;[ \t]*({TOKEN})=(?:"((?:[^"\\]|\\["\\]?+)*+)"|({TOKEN}))')
_IDENTITY_ENCODINGS = ("7bit", "8bit", "binary")
_INVISIBLE = ("Cc", "Cf", "Cs", "Zl", "Zp")


@attrs.frozen
class Part:
    """The headers of a part. *filename* is None unless it is a file; *content_type* is None if the
    header is missing.
    """

    name: str
    filename: str | None
    content_type: ContentType | None


class Multipart:
    """Reads the parts of a body; *read* returns its next bytes, and empty bytes at its end.

    ``while part := await form.next(): while data := await form.read(): …``; `next` skips the rest
    of a part that has not been read.
    """

    def __init__(self, read: Callable[[], Awaitable[bytes]], content_type: ContentType) -> None:
        boundary = content_type.parameters.get("boundary", "")
        if not 0 < len(boundary) <= 70 or not boundary.isascii():
            raise _malformed("its content type has no boundary of 1 to 70 characters")
        self._receive = read
        self._delimiter = b"\r\n--" + boundary.encode()
        self._buffer = bytearray(b"\r\n")  # so that a first boundary without a line break matches
        self._is_first = True
        self._in_part = False

    async def next(self) -> Part | None:
        """Return the headers of the next part; None after the last part.

        Raises:
            BadRequestException: the form is not well formed (400).
            PayloadTooLargeException: the headers of the part are too large (413).
            UnsupportedMediaTypeException: the part has a transfer encoding or nested parts (415).
        """
        if self._is_first:
            self._is_first = False
            await self._read_until(self._delimiter)
        while self._in_part:
            await self.read()
        await self._fill_for(b"--")
        if self._buffer.startswith(b"--"):
            while await self._receive():
                pass  # the epilogue is ignored, but it is part of the body
            return None
        padding, *lines = (await self._read_until(b"\r\n\r\n", keep=2)).split(b"\r\n")
        if padding.strip(b" \t"):
            raise _malformed("a boundary has text after it")
        await self._fill_for(self._delimiter)
        if not self._buffer.startswith(self._delimiter):  # the part is not empty
            del self._buffer[:2]
        self._in_part = True
        return _parse_part(lines)

    async def read(self) -> bytes:
        """Return the next bytes of the part; empty at its end. Raises the same as `next`."""
        overlap = len(self._delimiter) - 1
        while self._in_part:
            end = self._buffer.find(self._delimiter)
            if end >= 0:
                self._in_part = False
                return self._consume(end, len(self._delimiter))
            if len(self._buffer) > overlap:
                return self._consume(len(self._buffer) - overlap)
            await self._fill()
        return b""

    async def _read_until(self, mark: bytes, *, keep: int = 0) -> bytes:
        """Return the bytes before *mark*, and skip *mark* except its last *keep* bytes."""
        while (end := self._buffer.find(mark, 0, _HEADER_LIMIT)) < 0:
            if len(self._buffer) >= _HEADER_LIMIT:
                raise PayloadTooLargeException("the headers of a part are too large")
            await self._fill()
        return self._consume(end, len(mark) - keep)

    async def _fill_for(self, wanted: bytes) -> None:
        """Fill the buffer until it shows whether *wanted* is next."""
        while len(self._buffer) < len(wanted) and wanted.startswith(self._buffer):
            await self._fill()

    def _consume(self, size: int, skip: int = 0) -> bytes:
        """Remove *size* bytes from the buffer and return them; remove *skip* more bytes."""
        with memoryview(self._buffer) as view:
            taken = bytes(view[:size])
        del self._buffer[: size + skip]  # moves no bytes: a bytearray has an offset
        return taken

    async def _fill(self) -> None:
        data = await self._receive()
        if not data:
            raise _malformed("the last boundary is missing")
        self._buffer += data


def _malformed(why: str) -> BadRequestException:
    return BadRequestException(f"the multipart form cannot be read: {why}")


def _parse_part(lines: list[bytes]) -> Part:
    headers = _parse_headers(lines)
    kind, parameters = _parse_disposition(headers.get("content-disposition", ""))
    if kind != "form-data" or "name" not in parameters:
        raise _malformed("a part has no Content-Disposition with a name")
    coding = headers.get("content-transfer-encoding", "binary").strip().lower()
    if coding not in _IDENTITY_ENCODINGS:
        raise UnsupportedMediaTypeException(
            f"a part has the transfer encoding {coding[:40]!r}; send it without one"
        )
    text = headers.get("content-type")
    content_type = None if text is None else content_type_of(text)
    if content_type is not None and content_type.kind.startswith("multipart/"):
        raise UnsupportedMediaTypeException("a part of a form cannot have nested parts")
    filename = parameters.get("filename")
    return Part(
        parameters["name"], None if filename is None else safe_name(filename), content_type
    )


def _parse_headers(lines: list[bytes]) -> dict[str, str]:
    headers: dict[str, str] = {}
    for line in filter(None, lines):
        try:
            found = _HEADER.fullmatch(line.decode())
        except UnicodeDecodeError as exc:
            raise _malformed("the headers of a part are not UTF-8") from exc
        if found is None or found[1].lower() in headers:
            raise _malformed("a part has an invalid or duplicate header")
        headers[found[1].lower()] = found[2]
    return headers


def _parse_disposition(header: str) -> tuple[str, dict[str, str]]:
    """Return the type and parameters of a ``Content-Disposition``, as browsers write it.

    A quote or backslash may be escaped. ``filename*`` is not decoded (RFC 7578 §4.2).
    """
    kind, _, _ = header.partition(";")
    at = len(kind)
    parameters: dict[str, str] = {}
    while found := _PARAMETER.match(header, at):
        at = found.end()
        value = found[3] if found[2] is None else re.sub(r'\\(["\\])', r"\1", found[2])
        parameters.setdefault(found[1].lower(), value)
    if header[at:].strip(" \t;"):
        raise _malformed("a part has an invalid Content-Disposition")
    return kind.strip().lower(), parameters


def safe_name(filename: str) -> str:
    """Return the last segment of a path, also of a Windows path, without invisible characters."""
    name = filename.replace("\\", "/").rpartition("/")[2]
    name = "".join(character for character in name if category(character) not in _INVISIBLE)
    return "" if name in (".", "..") else name
