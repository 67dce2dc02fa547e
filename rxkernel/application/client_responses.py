"""Replaces a response that cannot be sent by an error, as on the wire."""

import asyncio
import os
from collections.abc import Awaitable, Callable

from rxkernel.kernel.errors import error_response
from rxkernel.kernel.kernel import Kernel
from rxkernel.kernel.serialization import Serializer
from rxkernel.messages.request import Request
from rxkernel.messages.response import (
    EventStreamResponse,
    FileResponse,
    Response,
    StreamResponse,
    close_source,
)
from rxkernel.routing.definitions import WebSocketDefinition
from rxkernel.servers.http.content_encoding import encode_content
from rxkernel.servers.http.files.opening import open_file
from rxkernel.servers.http.statuses import WITHOUT_CONTENT
from rxkernel.servers.socketio.encoding import encode_acknowledgement, encode_plain

Write = Callable[[Request, Response, Serializer], Awaitable[int | None]]
"""Encodes the response to a request, and returns the number of bytes without a head; None for a
stream, which the test reads."""


async def sendable(
    kernel: Kernel, request: Request, response: Response, write: Write
) -> tuple[Response, int | None]:
    """Return *response* and its size; if *write* cannot encode it, an error instead."""
    try:
        return response, await write(request, response, kernel.serializer)
    except Exception as exc:  # noqa: BLE001 - sent as an error, as on the wire
        await close_source(response)
        response = await kernel.fail(request, exc)
    try:
        return response, await write(request, response, kernel.serializer)
    except Exception as exc:  # noqa: BLE001 - the response of a listener cannot be sent either
        response = error_response(exc)
        return response, await write(request, response, kernel.serializer)


async def write_http(request: Request, response: Response, serializer: Serializer) -> int | None:
    if isinstance(response, StreamResponse | EventStreamResponse):
        return None
    if isinstance(response, FileResponse):
        with await asyncio.to_thread(open_file, response.content, response.root) as file:
            size = os.fstat(file.fileno()).st_size
    else:
        given = response.headers.get("Content-Type")
        size = len(encode_content(response.content, given, None, serializer)[0])
    return 0 if request.method == "HEAD" or response.status_code in WITHOUT_CONTENT else size


async def write_acknowledgement(
    request: Request, response: Response, serializer: Serializer
) -> int | None:
    definition: WebSocketDefinition | None = request.definition
    has_envelope = definition is None or definition.metadata.arguments == "envelope"
    encode = encode_acknowledgement if has_envelope else encode_plain
    return encode(_namespace(request), 0, response, serializer=serializer).size


def _namespace(request: Request) -> str:
    assert request.connection is not None
    return request.connection.namespace
