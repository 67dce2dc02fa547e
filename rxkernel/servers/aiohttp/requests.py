"""From aiohttp's request to the kernel's: lazily where it can, strictly where it must."""

from collections.abc import Mapping
from typing import Any

from aiohttp import hdrs, web
from multidict import CIMultiDictProxy, MultiDict
from yarl import URL

from rxkernel.exceptions import NotFoundException, UnsupportedMediaTypeException
from rxkernel.kernel.messagepack import decode_msgpack
from rxkernel.kernel.serialization import decode_json
from rxkernel.messages.connection import ClientAddress
from rxkernel.messages.content_types import BYTES
from rxkernel.messages.media_type import MULTIPART, URLENCODED, ContentType, content_type_of
from rxkernel.messages.request import Request
from rxkernel.messages.transport import Transport
from rxkernel.routing.definitions import HttpDefinition
from rxkernel.servers.aiohttp.bodies import BodyReader, broken_off, expects_continue
from rxkernel.servers.aiohttp.forms import read_multipart, read_urlencoded
from rxkernel.servers.aiohttp.head import Head
from rxkernel.servers.aiohttp.request_ids import RequestIds
from rxkernel.servers.body_limits import BodyLimits, check_size
from rxkernel.settings import HttpSettings

_ENCODINGS = {"", "identity", "gzip", "deflate", "br", "zstd"}


def new_request(
    ids: RequestIds,
    method: str,
    target: str,
    url: URL,
    headers: CIMultiDictProxy[str],
    client: ClientAddress | None,
    values: Mapping[str, object] = {},
) -> Request:
    """The request of *client* for *target*, which *url* is made of, without its body; *values* are
    the parameters of the path, where they are known, which come before those of the query."""
    request = Request(Transport.HTTP, headers)
    request.method = method
    # an absolute-form is not to hide its path from a listener
    request.url = target if target[0] == "/" else url.raw_path_qs
    request.client = client
    if values:
        params: MultiDict[Any] = MultiDict(values)
        if "?" in target:
            params.extend(url.query)
        request.params = params
    elif "?" in target:
        request.params = MultiDict(url.query)
    if ids.name in headers:
        request.id = ids.given(headers)
    return request


def below(prefix: str, path: str) -> str:
    """What *path* is called below *prefix*.

    Raises:
        NotFoundException: it is not below.
    """
    if path != prefix and not path.startswith(prefix + "/"):
        raise NotFoundException
    return path[len(prefix) :] or "/"


def client_of(head: Head) -> ClientAddress | None:
    """The peer of the connection, which may be a proxy; None where it has no address."""
    peer = head.transport.get_extra_info("peername") if head.transport else None
    return ClientAddress(peer[0], peer[1]) if isinstance(peer, tuple) else None


def add_path(request: Request, values: dict[str, object]) -> None:
    """Put the path parameters before those of the query."""
    if values:
        params: MultiDict[Any] = MultiDict(values)
        params.extend(request.params)
        request.params = params


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
            await read_multipart(reader, content_type, request, limits)
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
