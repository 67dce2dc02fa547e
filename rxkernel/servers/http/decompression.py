"""Decompresses the bodies of requests, a bounded piece at a time (RFC 9110 §8.4)."""

import zlib
from collections.abc import Callable
from types import MappingProxyType
from typing import Any, Protocol

import attrs
from multidict import CIMultiDict, CIMultiDictProxy

from rxkernel.exceptions import BadRequestException, UnsupportedMediaTypeException
from rxkernel.servers.http import header_names as hdrs
from rxkernel.servers.http.content_codings import brotli_module, zstd_module

_MAX_INPUT = 16 * 1024
"""Bytes that are decompressed at a time. A library copies all data after the end of a member, so
a body of many small members would be copied as often as it has members."""

_MAX_OUTPUT = 64 * 1024
"""Bytes of a piece; brotli may return a little more."""

_ZSTD_WINDOW_LOG = 23
"""8 MiB: senders must not use a larger window (RFC 9659). A decompressor allocates it."""


class _Member(Protocol):
    """Decompresses one member of a body; most bodies have one."""

    @property
    def has_more(self) -> bool:
        """Whether it may produce output without further input."""

    @property
    def is_finished(self) -> bool: ...

    @property
    def rest(self) -> bytes:
        """The input after the end of a finished member."""

    def decompress(self, data: bytes) -> bytes:
        """Return at most one piece; *data* must be empty while `has_more` is true."""


class _Zlib:
    def __init__(self, window: int) -> None:
        self._zlib = zlib.decompressobj(window)
        self.has_more = False

    @property
    def is_finished(self) -> bool:
        return self._zlib.eof

    @property
    def rest(self) -> bytes:
        return self._zlib.unused_data

    def decompress(self, data: bytes) -> bytes:
        piece = self._zlib.decompress(self._zlib.unconsumed_tail + data, _MAX_OUTPUT)
        self.has_more = len(piece) == _MAX_OUTPUT and not self._zlib.eof
        return piece


class _Brotli:
    rest = b""  # the library rejects data after the end

    def __init__(self, module: Any) -> None:
        self._brotli = module.Decompressor()
        self.has_more = False

    @property
    def is_finished(self) -> bool:
        finished: bool = self._brotli.is_finished()
        return finished

    def decompress(self, data: bytes) -> bytes:
        piece: bytes = self._brotli.process(data, output_buffer_limit=_MAX_OUTPUT)
        may_have_more = len(piece) >= _MAX_OUTPUT or not self._brotli.can_accept_more_data()
        self.has_more = may_have_more and not self.is_finished
        return piece


class _Zstd:
    def __init__(self, module: Any) -> None:
        options = {module.DecompressionParameter.window_log_max: _ZSTD_WINDOW_LOG}
        self._zstd = module.ZstdDecompressor(options=options)

    @property
    def has_more(self) -> bool:
        return not (self._zstd.needs_input or self._zstd.eof)

    @property
    def is_finished(self) -> bool:
        finished: bool = self._zstd.eof
        return finished

    @property
    def rest(self) -> bytes:
        rest: bytes = self._zstd.unused_data
        return rest

    def decompress(self, data: bytes) -> bytes:
        piece: bytes = self._zstd.decompress(data, max_length=_MAX_OUTPUT)
        return piece


def _deflate(first: int) -> _Member:
    """RFC 1950, with the header of zlib; or RFC 1951 without it, as some clients send."""
    return _Zlib(zlib.MAX_WBITS if first & 0x0F == zlib.DEFLATED else -zlib.MAX_WBITS)


@attrs.frozen
class _Coding:
    """*begin* is called with the first byte of a member; the library raises *error*."""

    begin: Callable[[int], _Member]
    error: type[Exception]
    may_have_members: bool = False


def _installed() -> dict[str, _Coding]:
    codings = {
        "gzip": _Coding(lambda _: _Zlib(16 + zlib.MAX_WBITS), zlib.error, may_have_members=True),
        "deflate": _Coding(_deflate, zlib.error),
    }
    brotli = brotli_module()
    if brotli is not None and hasattr(brotli.Decompressor, "can_accept_more_data"):  # since 1.2
        codings["br"] = _Coding(lambda _: _Brotli(brotli), brotli.error)
    if (zstd := zstd_module()) is not None:
        codings["zstd"] = _Coding(lambda _: _Zstd(zstd), zstd.ZstdError, may_have_members=True)
    return codings


_CODINGS = MappingProxyType(_installed())
_ACCEPTED = ", ".join(_CODINGS)


def content_coding(headers: CIMultiDict[str] | CIMultiDictProxy[str]) -> str:
    """Return the coding of a body, in lower case; empty if it is not encoded."""
    coding = ", ".join(headers.getall(hdrs.CONTENT_ENCODING, ())).strip().lower()
    return "" if coding == "identity" else coding


def is_supported(coding: str) -> bool:
    """Whether `Decompressor` supports *coding*."""
    return coding in _CODINGS


def supported_coding(headers: CIMultiDict[str] | CIMultiDictProxy[str]) -> str:
    """Return `content_coding` for a body that will be read.

    Raises:
        UnsupportedMediaTypeException: 415, with the supported codings (RFC 9110 §15.5.16).
    """
    coding = content_coding(headers)
    if coding and coding not in _CODINGS:
        raise UnsupportedMediaTypeException(
            f"content coding {coding[:40]!r} is not supported",
            headers={"Accept-Encoding": _ACCEPTED},
        )
    return coding


class Decompressor:
    """Decompresses one body.

    Call `feed` with a part of the body, then `read` until it returns None; at the end of the body
    call `end`.
    """

    def __init__(self, coding: str) -> None:
        self._coding = _CODINGS[coding]
        self._member: _Member | None = None
        self._has_ended_member = False
        self._data = b""
        self._offset = 0

    def feed(self, data: bytes) -> None:
        self._data, self._offset = data, 0

    @property
    def has_more(self) -> bool:
        """Whether `read` returns a piece."""
        return self._offset < len(self._data) or (
            self._member is not None and self._member.has_more
        )

    def read(self) -> bytes | None:
        """Return the next piece, which may be empty; None if more of the body is needed.

        Raises:
            BadRequestException: the data is not in the coding, or continues after its end (400).
        """
        if not self.has_more:
            return None
        if (member := self._member) is None:
            member = self._member = self._begin_member()
        data = b""
        if not member.has_more:
            data = self._data[self._offset : self._offset + _MAX_INPUT]
            self._offset += len(data)
        try:
            piece = member.decompress(data)
        except self._coding.error as exc:
            raise _malformed() from exc
        if member.is_finished:
            self._offset -= len(member.rest)
            self._member, self._has_ended_member = None, True
        return piece

    def _begin_member(self) -> _Member:
        if self._has_ended_member and not self._coding.may_have_members:
            raise _malformed()
        return self._coding.begin(self._data[self._offset])

    def end(self) -> None:
        """Check that the body is complete; an empty body is.

        Raises:
            BadRequestException: the body ends early (400).
        """
        if self._member is not None:
            raise BadRequestException("the compressed body ends early")


def _malformed() -> BadRequestException:
    return BadRequestException("the compressed body is malformed")
