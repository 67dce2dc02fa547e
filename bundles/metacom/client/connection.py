"""One WebSocket of a client."""

import asyncio
import contextlib
import logging
import socket
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from typing import Any

from aiohttp import ClientError, ClientWebSocketResponse, WSCloseCode, WSMsgType

from bundles.metacom.client.downloads import Downloads
from bundles.metacom.client.errors import error_of
from bundles.metacom.client.options import Settings
from bundles.metacom.client.packets import ENCODE, Args, call_packet
from bundles.metacom.client.uploads import Source, Uploads
from bundles.metacom.dialect import Dialect
from bundles.metacom.packets import read_packet
from bundles.metacom.streams.chunks import decode_chunk
from bundles.metacom.streams.packets import (
    Opening,
    Status,
    read_stream_packet,
    status_packet,
)
from rxkernel import HttpException

logger = logging.getLogger(__name__)

CLOSING = 2.0
"""Seconds to wait for the server when the WebSocket is closed."""


class ClientConnection:
    """A connection to the server. When it ends, its calls and streams fail.

    Args:
        ids: see `new_ids`.
        on_event: called with the name and the data of each event.
        on_end: called once, when the connection has ended.
    """

    def __init__(
        self,
        websocket: ClientWebSocketResponse,
        settings: Settings,
        ids: Iterator[int],
        on_event: Callable[[object, Any], None],
        on_end: Callable[[], None],
    ) -> None:
        self.is_ended = False
        self._websocket = websocket
        self._settings = settings
        self._ids = ids
        self._on_event = on_event
        self._on_end = on_end
        self._calls: dict[int, asyncio.Future[Any]] = {}
        self._uploads = Uploads(self._send_text, self._send_bytes)
        self._downloads = Downloads(settings.timeout, self._terminate)
        self._sending: set[asyncio.Task[None]] = set()
        self._reason = "the client was closed"
        self._has_warned = False

    @property
    def is_full(self) -> bool:
        """Whether it receives no messages until a download is read."""
        return self._downloads.is_full

    async def call(self, method: str, args: Args) -> Any:
        """Call a method.

        Raises:
            MetacomError: the server has responded with an error.
            ConnectionError: the connection is lost; the method may have run.
        """
        self._check_open()
        id = next(self._ids)
        packet = call_packet(id, method, args)
        uploads = self._uploads.of(args)
        result: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        result.add_done_callback(_retrieve)
        self._calls[id] = result
        try:
            try:
                await self._send_text(packet)
            finally:
                if not self.is_ended:  # the packet is sent even if the caller was cancelled
                    self._uploads.start(uploads, result)
            return await result
        finally:
            del self._calls[id]
            result.cancel()

    async def upload(self, name: str, source: Source, size: int | None) -> int:
        """See `Metacom.upload`."""
        self._check_open()
        id = next(self._ids)
        await self._uploads.open(id, name, source, size)
        return id

    def download(self, id: int) -> AsyncIterator[bytes]:
        """See `Metacom.download`."""
        return self._downloads.read(id)

    async def run(self) -> str:
        """Receive messages until the connection ends, and return why it has ended."""
        try:
            self._reason = await self._receive_all()
        except TimeoutError:
            self._reason = "the server does not read from the connection"
        except (ClientError, ConnectionError) as exc:
            self._reason = str(exc) or type(exc).__name__
        except Exception:
            self._reason = "internal error of the client, see the log"
            logger.exception("a message from the server could not be handled")
        finally:
            self._end()
            await self._close()
        return self._reason

    # -- receiving

    async def _receive_all(self) -> str:
        websocket, is_pinged = self._websocket, False
        while True:
            try:
                message = await websocket.receive(timeout=self._settings.heartbeat)
            except TimeoutError:
                if is_pinged:
                    return "the server does not respond to pings"
                is_pinged = True
                async with asyncio.timeout(self._settings.heartbeat):
                    await self._write(websocket.ping())
                continue
            is_pinged = False
            match message.type:
                case WSMsgType.TEXT:
                    self._receive(message.data)
                case WSMsgType.BINARY:
                    self._receive_chunk(message.data)
                    await self._downloads.room()
                case WSMsgType.PING:
                    async with asyncio.timeout(self._settings.heartbeat):
                        await self._write(websocket.pong(message.data))
                case WSMsgType.PONG:
                    pass
                case WSMsgType.ERROR:
                    return str(message.data)
                case _:
                    return _closing(websocket.close_code, message.extra)

    def _receive(self, text: str) -> None:
        try:
            packet = read_packet(text)
            match packet.get("type"):
                case "callback":
                    self._receive_callback(packet)
                case "event":
                    self._on_event(packet.get("name"), packet.get("data"))
                case "stream":
                    self._receive_stream(packet.get("id"), read_stream_packet(packet))
                case type if packet:  # {} is the ping of dialect A
                    self._ignore(f"unknown packet type {type!r:.100}")
        except (HttpException, ValueError) as exc:
            self._ignore(str(exc))

    def _receive_callback(self, packet: dict[str, Any]) -> None:
        id = packet.get("id")
        if type(id) is not int:
            self._ignore(
                f"callback with invalid id {id!r:.100}, error {packet.get('error')!r:.500}"
            )
            return
        result = self._calls.get(id)
        if "error" not in packet:
            if result is not None and not result.done():
                result.set_result(packet.get("result"))
        elif result is None:
            self._uploads.fail(id, error_of(packet["error"]))
        elif not result.done():
            result.set_exception(error_of(packet["error"]))

    def _receive_stream(self, id: Any, content: Opening | Status) -> None:
        if isinstance(content, Opening):
            self._downloads.open(id, content)
        elif type(id) is int and not self._uploads.stop(id):
            self._downloads.close_stream(id, content)

    def _receive_chunk(self, chunk: bytes) -> None:
        try:
            id, data = decode_chunk(chunk, Dialect.A)
        except HttpException as exc:
            self._ignore(str(exc))
        else:
            self._downloads.receive(id, data)

    def _ignore(self, problem: str) -> None:
        """Log an invalid packet. Only the first one of a connection is a warning."""
        level = logging.DEBUG if self._has_warned else logging.WARNING
        self._has_warned = True
        logger.log(level, "ignored an invalid packet from the server: %s", problem)

    # -- sending

    async def _send_text(self, packet: str) -> None:
        await self._send(self._websocket.send_str(packet))

    async def _send_bytes(self, chunk: bytes) -> None:
        await self._send(self._websocket.send_bytes(chunk))

    async def _send(self, sending: Coroutine[Any, Any, None]) -> None:
        try:
            await self._write(sending)
        except (ClientError, ConnectionError) as exc:
            raise self._lost() from exc

    async def _write(self, sending: Coroutine[Any, Any, None]) -> None:
        """Await *sending* in a task of its own. All senders that wait for the server share one
        future of aiohttp, so the cancellation of one caller must not cancel it."""
        task = asyncio.create_task(sending)
        self._sending.add(task)
        task.add_done_callback(self._sent)
        await asyncio.wait({task})
        if task.cancelled():
            raise ConnectionResetError("the connection was lost")
        task.result()

    def _terminate(self, id: int) -> None:
        if not self.is_ended:
            packet = status_packet(id, Status.TERMINATE, ENCODE).decode()
            task = asyncio.create_task(self._websocket.send_str(packet))
            self._sending.add(task)
            task.add_done_callback(self._sent)

    def _sent(self, task: "asyncio.Task[None]") -> None:
        self._sending.discard(task)
        _retrieve(task)

    # -- the end

    def _end(self) -> None:
        self.is_ended = True
        self._on_end()
        for result in self._calls.values():
            if not result.done():
                result.set_exception(self._lost())
        self._uploads.close()
        self._downloads.close(f"the connection was lost: {self._reason}")
        for task in self._sending:
            task.cancel()

    async def _close(self) -> None:
        """Close the WebSocket. If the server does not read, drop the unsent data."""
        with _duplicate_of(self._websocket) as connection:
            try:
                async with asyncio.timeout(CLOSING):
                    await self._websocket.close()
            except TimeoutError:
                pass
            finally:
                with contextlib.suppress(OSError):  # it is closed already
                    connection.shutdown(socket.SHUT_RDWR)

    def _check_open(self) -> None:
        if self.is_ended:
            raise ConnectionError(f"the connection was lost: {self._reason}")

    def _lost(self) -> ConnectionError:
        return ConnectionError(
            f"the connection was lost before the response; the method may have run: {self._reason}"
        )


def _retrieve(future: "asyncio.Future[Any]") -> None:
    """Mark the exception of *future* as read: if the caller was cancelled, asyncio would log
    it."""
    if not future.cancelled():
        future.exception()


def _duplicate_of(websocket: ClientWebSocketResponse) -> socket.socket:
    """Return a second socket for the connection of *websocket*; its transport does not close
    it."""
    original = websocket.get_extra_info("socket")
    if original is None or original.fileno() < 0:
        return socket.socket()
    return socket.fromfd(original.fileno(), socket.AF_INET, socket.SOCK_STREAM)


def _closing(code: int | None, reason: object) -> str:
    if code is None or code == WSCloseCode.ABNORMAL_CLOSURE:
        return "the TCP connection has ended"
    text = f"the server closed it with code {code}"
    return f"{text}: {reason}" if isinstance(reason, str) and reason else text
