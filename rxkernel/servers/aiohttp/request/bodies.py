"""Reads the body of a request, by the limits of its route."""

from collections.abc import Mapping

from aiohttp import hdrs, web

from rxkernel.exceptions import UnsupportedMediaTypeException
from rxkernel.messages.content_types import BYTES
from rxkernel.messages.media_type import MULTIPART, URLENCODED, content_type_of
from rxkernel.messages.request import Request
from rxkernel.routing.definitions import HttpDefinition
from rxkernel.servers.aiohttp.request.body_reader import BodyReader, broken_off, expects_continue
from rxkernel.servers.http.body_decoding import decode_body
from rxkernel.servers.http.body_limits import BodyLimits, check_size
from rxkernel.servers.http.forms import read_multipart
from rxkernel.settings import HttpSettings

_ENCODINGS = {"", "identity", "gzip", "deflate", "br", "zstd"}


class Bodies:
    """Reads and decodes the bodies that a server gets, each by the limits of its route."""

    def __init__(self, settings: HttpSettings) -> None:
        self._settings = settings
        self._limits: dict[HttpDefinition, BodyLimits] = {}

    async def read(
        self, native: web.Request, request: Request, definition: HttpDefinition
    ) -> None:
        """Put the body into *request*; one that the action reads itself, as its ``source``.

        Raises:
            PayloadTooLargeException: larger than the route allows, or too many fields (413).
            RequestTimeoutException: too slow (408).
            BadRequestException: not what its content type says (400).
            UnsupportedMediaTypeException: a type that is none, a charset or content coding that
                is not known here (415).
            ExpectationFailedException: not that of ``100-continue`` (417).
            ConnectionError: the client has left.
        """
        headers = native.headers
        if hdrs.EXPECT in headers:
            expects_continue(native)
        if not native.body_exists and not _is_empty_form(headers):
            return
        limits = self._limits.get(definition) or self._limits_of(definition)
        if headers.get(hdrs.CONTENT_ENCODING, "").strip().lower() not in _ENCODINGS:
            coding = headers[hdrs.CONTENT_ENCODING][:40]
            raise UnsupportedMediaTypeException(f"content coding {coding!r} is not supported")
        kind = BYTES if limits.is_raw else headers.get(hdrs.CONTENT_TYPE, BYTES)
        content_type = content_type_of(kind)
        if limits.is_streamed:
            request.source = self._reader(native, limits.total) if native.body_exists else None
        elif content_type.kind == MULTIPART:
            reader = self._reader(native, limits.total)
            await read_multipart(reader.read, content_type, request, limits)
        else:
            request.raw_body = await self._read_all(native, limits.memory)
            decode_body(content_type, request, limits)

    def take(self, raw: bytes, request: Request, definition: HttpDefinition) -> None:
        """`read` for *raw*, a whole body that is neither compressed, streamed nor multipart."""
        limits = self._limits.get(definition) or self._limits_of(definition)
        kind = BYTES if limits.is_raw else request.headers.get(hdrs.CONTENT_TYPE, BYTES)
        content_type = content_type_of(kind)
        check_size(len(raw), limits.memory)
        request.raw_body = raw
        decode_body(content_type, request, limits)

    def forget_definitions(self) -> None:
        """The kernel serves others now."""
        self._limits.clear()

    def _limits_of(self, definition: HttpDefinition) -> BodyLimits:
        self._limits[definition] = limits = BodyLimits.of(definition, self._settings)
        return limits

    def _reader(self, native: web.Request, limit: int) -> BodyReader:
        check_size(native.content_length, limit)
        return BodyReader(native, limit, self._settings)

    async def _read_all(self, native: web.Request, limit: int) -> bytes:
        content = native.content
        if not content.is_eof():
            return await self._reader(native, limit).read_all()
        try:  # it has come with its head, as small ones do
            raw = content.read_nowait() or await native.read()  # which a middleware has read
        except web.RequestPayloadError as exc:
            raise broken_off(native, exc) from exc
        check_size(len(raw), limit)
        return raw


def _is_empty_form(headers: Mapping[str, str]) -> bool:
    """A form of which nothing is filled in, which is not the same as no form."""
    if hdrs.CONTENT_LENGTH not in headers:
        return False
    return headers.get(hdrs.CONTENT_TYPE, "").lower().startswith(URLENCODED)
