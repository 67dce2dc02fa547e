"""Sends the packets of one session, without a task or a timer for each of them.

`put` adds a packet to the send queue. At the end of the iteration of the event loop the
`FlushScheduler` calls `flush`, which writes all waiting packets at once. `put_now` writes a packet
immediately if no other packet waits. While the client reads slowly, `drain` writes as fast as the
client reads.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from rxkernel.servers.aiohttp.websocket_stream import WebSocketStream
from rxkernel.servers.socketio.encoded_packet import EncodedPacket
from rxkernel.servers.socketio.engineio_packets import PING
from rxkernel.servers.socketio.flush_scheduler import FlushScheduler
from rxkernel.servers.socketio.protocol_error import ProtocolError
from rxkernel.servers.socketio.send_queue import SendQueue

_PING = EncodedPacket(PING.encode())

Work = Coroutine[Any, Any, None]


class PacketSender:
    """Writes to the websocket of a session; without one, polls take the packets from *queue*.

    Args:
        queue: the packets that wait for the client.
        scheduler: calls `flush` at the end of the turn.
        release_poll: responds to the waiting poll, if there is one.
        fail: closes the session because of an error.
        spawn: starts a task that the server waits for when it stops.

    Attributes:
        websocket: None until the session has one.
    """

    __slots__ = (
        "_fail",
        "_is_closed",
        "_is_draining",
        "_is_flushing",
        "_release_poll",
        "_scheduler",
        "_spawn",
        "queue",
        "websocket",
    )

    def __init__(
        self,
        queue: SendQueue,
        scheduler: FlushScheduler,
        *,
        release_poll: Callable[[], None],
        fail: Callable[[ProtocolError], Work],
        spawn: Callable[[Work], asyncio.Task[None]],
    ) -> None:
        self.queue = queue
        self.websocket: WebSocketStream | None = None
        self._scheduler = scheduler
        self._release_poll = release_poll
        self._fail = fail
        self._spawn = spawn
        self._is_closed = False
        self._is_draining = False
        self._is_flushing = False

    @property
    def unsent(self) -> int:
        """The number of packets that wait for the client, except a PING."""
        return len(self.queue) - self.is_ping_waiting

    @property
    def is_ping_waiting(self) -> bool:
        """Whether the client cannot have received the last PING yet."""
        return _PING in self.queue

    def ping(self) -> None:
        """Send a PING."""
        self.put(_PING)

    def put_now(self, packet: EncodedPacket) -> None:
        """Send *packet* at once, if no other packet waits."""
        if (
            self.websocket is None
            or self._is_closed
            or self._is_draining
            or self.queue
            or not self.websocket.write(packet.websocket_frames)
        ):
            self.put(packet)

    def put(self, packet: EncodedPacket) -> None:
        """Send *packet* in one write with all others of this iteration of the event loop."""
        if self._is_closed:
            return
        if self.queue.limit_exceeded_by(packet) is None:
            self.queue.add(packet)
        elif not self._put_over_limit(packet):
            return
        if self.websocket is None:
            self._release_poll()
        else:
            self._flush_later()

    def put_volatile(self, packet: EncodedPacket) -> None:
        """Do the same as `put`, but drop *packet* if packets of earlier iterations still wait."""
        if self.websocket is None:
            is_ready = not self.queue
        else:
            if self.queue.limit_exceeded_by(packet) is not None:
                self.flush()  # the same as `_put_over_limit` does first
            is_ready = not (self._is_draining or self.websocket.is_congested)
        if is_ready:
            self.put(packet)

    def _put_over_limit(self, packet: EncodedPacket) -> bool:
        """Make room for *packet* and put it; return False if the session is closed instead."""
        self.flush()  # the client may not be slow: all packets may be of this turn
        try:
            self.queue.put(packet)
        except ProtocolError as exc:
            self.close()
            self.queue.clear()
            self._spawn(self._fail(exc))
            return False
        return True

    def use_websocket(self, websocket: WebSocketStream) -> None:
        """Write to *websocket* from now on, first the packets that no poll has taken."""
        self.websocket = websocket
        self._flush_later()

    def _flush_later(self) -> None:
        if not (self._is_flushing or self._is_draining):
            self._is_flushing = True
            self._scheduler.add(self)

    def flush(self) -> None:
        """Write all waiting packets, or start `drain` if the client reads slowly."""
        self._is_flushing = False
        if self.websocket is None or not self.queue or self._is_draining:
            return
        if self.websocket.is_congested:
            self._is_draining = True
            self._spawn(self.drain())
        else:
            self.websocket.write(self.queue.take_all())

    async def drain(self) -> None:
        """Write the waiting packets, as fast as the client reads."""
        try:
            while self.queue and self.websocket is not None:
                await self.websocket.send(self.queue.take())
        except ConnectionError:
            self.queue.clear()  # the reader ends too, and closes the session
        finally:
            self._is_draining = False

    def close(self) -> None:
        """Accept no more packets; waiting ones can still be sent."""
        self._is_closed = True
