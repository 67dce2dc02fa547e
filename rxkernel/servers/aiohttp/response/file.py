"""Files over aiohttp: a small one leaves with its head, a large one is copied by the system.

aiohttp's own `FileResponse` answers 404, 412 and 416 past the kernel's listeners, sends
whichever ``.gz`` lies beside the file, knows one range only, and under uvloop copies by hand.
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
from rxkernel.servers.http.files.file_response import FileCutShortError, FilePlan, answer_file

logger = logging.getLogger(__name__)

_PIECE = 262_144


async def file_response(
    native: web.Request, response: FileResponse, sender: "asyncio.Task[Any]"
) -> web.StreamResponse:
    """What aiohttp can send for a file, which is open until *sender* has sent it.

    Raises:
        HttpException: 404, 412 or 416, as `answer_file` finds.
        TypeError, ValueError: a header cannot be written.
    """
    answer = await _answer(native, response, sender)
    if answer.file is not None:
        return _FileBody(native, answer, answer.file)
    if not answer.parts:
        return web.StreamResponse(status=answer.status, headers=answer.headers)
    return web.Response(
        body=b"".join(part for part in answer.parts if isinstance(part, bytes)),
        status=answer.status,
        headers=answer.headers,
    )


async def _answer(
    native: web.Request, response: FileResponse, sender: "asyncio.Task[Any]"
) -> FilePlan:
    """The file that it opens is closed when the request has ended, in whichever way."""
    headers = CIMultiDict(response.headers)
    headers.popall(hdrs.TRANSFER_ENCODING, None)  # how it is sent is not the action's to say
    opening = asyncio.get_running_loop().run_in_executor(
        None,
        answer_file,
        response,
        headers,
        native.method,
        native.headers,
    )
    try:
        answer = await asyncio.shield(opening)
    except asyncio.CancelledError:
        opening.add_done_callback(_close)
        raise
    sender.add_done_callback(lambda _: _close(opening))
    return answer


def _close(opening: asyncio.Future[FilePlan]) -> None:
    if opening.exception() is None and (file := opening.result().file) is not None:
        file.close()


class _FileBody(web.StreamResponse):
    """Sends the parts of an open file behind its head.

    aiohttp calls `write_eof` when the middlewares have seen the answer, as for any other.
    """

    def __init__(self, native: web.Request, answer: FilePlan, file: FileIO) -> None:
        super().__init__(status=answer.status, headers=answer.headers)
        self._native = native
        self._parts = answer.parts
        self._file = file

    async def write_eof(self, data: bytes = b"") -> None:
        parts, self._parts = self._parts, []
        native = self._native
        try:
            for part in parts:
                await (self.write(part) if isinstance(part, bytes) else self._send(part))
        except ConnectionError as exc:
            logger.debug("client left: %s %r (%s)", native.method, native.raw_path[:200], exc)
            raise
        except Exception as exc:
            logger.error("%r broke off while it was sent", native.raw_path[:200], exc_info=exc)
            # aiohttp closes: the client has less than Content-Length says, and can tell
            raise ConnectionAbortedError("broke off") from exc
        await super().write_eof(data)

    async def _send(self, part: range) -> None:
        transport, writer = self._native.transport, await self.prepare(self._native)
        if transport is None or transport.is_closing() or writer is None:
            raise ConnectionResetError("the connection was closed")
        if transport.get_extra_info("sslcontext") is None:
            limits = transport.get_write_buffer_limits()
            transport.set_write_buffer_limits(0)
            await writer.drain()
            part = await sendfile(transport, self._file, part)
            transport.set_write_buffer_limits(limits[1], limits[0])
        while part:
            part = part[await self._copy(part) :]

    async def _copy(self, part: range) -> int:
        """Send a piece of *part* by hand: it is encrypted, or the system cannot copy it."""
        loop, file = asyncio.get_running_loop(), self._file.fileno()
        size = min(len(part), _PIECE)
        piece = await loop.run_in_executor(None, os.pread, file, size, part.start)
        if not piece:
            raise FileCutShortError("the file became shorter while it was sent")
        await self.write(piece)
        return len(piece)
