"""Whole bodies, decoded as their content type says."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

from rxkernel.exceptions import UnsupportedMediaTypeException
from rxkernel.kernel.messagepack import decode_msgpack
from rxkernel.kernel.serialization import decode_json
from rxkernel.messages.content_types import BYTES
from rxkernel.messages.media_type import MULTIPART, URLENCODED, ContentType, content_type_of
from rxkernel.messages.request import Request
from rxkernel.routing.definitions import HttpDefinition
from rxkernel.servers.http import header_names as hdrs
from rxkernel.servers.http.body_limits import BodyLimits, check_size
from rxkernel.servers.http.forms import read_multipart, read_urlencoded
from rxkernel.settings import HttpSettings


class BodyDecoder:
    """Decodes the bodies that a server gets, each by the limits of its route."""

    def __init__(self, settings: HttpSettings) -> None:
        self._settings = settings
        self._limits: dict[HttpDefinition, BodyLimits] = {}

    def limits_of(self, definition: HttpDefinition) -> BodyLimits:
        """The limits of *definition*, the same object each time."""
        limits = self._limits.get(definition)
        if limits is None:
            self._limits[definition] = limits = BodyLimits.of(definition, self._settings)
        return limits

    def forget_definitions(self) -> None:
        """The kernel serves others now."""
        self._limits.clear()

    async def load(self, raw: bytes, request: Request, definition: HttpDefinition) -> None:
        """Put *raw*, a whole body without content coding, into *request*.

        Raises:
            PayloadTooLargeException: larger than the route allows, or too many fields (413).
            BadRequestException: not what its content type says (400).
            UnsupportedMediaTypeException: an invalid type, or an unknown charset (415).
        """
        limits = self.limits_of(definition)
        kind = BYTES if limits.is_raw else request.headers.get(hdrs.CONTENT_TYPE, BYTES)
        content_type = content_type_of(kind)
        if limits.is_streamed:
            check_size(len(raw), limits.total)
            request.source = _pieces(raw)
        elif content_type.kind == MULTIPART:
            check_size(len(raw), limits.total)
            await read_multipart(_reader_of(raw), content_type, request, limits)
        else:
            check_size(len(raw), limits.memory)
            request.raw_body = raw
            decode_body(content_type, request, limits)


def is_empty_form(headers: Mapping[str, str]) -> bool:
    """Whether a request without a body sends a form with no field, which differs from no form."""
    if hdrs.CONTENT_LENGTH not in headers:
        return False
    return headers.get(hdrs.CONTENT_TYPE, "").lower().startswith(URLENCODED)


async def _pieces(raw: bytes) -> AsyncIterator[bytes]:
    yield raw


def _reader_of(raw: bytes) -> Callable[[], Awaitable[bytes]]:
    """Returns *raw*, then empty bytes."""
    pieces = [raw]

    async def read() -> bytes:
        return pieces.pop() if pieces else b""

    return read


def decode_body(content_type: ContentType, request: Request, limits: BodyLimits) -> None:
    raw = request.raw_body
    if limits.is_raw:
        request.body = raw or None
        return
    if content_type.is_only_json and raw:
        request.body = decode_json(raw, exact=limits.is_exact)
        return
    if content_type.kind == URLENCODED:
        read_urlencoded(content_type.text(raw), request, limits)
        return
    if not raw:
        return
    if content_type.is_json:
        if content_type.charset() not in ("utf-8", "ascii"):
            raise UnsupportedMediaTypeException("JSON is read as UTF-8 only")
        request.body = decode_json(raw, exact=limits.is_exact)
    elif content_type.is_msgpack:
        request.body = decode_msgpack(raw)
    elif content_type.kind.startswith("text/"):
        request.body = content_type.text(raw)
    else:
        request.body = raw
