"""Reads the bodies of aiohttp's requests, by the limits of their routes."""

import logging

from aiohttp import hdrs, web

from rxkernel.exceptions import BadRequestException, UnsupportedMediaTypeException
from rxkernel.messages.content_types import BYTES
from rxkernel.messages.media_type import MULTIPART, content_type_of
from rxkernel.messages.request import Request
from rxkernel.routing.definitions import HttpDefinition
from rxkernel.servers.aiohttp.request.body_reader import (
    BodyReader,
    broken_off,
    expects_continue,
)
from rxkernel.servers.aiohttp.request.native_request import is_gone
from rxkernel.servers.http.body_decoding import BodyDecoder, decode_body, is_empty_form
from rxkernel.servers.http.body_limits import check_size
from rxkernel.servers.http.forms import read_multipart
from rxkernel.settings import HttpSettings

logger = logging.getLogger(__name__)

_ENCODINGS = {"", "identity", "gzip", "deflate", "br", "zstd"}


class NativeBodies:
    """Loads the body of a `web.Request` into the kernel's request, while it is received."""

    def __init__(self, settings: HttpSettings, decoder: BodyDecoder) -> None:
        self._settings = settings
        self._decoder = decoder

    async def load(
        self, native: web.Request, request: Request, definition: HttpDefinition
    ) -> None:
        """Put the body into *request*; one that the action reads itself, as its ``source``.

        Raises:
            PayloadTooLargeException: larger than the route allows, or too many fields (413).
            RequestTimeoutException: too slow (408).
            BadRequestException: not what its content type says, or the client left (400).
            UnsupportedMediaTypeException: an invalid type, or an unknown charset or content
                coding (415).
            ExpectationFailedException: an expectation other than ``100-continue`` (417).
        """
        try:
            await self._load(native, request, definition)
        except ConnectionError as exc:
            if not is_gone(native):
                raise
            logger.debug("client left in mid-body: %r", native.raw_path[:200])
            raise BadRequestException("the client left before the end of its body") from exc

    async def _load(
        self, native: web.Request, request: Request, definition: HttpDefinition
    ) -> None:
        headers = native.headers
        if hdrs.EXPECT in headers:
            expects_continue(native)
        if not native.body_exists and not is_empty_form(headers):
            return
        limits = self._decoder.limits_of(definition)
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
