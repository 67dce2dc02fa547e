"""Answers that are sent piece by piece, while they are made."""

import asyncio
from typing import Any

from aiohttp import hdrs, web
from multidict import CIMultiDict

from rxkernel.kernel.contexts import current_context, start
from rxkernel.kernel.event_stream import HEARTBEAT, encode_event, encode_retry
from rxkernel.messages.response import EventStreamResponse, StreamResponse, close_source
from rxkernel.servers.aiohttp.connection.protocol import connection_of
from rxkernel.servers.aiohttp.request.native_request import is_gone
from rxkernel.servers.aiohttp.response.outlet import Outlet
from rxkernel.servers.http.compression import Compression, compress
from rxkernel.servers.http.not_modified import is_not_modified, without_body

_BODILESS = (204, 205, 304)


class Stream:
    """A body that a task of its own sends, which ends when the client leaves.

    ``out`` is what aiohttp answers with; it is prepared when the first piece is there, so that
    a source that fails before can still be answered with an error.
    """

    endless = False
    """Whether it is to be ended, not waited for, when the server stops."""

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
        self._left = _declared_length(headers)
        self._compressor = None
        if compression is not None:
            self._compressor = compression.start(native, status, headers, self._left)
        if is_not_modified(native, status, headers):
            status, headers = 304, without_body(headers)
        self.out = web.StreamResponse(status=status, headers=headers)
        self._outlet: Outlet | None = None
        self._pump: asyncio.Task[None] | None = None
        self._failure: BaseException | None = None
        self._ended = self._is_bodiless = native.method == "HEAD" or status in _BODILESS

    @property
    def sent(self) -> int:
        """Bytes of the body that were handed over."""
        return 0 if self._outlet is None else self._outlet.sent

    async def send(self) -> None:
        """Send it all, or as much as the client takes.

        Raises:
            Exception: the source failed, or gave what cannot be sent; before the first byte
                when ``out`` is not prepared.
        """
        transport = self._native.transport
        if self._ended or transport is None or transport.is_closing():
            await close_source(self._response)
            return
        self._pump = start(self._copy(), current_context())
        connection = connection_of(self._native)
        connection.on_lost = self.end
        try:
            await asyncio.wait({self._pump})
        except BaseException:
            self.end()
            await asyncio.wait({self._pump})
            raise
        finally:
            connection.on_lost = None
        self._raise_failure(self._pump)

    @property
    def broke_with(self) -> BaseException | None:
        """Why the stream was not sent to its end: what its source raised, or `CancelledError`
        when the client or the server ended it, also before it began; else None."""
        failure, pump = self._failure, self._pump
        if self._is_bodiless:
            return None
        if failure is None and pump is not None and pump.done() and not pump.cancelled():
            failure = pump.exception()
            if failure is None:
                return None
        if failure is None or self._is_of_the_client(failure):
            return asyncio.CancelledError("the stream was cut off")
        return failure

    def _raise_failure(self, pump: asyncio.Task[None]) -> None:
        failure = self._failure
        if failure is None and not pump.cancelled():
            failure = pump.exception()
        elif failure is None and not self._ended:
            failure = RuntimeError("the source of the stream was cancelled from within")
        if failure is not None and not self._is_of_the_client(failure):
            raise failure

    def _is_of_the_client(self, failure: BaseException) -> bool:
        """Whether *failure* says no more than that the client has left."""
        return isinstance(failure, ConnectionError) and is_gone(self._native)

    def end(self) -> None:
        """Send nothing more. The source is told once: its clean-up may take its time."""
        if not self._ended and self._pump is not None:
            self._pump.cancel()
        self._ended = True

    async def _copy(self) -> None:
        source = None
        try:
            source = aiter(self._response.content)
            async for piece in source:
                await self._write(await self._encode(piece))
            await self._finish()
        finally:
            await _close(source)
            await close_source(self._response)

    async def _encode(self, piece: Any) -> bytes:
        if isinstance(piece, str):
            piece = piece.encode()
        elif not isinstance(piece, bytes | bytearray | memoryview):
            raise TypeError(
                f"the source of a stream gave {type(piece).__qualname__}; "
                "it must give bytes or str"
            )
        if self._compressor is not None:
            return await compress(self._compressor, piece) if piece else b""
        return bytes(piece)

    async def _write(self, data: bytes) -> None:
        if self._left is not None and self._compressor is None:
            self._left -= len(data)
            if self._left < 0:
                raise ValueError("the stream is longer than its Content-Length")
        await (await self._opened()).write(data)

    async def _opened(self) -> Outlet:
        if self._outlet is None:
            writer = await self.out.prepare(self._native)
            assert writer is not None
            self._outlet = Outlet(writer)
        return self._outlet

    async def _finish(self) -> None:
        if self._compressor is not None:
            await (await self._opened()).write(self._compressor.finish())
        elif self._left:
            raise ValueError(f"the stream is {self._left} bytes shorter than its Content-Length")


class EventStream(Stream):
    """Server-sent events, with a sign of life in their silence; never compressed or held back."""

    endless = True

    def __init__(self, native: web.Request, response: EventStreamResponse) -> None:
        super().__init__(native, response)
        self._heartbeat = response.heartbeat
        self._retry = response.retry
        self._is_writing = False
        self._written_at = 0.0

    async def _copy(self) -> None:
        """The head goes out at once: an ``EventSource`` is open then, if nothing happens yet."""
        beat = None
        try:
            await self._opened()
            if self._retry is not None:
                await self._write(encode_retry(self._retry))
            if self._heartbeat is not None:
                beat = asyncio.create_task(self._beat(self._heartbeat))
                beat.add_done_callback(self._beat_ended)
            await super()._copy()
        finally:
            if beat is not None:
                beat.cancel()
            await close_source(self._response)

    async def _encode(self, event: Any) -> bytes:
        return encode_event(event)

    async def _write(self, data: bytes) -> None:
        self._is_writing = True
        await super()._write(data)
        self._is_writing = False
        self._written_at = asyncio.get_running_loop().time()

    async def _beat(self, every: float) -> None:
        """A comment after *every* seconds of silence, but not while an event waits to be taken."""
        loop = asyncio.get_running_loop()
        self._written_at = loop.time()
        while not is_gone(self._native):
            await asyncio.sleep(self._written_at + every - loop.time())
            if self._is_writing:
                self._written_at = loop.time()
            elif self._written_at + every <= loop.time():
                self._written_at = loop.time()
                await (await self._opened()).write(HEARTBEAT)

    def _beat_ended(self, beat: asyncio.Task[None]) -> None:
        if not beat.cancelled() and (failure := beat.exception()) is not None:
            self._failure = failure
            self.end()


def stream_of(
    native: web.Request,
    response: StreamResponse | EventStreamResponse,
    compression: Compression | None,
) -> Stream:
    """What sends *response* to the client of *native*.

    Raises:
        ValueError: its ``Content-Length`` is none.
    """
    if isinstance(response, EventStreamResponse):
        return EventStream(native, response)
    return Stream(native, response, compression)


def _declared_length(headers: CIMultiDict[str]) -> int | None:
    given = headers.get(hdrs.CONTENT_LENGTH)
    if given is None:
        return None
    if not (given.isascii() and given.isdigit()):
        raise ValueError(f"Content-Length is {given!r}; it must be a number of bytes")
    return int(given)


async def _close(source: Any) -> None:
    close = getattr(source, "aclose", None)
    if close is not None:
        await close()
