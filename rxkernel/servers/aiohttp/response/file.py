"""Sends files with aiohttp: a small file together with its head, a large one with ``sendfile``.

aiohttp's own `FileResponse` is not used: it sends 404, 412 and 416 without the kernel's listeners,
prefers a ``.gz`` file in the same directory, supports one range only, and does not use
``sendfile`` under uvloop.
"""

import asyncio
import logging
import os
from io import FileIO
from typing import Any

from aiohttp import hdrs, web
from multidict import CIMultiDict

from rxkernel.messages.response import FileResponse
from rxkernel.servers.aiohttp.response.sendfile import sendfile
from rxkernel.servers.http.files.file_response import FileCutShortError, FilePlan, plan_file

logger = logging.getLogger(__name__)

_CHUNK_SIZE = 262_144


async def file_response(
    native: web.Request, response: FileResponse, sender: "asyncio.Task[Any]"
) -> web.StreamResponse:
    """aiohttp's response for a file. The file stays open until the task *sender* has sent it.

    Raises:
        HttpException: 404, 412 or 416; see `plan_file`.
        TypeError, ValueError: a header cannot be written.
    """
    plan = await _plan(native, response, sender)
    if plan.file is not None:
        return _OpenFileResponse(native, plan, plan.file)
    if not plan.parts:
        return web.StreamResponse(status=plan.status, headers=plan.headers)
    return web.Response(
        body=b"".join(part for part in plan.parts if isinstance(part, bytes)),
        status=plan.status,
        headers=plan.headers,
    )


async def _plan(
    native: web.Request, response: FileResponse, sender: "asyncio.Task[Any]"
) -> FilePlan:
    """Open the file in a thread. It is closed when *sender* ends, or if this task is cancelled."""
    headers = CIMultiDict(response.headers)
    headers.popall(hdrs.TRANSFER_ENCODING, None)  # set by aiohttp, not by the action
    opening = asyncio.get_running_loop().run_in_executor(
        None,
        plan_file,
        response,
        headers,
        native.method,
        native.headers,
    )
    try:
        plan = await asyncio.shield(opening)
    except asyncio.CancelledError:
        opening.add_done_callback(_close)
        raise
    sender.add_done_callback(lambda _: _close(opening))
    return plan


def _close(opening: asyncio.Future[FilePlan]) -> None:
    if opening.exception() is None and (file := opening.result().file) is not None:
        file.close()


class _OpenFileResponse(web.StreamResponse):
    """Sends its head, then the parts of an open file.

    aiohttp calls `write_eof` after the middlewares, as for every response.
    """

    def __init__(self, native: web.Request, plan: FilePlan, file: FileIO) -> None:
        super().__init__(status=plan.status, headers=plan.headers)
        self._native = native
        self._parts = plan.parts
        self._file = file

    async def write_eof(self, data: bytes = b"") -> None:
        parts, self._parts = self._parts, []
        native = self._native
        try:
            for part in parts:
                await (self.write(part) if isinstance(part, bytes) else self._send(part))
        except ConnectionError as exc:
            logger.debug(
                "client disconnected: %s %.200r (%s)", native.method, native.raw_path, exc
            )
            raise
        except Exception as exc:
            logger.error("sending the file of %.200r failed", native.raw_path, exc_info=exc)
            # aiohttp closes the connection. The client has received less than Content-Length.
            raise ConnectionAbortedError("sending the file failed") from exc
        await super().write_eof(data)

    async def _send(self, part: range) -> None:
        transport, writer = self._native.transport, await self.prepare(self._native)
        if transport is None or transport.is_closing() or writer is None:
            raise ConnectionResetError("the connection is closed")
        if transport.get_extra_info("sslcontext") is None:
            limits = transport.get_write_buffer_limits()
            transport.set_write_buffer_limits(0)
            await writer.drain()
            part = await sendfile(transport, self._file, part)
            transport.set_write_buffer_limits(limits[1], limits[0])
        while part:
            part = part[await self._copy(part) :]

    async def _copy(self, part: range) -> int:
        """Read and write a chunk of *part*, where ``sendfile`` cannot: over TLS, or if the system
        does not support it for this file."""
        loop, file = asyncio.get_running_loop(), self._file.fileno()
        size = min(len(part), _CHUNK_SIZE)
        chunk = await loop.run_in_executor(None, os.pread, file, size, part.start)
        if not chunk:
            raise FileCutShortError("the file became shorter while it was sent")
        await self.write(chunk)
        return len(chunk)
