"""Loads the body of an aiohttp request into the kernel's request."""

from aiohttp import hdrs, web

from rxkernel.exceptions import RequestTimeoutException
from rxkernel.messages.content_types import BYTES
from rxkernel.messages.media_type import MULTIPART, content_type_of
from rxkernel.messages.request import Request
from rxkernel.routing.definitions import HttpDefinition
from rxkernel.servers.aiohttp.request.body_reader import (
    BodyReader,
    disconnected_in_body,
    expects_continue,
    unreadable_body,
)
from rxkernel.servers.aiohttp.request.disconnect import is_disconnected
from rxkernel.servers.aiohttp.request.streamed_body import StreamedBody
from rxkernel.servers.http.body_decoding import BodyDecoder, decode_body, is_empty_form
from rxkernel.servers.http.body_limits import (
    BodyTooLargeException,
    check_size,
    record_limit,
)
from rxkernel.servers.http.decompression import supported_coding
from rxkernel.servers.http.forms import read_multipart
from rxkernel.settings import HttpSettings


class BodyLoader:
    """Reads and decodes bodies while they arrive, with the limits of their routes."""

    def __init__(self, settings: HttpSettings, decoder: BodyDecoder) -> None:
        self._settings = settings
        self._decoder = decoder

    async def load(
        self, native: web.Request, request: Request, definition: HttpDefinition | None
    ) -> None:
        """Set the body of *request*, or its ``source`` if the action reads the body in pieces.
        Without *definition*, the body is not decoded.

        Raises:
            PayloadTooLargeException: the body is larger than the route allows, or has too many
                fields (413).
            RequestTimeoutException: the client sends too slowly (408).
            BadRequestException: the body is not valid for its content type, or the client has
                disconnected (400).
            UnsupportedMediaTypeException: the content type is invalid, or the charset or content
                coding is unknown (415).
            ExpectationFailedException: the request has an expectation other than
                ``100-continue`` (417).
        """
        try:
            await self._load(native, request, definition)
        except (BodyTooLargeException, RequestTimeoutException) as exc:
            record_limit(self._decoder.counters, exc, request.client)
            raise
        except ConnectionError as exc:
            if not is_disconnected(native):
                raise
            raise disconnected_in_body(native) from exc

    async def _load(
        self, native: web.Request, request: Request, definition: HttpDefinition | None
    ) -> None:
        headers = native.headers
        if hdrs.EXPECT in headers:
            expects_continue(native)
        if not native.body_exists and not is_empty_form(headers):
            return
        limits = self._decoder.limits_of(definition)
        if hdrs.CONTENT_ENCODING in headers:
            supported_coding(headers)
        kind = BYTES if limits.is_raw else headers.get(hdrs.CONTENT_TYPE, BYTES)
        content_type = content_type_of(kind)
        if limits.is_streamed:
            if native.body_exists:
                reader = self._reader(native, limits.total, limits.total_setting)
                counters = self._decoder.counters
                request.source = StreamedBody(native, reader, counters, request.client)
        elif content_type.kind == MULTIPART:
            reader = self._reader(native, limits.total, limits.total_setting)
            await read_multipart(reader.read, content_type, request, limits)
        else:
            request.raw_body = await self._read_all(native, limits.memory)
            decode_body(content_type, request, limits)

    def _reader(self, native: web.Request, limit: int, setting: str) -> BodyReader:
        check_size(native.content_length, limit, setting)
        return BodyReader(native, limit, self._settings, setting)

    async def _read_all(self, native: web.Request, limit: int) -> bytes:
        content = native.content
        if not content.is_eof():
            return await self._reader(native, limit, "http.body_limit").read_all()
        try:  # the whole body has arrived; a middleware of aiohttp may have read it already
            raw = content.read_nowait() or await native.read()
        except web.RequestPayloadError as exc:
            raise unreadable_body(native, exc) from exc
        check_size(len(raw), limit)
        return raw
