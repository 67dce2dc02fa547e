"""Sends the packets of one WebSocket, in order."""

import asyncio
from collections import deque
from collections.abc import Callable

from rxkernel import WebSocket


class PacketWriter:
    """Writes packets at once. While the client reads slowly, they wait, up to *limit* bytes.

    Args:
        overflow: called once, when a packet does not fit; nothing is sent after that.

    Attributes:
        buffered: the number of waiting bytes.
        sending: the task that sends the waiting packets; None if no packets are waiting.
    """

    __slots__ = ("_limit", "_overflow", "_waiting", "_websocket", "buffered", "sending")

    def __init__(self, websocket: WebSocket, limit: int, overflow: Callable[[], None]) -> None:
        self._websocket = websocket
        self._limit = limit
        self._overflow: Callable[[], None] | None = overflow
        self._waiting: deque[bytes] | None = None
        self.sending: asyncio.Task[None] | None = None
        self.buffered = 0

    def put(self, packet: bytes) -> None:
        """Send *packet*, which is UTF-8 text."""
        if self.sending is not None or not self._websocket.send_text(packet):
            self._put_later(packet)

    async def send_chunk(self, chunk: bytes) -> None:
        """Send *chunk*, a binary message, after the waiting packets; wait while the client does
        not read.

        Raises:
            ConnectionError: the WebSocket is closed.
        """
        while self.sending is not None:
            await asyncio.wait({self.sending})
        if self._overflow is None:
            raise ConnectionResetError("the client reads too slowly")
        await self._websocket.send(chunk)

    @property
    def is_congested(self) -> bool:
        """Whether packets are waiting for the client."""
        return self.sending is not None or self._websocket.is_congested

    def _put_later(self, packet: bytes) -> None:
        if self._overflow is None:
            return
        self.buffered += len(packet)
        if self.buffered > self._limit:
            overflow, self._overflow = self._overflow, None
            overflow()
            return
        if self._waiting is None:
            self._waiting = deque()
        self._waiting.append(packet)
        if self.sending is None:
            self.sending = asyncio.create_task(self._send(self._waiting))

    async def _send(self, waiting: deque[bytes]) -> None:
        try:
            while waiting and self._overflow is not None:
                packet = waiting[0]
                await self._websocket.send(packet.decode())
                waiting.popleft()
                self.buffered -= len(packet)
        except ConnectionError:
            pass  # `Receiver.read` notices the end too
        finally:
            waiting.clear()
            self.buffered = 0
            self.sending = None

    async def join(self) -> None:
        """Wait until the waiting packets are sent."""
        if self.sending is not None:
            await asyncio.wait({self.sending})
