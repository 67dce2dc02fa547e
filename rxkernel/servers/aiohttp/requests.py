"""From aiohttp's request to the kernel's: lazily where it can, strictly where it must."""

import codecs
from typing import Any, cast
from urllib.parse import parse_qsl

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from multidict import MultiDict

from rxkernel.exceptions import (
    BadRequestException,
    PayloadTooLargeException,
    UnsupportedMediaTypeException,
)
from rxkernel.kernel.serialization import decode_json
from rxkernel.messages.connection import ClientAddress
from rxkernel.messages.request import Request, UploadedFile
from rxkernel.messages.transport import Transport
from rxkernel.settings import HttpSettings

_CHARSETS = {"utf-8", "ascii", "iso8859-1", "iso8859-15", "cp1252", "utf-16"}
_ENCODINGS = {"", "identity", "gzip", "deflate", "br", "zstd"}


def read_head(native: web.Request, client: ClientAddress | None) -> Request:
    """The request of *client*, without its path parameters and body."""
    request = Request(Transport.HTTP, native.headers, native=native)
    request.method = native.method
    target = native.raw_path  # an absolute-form is not to hide its path from a listener
    request.url = target if target.startswith("/") else native.rel_url.raw_path_qs
    request.client = client
    if native.rel_url.raw_query_string:
        request.params = MultiDict(native.query)
    return request


def client_of(native: web.Request) -> ClientAddress | None:
    """The peer of the connection, which may be a proxy; None where it has no address."""
    peer = native.transport.get_extra_info("peername") if native.transport else None
    return ClientAddress(peer[0], peer[1]) if isinstance(peer, tuple) else None


def add_path(request: Request, values: dict[str, object]) -> None:
    """Put the path parameters before those of the query."""
    if values:
        params: MultiDict[Any] = MultiDict(values)
        params.extend(request.params)
        request.params = params


async def read_body(native: web.Request, request: Request, settings: HttpSettings) -> None:
    """Read and decode the body into *request*.

    Raises:
        PayloadTooLargeException: larger than ``body_limit``, or too many form fields (413).
        BadRequestException: not what its content type says (400).
        UnsupportedMediaTypeException: a charset or content coding not known here (415).
    """
    if not native.body_exists:
        return
    if (native.content_length or 0) > settings.body_limit:
        raise _too_large(settings)
    if native.headers.get("Content-Encoding", "").strip().lower() not in _ENCODINGS:
        raise UnsupportedMediaTypeException(
            f"content coding {native.headers['Content-Encoding']!r} is not supported"
        )
    try:
        if native.content_type == "multipart/form-data":
            await _read_multipart(native, request, settings)
        else:
            request.raw_body = await native.read()
            _decode(native, request, settings)
    except web.HTTPRequestEntityTooLarge:
        raise _too_large(settings) from None
    except web.RequestPayloadError as exc:
        native.content.feed_eof()  # aiohttp would read the rest, fail again and log a traceback
        raise BadRequestException(f"the body cannot be read: {exc}") from exc


def _too_large(settings: HttpSettings) -> PayloadTooLargeException:
    return PayloadTooLargeException(f"the body is larger than {settings.body_limit} bytes")


def _decode(native: web.Request, request: Request, settings: HttpSettings) -> None:
    raw, kind = request.raw_body, native.content_type
    if not raw:
        return
    if kind == "application/json" or kind.endswith("+json"):
        if _charset(native) not in ("utf-8", "ascii"):
            raise UnsupportedMediaTypeException("JSON is read as UTF-8 only")
        request.body = decode_json(raw)
    elif kind == "application/x-www-form-urlencoded":
        _add_form(request, MultiDict(_urlencoded(_text(raw, _charset(native)), settings)))
    elif kind.startswith("text/"):
        request.body = _text(raw, _charset(native))
    else:
        request.body = raw


def _charset(native: web.Request) -> str:
    """The canonical name of the body's charset, UTF-8 unless it says otherwise."""
    given = native.charset or "utf-8"
    try:
        name = codecs.lookup(given).name
    except LookupError:
        name = ""
    if name not in _CHARSETS:
        raise UnsupportedMediaTypeException(f"charset {given!r} is not supported; send UTF-8")
    return name


def _text(raw: bytes, charset: str) -> str:
    try:
        return raw.decode(charset)
    except UnicodeDecodeError as exc:
        raise BadRequestException(f"the body is not valid {charset}: {exc.reason}") from exc


def _urlencoded(text: str, settings: HttpSettings) -> list[tuple[str, str]]:
    limit = settings.form_fields_limit
    if text.count("&") >= limit:
        raise PayloadTooLargeException(f"the form has more than {limit} fields")
    return parse_qsl(text, keep_blank_values=True)


async def _read_multipart(native: web.Request, request: Request, settings: HttpSettings) -> None:
    """RFC 7578; aiohttp keeps the parts within ``body_limit`` while it reads them."""
    try:
        fields = await native.post()
    except (HttpProcessingError, ValueError, AssertionError, LookupError, RuntimeError) as exc:
        raise BadRequestException(f"the multipart form cannot be read: {exc}") from exc
    if len(fields) > settings.form_fields_limit:
        raise PayloadTooLargeException(
            f"the form has more than {settings.form_fields_limit} fields"
        )
    form: MultiDict[Any] = MultiDict()
    for name, field in fields.items():
        if isinstance(field, web.FileField):
            content = cast(Any, field.file).read()
            field.file.close()
            request.files.add(name, UploadedFile(field.filename, content, field.content_type))
        else:
            form.add(name, field if isinstance(field, str) else bytes(field))
    _add_form(request, form)


def _add_form(request: Request, form: MultiDict[Any]) -> None:
    request.body = form
    params: MultiDict[Any] = MultiDict(request.params)
    params.extend(form)
    request.params = params
