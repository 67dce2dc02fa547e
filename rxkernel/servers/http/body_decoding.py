"""Decodes whole bodies by their content type."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

from rxkernel.exceptions import UnsupportedMediaTypeException
from rxkernel.kernel.kernel import Kernel
from rxkernel.kernel.messagepack import decode_msgpack
from rxkernel.kernel.serialization import decode_json
from rxkernel.messages.content_types import BYTES
from rxkernel.messages.media_type import MULTIPART, URLENCODED, ContentType, content_type_of
from rxkernel.messages.request import Request
from rxkernel.routing.definitions import HttpDefinition
from rxkernel.servers.http import header_names as hdrs
from rxkernel.servers.http.body_limits import (
    BodyLimits,
    BodyTooLargeException,
    check_size,
    record_limit,
)
from rxkernel.servers.http.compressed_body import CompressedBody
from rxkernel.servers.http.decompression import supported_coding
from rxkernel.servers.http.forms import read_multipart, read_urlencoded
from rxkernel.servers.http.piece_reader import CountedPieces
from rxkernel.servers.limits import LimitCounters
from rxkernel.settings import HttpSettings


class BodyDecoder:
    """Decodes the bodies of requests, within the limits of their routes.

    Args:
        kernel: its definitions are those whose limits are stored.

    Attributes:
        counters: count the bodies that exceed a limit.
    """

    def __init__(self, settings: HttpSettings, counters: LimitCounters, kernel: Kernel) -> None:
        self._settings = settings
        self.counters = counters
        self._kernel = kernel
        self._limits: dict[HttpDefinition, BodyLimits] = {}
        self._limits_of_bytes = BodyLimits.of_bytes(settings)

    def limits_of(self, definition: HttpDefinition | None) -> BodyLimits:
        """Return the limits of *definition*; for None, the limits of a body that is not decoded.

        The limits of a definition that a reload has replaced are not stored: they would keep it,
        with the code of its application, until the next reload.
        """
        if definition is None:
            return self._limits_of_bytes
        limits = self._limits.get(definition)
        if limits is None:
            limits = BodyLimits.of(definition, self._settings)
            if self._kernel.http_definitions.get(definition.name) is definition:
                self._limits[definition] = limits
        return limits

    def forget_definitions(self) -> None:
        """Clear the stored limits, since the kernel has been compiled with new definitions."""
        self._limits.clear()

    async def load(self, raw: bytes, request: Request, definition: HttpDefinition | None) -> None:
        """Decode *raw*, a whole body as it was received, into *request*. Without *definition*, it
        is only decompressed.

        Raises:
            PayloadTooLargeException: the body exceeds a limit of the route (413).
            BadRequestException: the body or its content coding is malformed (400).
            UnsupportedMediaTypeException: the content type or the charset is invalid, or the
                content coding is unknown (415).
        """
        limits = self.limits_of(definition)
        headers = request.headers
        coding = supported_coding(headers) if hdrs.CONTENT_ENCODING in headers else ""
        kind = BYTES if limits.is_raw else headers.get(hdrs.CONTENT_TYPE, BYTES)
        content_type = content_type_of(kind)
        try:
            if coding:
                await self._load_compressed(raw, coding, content_type, request, limits)
            elif limits.is_streamed:
                check_size(len(raw), limits.total, limits.total_setting)
                request.source = _pieces(raw)
            elif content_type.kind == MULTIPART:
                check_size(len(raw), limits.total, limits.total_setting)
                await read_multipart(_reader_of(raw), content_type, request, limits)
            else:
                check_size(len(raw), limits.memory)
                request.raw_body = raw
                decode_body(content_type, request, limits)
        except BodyTooLargeException as exc:
            record_limit(self.counters, exc, request.client)
            raise

    async def _load_compressed(
        self,
        raw: bytes,
        coding: str,
        content_type: ContentType,
        request: Request,
        limits: BodyLimits,
    ) -> None:
        if limits.is_streamed:
            body = CompressedBody(raw, coding, limits.total, limits.total_setting)
            request.source = CountedPieces(body, self.counters, request.client)
        elif content_type.kind == MULTIPART:
            body = CompressedBody(raw, coding, limits.total, limits.total_setting)
            await read_multipart(body.read, content_type, request, limits)
        else:
            request.raw_body = await CompressedBody(raw, coding, limits.memory).read_all()
            decode_body(content_type, request, limits)


def is_empty_form(headers: Mapping[str, str]) -> bool:
    """Whether *headers* of a request without a body declare a form, which is empty then."""
    if hdrs.CONTENT_LENGTH not in headers:
        return False
    return headers.get(hdrs.CONTENT_TYPE, "").lower().startswith(URLENCODED)


async def _pieces(raw: bytes) -> AsyncIterator[bytes]:
    yield raw


def _reader_of(raw: bytes) -> Callable[[], Awaitable[bytes]]:
    """Return a function that returns *raw* at the first call, then empty bytes."""
    pieces = [raw]

    async def read() -> bytes:
        return pieces.pop() if pieces else b""

    return read


def decode_body(content_type: ContentType, request: Request, limits: BodyLimits) -> None:
    """Decode ``request.raw_body`` into ``request.body``; raises like `BodyDecoder.load`."""
    raw = request.raw_body
    if limits.is_raw:
        request.body = raw or None
        return
    if content_type.is_only_json and raw:
        request.body = decode_json(raw, exact=limits.is_exact)
        return
    if content_type.kind == URLENCODED:
        read_urlencoded(raw, content_type, request, limits)
        return
    if not raw:
        return
    if content_type.is_json:
        if content_type.charset() not in ("utf-8", "ascii"):
            raise UnsupportedMediaTypeException("JSON must be encoded in UTF-8")
        request.body = decode_json(raw, exact=limits.is_exact)
    elif content_type.is_msgpack:
        request.body = decode_msgpack(raw)
    elif content_type.kind.startswith("text/"):
        request.body = content_type.text(raw)
    else:
        request.body = raw
