"""Reads forms: fields into memory, files into a spool that is closed after the request."""

from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qsl

from multidict import MultiDict

from rxkernel.messages.content_types import BYTES
from rxkernel.messages.media_type import ContentType
from rxkernel.messages.request import Request
from rxkernel.messages.scoped_services import services_of
from rxkernel.messages.spool import Spool
from rxkernel.messages.upload import UploadedFile
from rxkernel.servers.http.body_limits import (
    BodyLimits,
    check_fields,
    check_file_size,
    check_form_size,
)
from rxkernel.servers.http.multipart import Multipart, Part

_ReadJson = Callable[[str, bytes, ContentType], Any]

_PLAIN = ContentType("text/plain", {})

_CHARSET = "_charset_"
"""The field that names the charset of a form (RFC 7578 §4.6); browsers fill it in if it is
hidden."""

_PERCENT_ENCODINGS = {"ascii": "utf-8", "utf-16": "utf-8", "iso8859-1": "cp1252"}
"""The charsets that browsers use instead of these (WHATWG Encoding Standard §4.2, §4.3)."""


def read_urlencoded(
    raw: bytes, content_type: ContentType, request: Request, limits: BodyLimits
) -> None:
    """Read the fields of a form (WHATWG URL Standard §5.1) into *request*.

    The charset is named by *content_type*, else by the field ``_charset_``, else UTF-8.

    Raises:
        PayloadTooLargeException: the form has too many fields (413).
        BadRequestException: *raw* is not valid in its charset (400).
        UnsupportedMediaTypeException: the charset is not supported (415).
    """
    text = content_type.text(raw)
    check_fields(text.count("&") + 1, limits)
    form = _fields(text, content_type)
    if "charset" not in content_type.parameters and (named := form.get(_CHARSET)):
        form = _fields(text, _text_plain(named))
    _add_form(request, form)


def _fields(text: str, content_type: ContentType) -> MultiDict[Any]:
    charset = content_type.charset()
    encoding = _PERCENT_ENCODINGS.get(charset, charset)
    return MultiDict(parse_qsl(text, keep_blank_values=True, encoding=encoding))


def _text_plain(charset: str) -> ContentType:
    return ContentType("text/plain", {"charset": charset}) if charset else _PLAIN


async def read_multipart(
    read: Callable[[], Awaitable[bytes]],
    content_type: ContentType,
    request: Request,
    limits: BodyLimits,
) -> None:
    """Read the fields and files of a form (RFC 7578) into *request* while it is received.

    A field ``_charset_`` names the charset of the texts whose part does not name one. Parts that
    are JSON are decoded, see `JsonParts`.

    Raises:
        PayloadTooLargeException: the fields or a file exceed a limit (413).
        InsufficientStorageException: the disk is full (507).
        HttpException: see *read* and `Multipart.next`.
    """
    parts = Multipart(read, content_type)
    fields: list[tuple[Part, bytes]] = []
    number = size = 0
    while (part := await parts.next()) is not None:
        check_fields(number := number + 1, limits)
        size += len(part.name) + len(part.filename or "")
        check_form_size(size, limits)
        is_json = limits.json_parts.is_value(part.name, part.filename, part.content_type)
        if part.filename is not None and not is_json:
            await _store_file(parts, part, request, limits)
            continue
        raw = bytearray()
        while piece := await parts.read():
            size += len(piece)
            check_form_size(size, limits)
            raw += piece
        fields.append((part, bytes(raw)))
    named = [raw for part, raw in fields if part.name == _CHARSET]
    plain = _text_plain(_PLAIN.text(named[0])) if named else _PLAIN
    read_json = limits.json_parts.read
    values = ((part.name, _value(part, raw, plain, read_json)) for part, raw in fields)
    _add_form(request, MultiDict(values))


def _value(part: Part, raw: bytes, plain: ContentType, read_json: _ReadJson) -> Any:
    """Return the text or the JSON value of a part, or its bytes if it has another content type."""
    content_type = part.content_type or plain
    if content_type.is_json:
        return read_json(part.name, raw, content_type)
    if not content_type.kind.startswith("text/"):
        return raw
    return (content_type if "charset" in content_type.parameters else plain).text(raw)


async def _store_file(parts: Multipart, part: Part, request: Request, limits: BodyLimits) -> None:
    """Store one file. A part without a file name and content is ignored: browsers send it if no
    file was chosen."""
    spool = _spool_of(request)
    offset = spool.size
    while piece := await parts.read():
        check_file_size(spool.size + len(piece) - offset, limits)
        await spool.append(piece)
    if part.filename or spool.size > offset:
        kind = part.content_type.kind if part.content_type else BYTES
        file = UploadedFile.kept(part.filename or "", kind, spool, offset)
        request.files.add(part.name, file)


def _spool_of(request: Request) -> Spool:
    """Return the spool of all files of *request*; it is closed with its services."""
    services = services_of(request)
    if Spool not in services:
        services.add(Spool, Spool())
    spool: Spool = services[Spool]
    return spool


def _add_form(request: Request, form: MultiDict[Any]) -> None:
    request.body = form
    params: MultiDict[Any] = MultiDict(request.params)
    params.extend(form)
    request.params = params
