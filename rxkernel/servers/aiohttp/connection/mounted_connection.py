"""The connection of a client of an aiohttp application in which an application is mounted.

aiohttp accepts it, so the timeouts of `rxkernel` do not apply. aiohttp does not report a lost
connection or a full write buffer; a protocol in front of its handler notices both.
"""

import asyncio
from typing import Any, cast

from aiohttp import StreamReader, web

from rxkernel.exceptions import HttpException
from rxkernel.messages.disconnect_callbacks import Callback, DisconnectCallbacks
from rxkernel.servers.aiohttp.connection.registry import ConnectionRegistry
from rxkernel.servers.http.request_head import peer_of


class WatchedHandler(asyncio.Protocol):
    """Passes everything to aiohttp's *handler*, and notes a full buffer or a lost connection.

    Attributes:
        is_full: whether the write buffer is full.
        disconnect_callbacks: run when the connection is lost.
    """

    def __init__(self, handler: asyncio.Protocol, *, is_full: bool, is_lost: bool = False) -> None:
        self._handler = handler
        self.is_full = is_full
        self._is_lost = is_lost
        self._writable = asyncio.Event()
        self.disconnect_callbacks = DisconnectCallbacks(has_run=is_lost)

    @classmethod
    def of(cls, transport: asyncio.Transport) -> "WatchedHandler":
        """Return the handler of *transport*; the first call installs it."""
        handler = transport.get_protocol()
        if isinstance(handler, WatchedHandler):
            return handler
        limit = transport.get_write_buffer_limits()[1]
        watched = cls(
            cast(asyncio.Protocol, handler),
            is_full=transport.get_write_buffer_size() > limit,
            is_lost=transport.is_closing(),
        )
        transport.set_protocol(watched)
        return watched

    def data_received(self, data: bytes) -> None:
        self._handler.data_received(data)

    def eof_received(self) -> bool | None:
        return self._handler.eof_received()

    def pause_writing(self) -> None:
        self.is_full = True
        self._writable.clear()
        self._handler.pause_writing()

    def resume_writing(self) -> None:
        self.is_full = False
        self._handler.resume_writing()
        self._writable.set()

    def connection_lost(self, exc: Exception | None) -> None:
        self._handler.connection_lost(exc)
        self._handler = asyncio.Protocol()  # break the reference cycle
        self._is_lost = True
        self._writable.set()
        self.disconnect_callbacks.run()

    async def drain(self) -> None:
        """See `ClientConnection`."""
        if self.is_full:
            await self._writable.wait()
            if self._is_lost:
                raise ConnectionResetError("the connection is lost")


class MountedConnection:
    """The connection of one request; implements `ClientConnection`."""

    decodes_bodies = True

    def __init__(self, native: web.BaseRequest, connections: ConnectionRegistry) -> None:
        self._connections = connections
        self._transport = transport = native.transport
        self.peer = peer_of(native)
        self._handler = (
            WatchedHandler(asyncio.Protocol(), is_full=False, is_lost=True)
            if transport is None
            else WatchedHandler.of(transport)
        )

    @property
    def is_full(self) -> bool:
        return self._handler.is_full

    async def wait_to_start(self) -> None:
        """Do nothing: aiohttp starts requests in its own order."""

    def begin_request(self, body: StreamReader) -> "asyncio.Task[Any]":
        task = asyncio.current_task()
        assert task is not None
        task.add_done_callback(self._connections.in_flight.discard)
        return task

    async def drain(self) -> None:
        await self._handler.drain()

    def when_disconnected(self, callback: Callback) -> Callback:
        return self._handler.disconnect_callbacks.add(callback)

    def set_response(self, out: web.StreamResponse) -> None:
        """Do nothing: only the fast path needs it."""

    def stop_timeouts(self) -> None:
        """Do nothing: aiohttp enforces the timeouts."""

    def send_final_response(self, exc: HttpException, native: web.BaseRequest) -> int:
        data = self._connections.final_response(exc, native)
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)
        return len(data)


MOUNTED = web.RequestKey("rxkernel.connection", MountedConnection)
"""The key of the connection in a request of a `MountedResource`."""
