"""A response that cannot be sent is replaced by an error, as on the wire."""

import asyncio
from collections.abc import Awaitable, Callable

from rxkernel.kernel.errors import error_response
from rxkernel.kernel.kernel import Kernel
from rxkernel.messages.request import Request
from rxkernel.messages.response import (
    EventStreamResponse,
    FileResponse,
    Response,
    StreamResponse,
    close_source,
)
from rxkernel.servers.aiohttp.responses import encode_content
from rxkernel.servers.files.opening import open_file
from rxkernel.servers.socketio.packet import encode_acknowledgement, encode_refusal

Write = Callable[[str | None, Response], Awaitable[None]]
"""Writes a response as the wire does, to a connection in the namespace or, without one, over HTTP.
The bytes are dropped."""


async def sendable(kernel: Kernel, request: Request, response: Response, write: Write) -> Response:
    """*response*, or the error that goes in place of one that *write* cannot write."""
    if (failure := await _failure(request, response, write)) is None:
        return response
    await close_source(response)
    response = await kernel.fail(request, failure)
    failure = await _failure(request, response, write)
    return response if failure is None else error_response(failure)


async def _failure(request: Request, response: Response, write: Write) -> Exception | None:
    namespace = None if request.connection is None else request.connection.namespace
    try:
        await write(namespace, response)
    except Exception as exc:  # noqa: BLE001 - it is answered, as on the wire
        return exc
    return None


async def write_http(_: str | None, response: Response) -> None:
    if isinstance(response, FileResponse):
        (await asyncio.to_thread(open_file, response.content, response.root)).close()
    elif not isinstance(response, StreamResponse | EventStreamResponse):
        encode_content(response.content, response.headers.get("Content-Type"))


async def write_acknowledgement(namespace: str | None, response: Response) -> None:
    encode_acknowledgement(namespace or "/", 0, response)


async def write_refusal(namespace: str | None, response: Response) -> None:
    encode_refusal(namespace or "/", response)
