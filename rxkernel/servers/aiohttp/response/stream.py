"""Sends the body of a response in pieces, while the action produces them."""

import asyncio
import codecs
from typing import Any

from aiohttp import hdrs, web
from aiohttp.abc import AbstractStreamWriter
from multidict import CIMultiDict

from rxkernel.kernel.contexts import current_context, start
from rxkernel.messages.response import EventStreamResponse, StreamResponse, close_source
from rxkernel.servers.aiohttp.connection.protocol import connection_of
from rxkernel.servers.aiohttp.request.disconnect import is_disconnected
from rxkernel.servers.http.compression import Compression, compress
from rxkernel.servers.http.content_encoding import text_type, unencodable
from rxkernel.servers.http.not_modified import is_not_modified, remove_content_headers
from rxkernel.servers.http.statuses import RESET_CONTENT, WITHOUT_CONTENT

_CHUNK_SIZE = 65_536
"""Bytes that are written at once. Larger pieces are split, so that less data waits in memory."""


class Stream:
    """Sends one body in a task of its own, which is cancelled when the client disconnects.

    The head is sent with the first piece. If the source fails before, an error response can still
    be sent.

    Attributes:
        is_endless: whether the stream is ended when the server stops, instead of waited for.
        out: aiohttp's response.
        sent: bytes of the body that were written.
    """

    is_endless = False

    def __init__(
        self,
        native: web.Request,
        response: StreamResponse | EventStreamResponse,
        compression: Compression | None = None,
    ) -> None:
        self._native = native
        self._response = response
        status, headers = response.status_code, CIMultiDict(response.headers)
        headers.popall(hdrs.TRANSFER_ENCODING, None)
        self._charset, self._text_type = text_type(headers.get(hdrs.CONTENT_TYPE, ""))
        self._encoder: codecs.IncrementalEncoder | None = None  # created for the first text
        self._declared_left = _declared_length(headers)
        is_stored = is_not_modified(native, status, headers)
        self._compressor = None
        if compression is not None:
            self._compressor = compression.start(native, status, headers, self._declared_left)
        if is_stored:
            status, headers = 304, remove_content_headers(headers)
        if status == RESET_CONTENT:
            headers[hdrs.CONTENT_LENGTH] = "0"
        self.out = web.StreamResponse(status=status, headers=headers)
        self.sent = 0
        self._writer: AbstractStreamWriter | None = None
        self._task: asyncio.Task[None] | None = None
        self._failure: BaseException | None = None  # raised outside of the stream's task
        self._is_closing = False
        self._is_source_closed = False
        self._ended = self._is_bodiless = native.method == "HEAD" or status in WITHOUT_CONTENT

    async def send(self) -> None:
        """Send the body until it ends or the client disconnects.

        Raises:
            Exception: the source failed, or returned a piece that cannot be sent. Nothing has been
                sent unless ``out`` is prepared.
        """
        transport = self._native.transport
        if self._ended or transport is None or transport.is_closing():
            await self._close_source()
            return
        self._task = start(self._run(), current_context())
        stop_watching = connection_of(self._native).when_disconnected(self.end)
        try:
            await _end_of(self._task)
        except BaseException:
            self.end()
            await asyncio.wait({self._task})
            raise
        finally:
            stop_watching()
            if not self._is_source_closed:  # the task was cancelled before its first step
                await self._close_source()
        self._raise_failure(self._task)

    @property
    def failure(self) -> BaseException | None:
        """The reason why the body was not sent completely, or None: the exception of the source,
        or `CancelledError` if the client or the server ended the stream, also before its start."""
        task = self._task
        if self._is_bodiless:
            return None
        failure = self._failure
        if failure is None and task is not None and task.done() and not task.cancelled():
            failure = task.exception()
            if failure is None:
                return None
        if failure is None or self._is_disconnect(failure):
            return asyncio.CancelledError("the stream was closed before its end")
        return failure

    def _raise_failure(self, task: asyncio.Task[None]) -> None:
        failure = self._failure
        if failure is None and not task.cancelled():
            failure = task.exception()
        elif failure is None and not self._ended:
            failure = RuntimeError("the source of the stream cancelled its own task")
        if failure is not None and not self._is_disconnect(failure):
            raise failure

    def _is_disconnect(self, failure: BaseException) -> bool:
        """Whether *failure* only means that the client has disconnected."""
        return isinstance(failure, ConnectionError) and is_disconnected(self._native)

    def end(self) -> None:
        """Stop sending. The source is cancelled only once, and not while it is closed, so that its
        cleanup can finish."""
        if not (self._ended or self._is_closing) and self._task is not None:
            self._task.cancel()
        self._ended = True

    async def _run(self) -> None:
        source = None
        try:
            source = aiter(self._response.content)
            async for piece in source:
                await self._send_piece(await self._encode(piece))
            await self._finish()
        finally:
            self._is_closing = True  # perhaps before the disconnect is noticed: a write has failed
            if source is not self._response.content:
                await _close_iterator(source)
            await self._close_source()

    async def _close_source(self) -> None:
        """Close the source, unless it was tried before."""
        if not self._is_source_closed:
            self._is_closing = self._is_source_closed = True
            await close_source(self._response)

    async def _encode(self, piece: Any) -> bytes:
        if isinstance(piece, str):
            piece = self._encode_text(piece)
        elif not isinstance(piece, bytes | bytearray | memoryview):
            raise TypeError(
                f"the source of a stream must produce bytes or str, got {type(piece).__qualname__}"
            )
        if self._compressor is not None:
            return await compress(self._compressor, piece) if piece else b""
        return bytes(piece)

    def _encode_text(self, text: str) -> bytes:
        if self._encoder is None:
            if self._writer is None and hdrs.CONTENT_TYPE in self.out.headers:
                self.out.headers[hdrs.CONTENT_TYPE] = self._text_type
            self._encoder = codecs.getincrementalencoder(self._charset)()
        try:
            return self._encoder.encode(text)
        except UnicodeEncodeError as exc:
            raise unencodable(exc) from exc

    async def _send_piece(self, data: bytes) -> None:
        if self._declared_left is not None and self._compressor is None:
            self._declared_left -= len(data)
            if self._declared_left < 0:
                raise ValueError("the stream is longer than its Content-Length")
        await self._write(data)

    async def _finish(self) -> None:
        # a charset with states, such as iso-2022-jp, has an end
        if self._encoder is not None and (rest := self._encoder.encode("", True)):
            await self._send_piece(await self._encode(rest))
        if self._compressor is not None:
            await self._write(self._compressor.finish())
        elif self._declared_left:
            raise ValueError(
                f"the stream is {self._declared_left} bytes shorter than its Content-Length"
            )

    async def _write(self, data: bytes) -> None:
        """Write *data*; wait while the client does not read.

        Raises:
            ConnectionError: the client has disconnected, or reached the send timeout.
        """
        writer = await self._prepare()
        for offset in range(0, len(data), _CHUNK_SIZE):
            await writer.write(data[offset : offset + _CHUNK_SIZE])
            await writer.drain()
        self.sent += len(data)

    async def _prepare(self) -> AbstractStreamWriter:
        """Send the head, at the first call."""
        if self._writer is None:
            self._writer = await self.out.prepare(self._native)
            assert self._writer is not None
        return self._writer


async def _end_of(task: "asyncio.Task[None]") -> None:
    """Wait until *task* is done. Cancelling the wait does not cancel the task.

    `asyncio.wait` does the same, but takes 20,000 instructions, 4 % of a short stream.
    """
    ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def wake(_: object) -> None:
        if not ended.done():
            ended.set_result(None)

    task.add_done_callback(wake)
    await ended


def _declared_length(headers: CIMultiDict[str]) -> int | None:
    length = headers.get(hdrs.CONTENT_LENGTH)
    if length is None:
        return None
    if not (length.isascii() and length.isdigit()):
        raise ValueError(f"invalid Content-Length {length!r}: it must be a number of bytes")
    return int(length)


async def _close_iterator(source: Any) -> None:
    close = getattr(source, "aclose", None)
    if close is not None:
        await close()
