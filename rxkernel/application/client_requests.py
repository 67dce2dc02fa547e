"""Builds requests from the arguments of a `KernelClient`, as a server does from bytes.

Queries and forms become text, a body becomes bytes with a content type, and each is limited.
"""

from collections.abc import AsyncIterable, AsyncIterator, Mapping, Sequence
from functools import partial
from typing import Any
from urllib.parse import urlencode

import attrs
from multidict import CIMultiDict, MultiDict

from rxkernel.exceptions import HttpException, NotFoundException, UnsupportedMediaTypeException
from rxkernel.kernel.links import path_params
from rxkernel.kernel.messagepack import encode_msgpack
from rxkernel.kernel.serialization import Serializer
from rxkernel.kernel.texts import texts_of
from rxkernel.messages.content_types import BYTES
from rxkernel.messages.media_type import (
    MULTIPART,
    URLENCODED,
    ContentType,
    content_type_of,
)
from rxkernel.messages.request import Request
from rxkernel.messages.upload import UploadedFile
from rxkernel.routing.definitions import HttpDefinition
from rxkernel.routing.metadata import EventArguments
from rxkernel.servers.http.body_decoding import decode_body
from rxkernel.servers.http.body_limits import (
    BodyLimits,
    check_fields,
    check_file_size,
    check_form_size,
    check_size,
)
from rxkernel.servers.socketio.payload import read_plain_arguments

Files = Mapping[str, UploadedFile | Sequence[UploadedFile]]


@attrs.frozen
class SentOverHttp:
    """The content of an HTTP request of a test, without its headers."""

    params: Mapping[str, Any]
    body: Any
    form: Mapping[str, Any] | None
    files: Files | None
    cookies: Mapping[str, str]

    def set_body_loader(
        self, request: Request, limits: BodyLimits, serializer: Serializer
    ) -> None:
        """Encode body or form, and set a ``request.body_loader`` that decodes it within *limits*.

        Raises:
            ValueError: the body cannot be encoded with its content type, or is a multipart form.
        """
        headers, body = request.headers, self.body
        assert isinstance(headers, CIMultiDict)
        if self.files is not None:
            headers.setdefault("Content-Type", MULTIPART)
            form = texts_of(self.form or {}, "the field", serializer)
            request.body_loader = partial(load_form, request, limits, form, self.files)
            return
        if self.form is not None:
            headers.setdefault("Content-Type", URLENCODED)
            texts = texts_of(self.form, "the field", serializer)
            body = urlencode(list(texts.items())).encode()
        try:
            encoded = body_of(body, headers, serializer)
            if encoded is not None:
                content_type = _content_type_of(request, limits)
                if not limits.is_streamed and content_type.kind == MULTIPART:
                    raise ValueError(
                        "multipart forms are not read from a body; pass form= and files="
                    )
                request.body_loader = partial(load_body, request, limits, content_type, encoded)
        except UnsupportedMediaTypeException as exc:
            request.body_loader = partial(_reject, exc)


def fill_event(
    request: Request,
    name: str,
    params: Mapping[str, Any] | None,
    body: Any,
    serializer: Serializer,
    *,
    arguments: EventArguments,
) -> None:
    """Set the name and the arguments of an event or a procedure, as plain values. The parameters
    of the namespace come first.

    With *arguments* ``"value"`` the client sends *body*, or *params* as an object. With ``"list"``
    it sends the items of *body*.

    Raises:
        ValueError: *arguments* is ``"list"``, and *body* is not a list, or there are *params*.
    """
    connection = request.connection
    of_namespace = {} if connection is None else connection.params
    request.url = name
    given, request.body = serializer.to_plain(params or {}), serializer.to_plain(body)
    if arguments == "list":
        request.body = _listed(name, given, request.body)
    elif arguments == "value":
        sent = (given or None) if request.body is None else request.body
        given, request.body = read_plain_arguments([name, sent])
    request.params = MultiDict([*of_namespace.items(), *given.items()])


def _listed(name: str, params: Mapping[str, Any], body: Any) -> list[Any]:
    if params or not isinstance(body, list | None):
        raise ValueError(f"event {name!r} takes a list of arguments; pass body=[…], no params")
    return body or []


def fill_params(
    request: Request,
    definition: HttpDefinition,
    given: Mapping[str, Any],
    prefix: str,
    serializer: Serializer,
) -> None:
    """Set the URL and the parameters of path and query.

    Raises:
        ValueError: a path parameter is missing, or a query parameter cannot be written as text.
        NotFoundException: a converter rejects a path parameter (404).
    """
    known = {name: value for name, value in given.items() if value is not None}
    known = path_params(definition.template, known, serializer)
    path = definition.template.convert(known)
    if path is None:
        raise NotFoundException
    query = MultiDict((name, value) for name, value in given.items() if name not in path)
    texts = texts_of(query, "the parameter", serializer)
    request.url = prefix + definition.template.format(**known)
    if texts:
        request.url += f"?{urlencode(list(texts.items()))}"
    request.params = MultiDict([*path.items(), *texts.items()])


async def load_form(
    request: Request, limits: BodyLimits, form: MultiDict[str], files: Files
) -> None:
    """Set the fields and files of *request*, within the limits of its route. A file that a server
    would read as a JSON part becomes a field.

    Raises:
        PayloadTooLargeException: 413.
        BadRequestException: a JSON part is not valid (400).
    """
    fields: MultiDict[Any] = MultiDict(form)
    size = sum(len(name.encode()) + len(value.encode()) for name, value in form.items())
    parts, total = limits.json_parts, 0
    for name, given in files.items():
        for file in [given] if isinstance(given, UploadedFile) else given:
            content_type = content_type_of(file.content_type)
            if parts.is_value(name, file.filename, content_type):
                size += len(name.encode()) + file.size
                check_form_size(size, limits)
                fields.add(name, parts.read(name, file.content, content_type))
                continue
            check_file_size(file.size, limits)
            total += file.size
            request.files.add(name, file)
    check_fields(len(fields) + len(request.files), limits)
    check_form_size(size, limits)
    check_size(size + total, limits.total)
    request.body = fields
    request.params = MultiDict([*request.params.items(), *fields.items()])


def body_of(
    body: Any, headers: CIMultiDict[str], serializer: Serializer
) -> bytes | AsyncIterable[bytes] | None:
    """Encode *body* with the ``Content-Type`` of *headers*, JSON by default; bytes are returned
    unchanged.

    Raises:
        ValueError: *body* cannot be encoded with that type.
        UnsupportedMediaTypeException: the type is invalid, or its charset unsupported (415).
    """
    if body is None or isinstance(body, bytes | AsyncIterable):
        return body
    content_type = content_type_of(headers.setdefault("Content-Type", "application/json"))
    if content_type.is_json:
        return serializer.encode_json(body)
    if content_type.is_msgpack:
        return encode_msgpack(body, serializer)
    if isinstance(body, str):
        return body.encode(content_type.charset())
    raise ValueError(
        f"a body of {type(body).__name__} cannot be encoded as {content_type.kind}; pass bytes"
    )


async def load_body(
    request: Request,
    limits: BodyLimits,
    content_type: ContentType,
    body: bytes | AsyncIterable[bytes],
) -> None:
    """Decode *body* as *content_type* into *request*, unless the action reads it itself.

    Raises:
        HttpException: 400, 413 or 415, as on the wire.
    """
    if limits.is_streamed:
        request.source = _limited(_pieces(body), limits.total)
        return
    pieces = _limited(_pieces(body), limits.memory)
    request.raw_body = b"".join([piece async for piece in pieces])
    decode_body(content_type, request, limits)


def _content_type_of(request: Request, limits: BodyLimits) -> ContentType:
    """Return the content type with which the body of *request* is decoded.

    Raises:
        UnsupportedMediaTypeException: the header ``Content-Type`` is invalid (415).
    """
    return content_type_of(BYTES if limits.is_raw else request.headers.get("Content-Type", BYTES))


async def _reject(exception: HttpException) -> None:
    raise exception


async def _pieces(body: bytes | AsyncIterable[bytes]) -> AsyncIterator[bytes]:
    if isinstance(body, AsyncIterable):
        async for piece in body:
            yield piece
    elif body:
        yield body


async def _limited(pieces: AsyncIterator[bytes], limit: int) -> AsyncIterator[bytes]:
    size = 0
    async for piece in pieces:
        check_size(size := size + len(piece), limit)
        yield piece
