"""Long polling (Engine.IO v4): a GET waits for packets, a POST sends some."""

import asyncio
import base64
import binascii
from collections.abc import Awaitable, Callable, Iterator

from rxkernel.servers.aiohttp.websocket_stream import WebSocketMessage
from rxkernel.servers.socketio.engineio_packets import NOOP
from rxkernel.servers.socketio.protocol_error import ProtocolError
from rxkernel.servers.socketio.send_queue import SendQueue

SEPARATOR = "\x1e"
"""Separates the packets of a payload."""

_MAX_PACKETS = 16
"""Packets in one response to a poll; python-engineio's client does not accept more."""


class Polling:
    """The transport of a session without a websocket.

    Polls get the packets of *send_queue*, or a NOOP while ``is_paused``, because the session
    changes to a websocket. The packets of a POST are passed to *receive*.
    """

    __slots__ = ("_ended", "_last", "_poll", "_receive", "_send_queue", "is_paused", "is_posting")

    def __init__(
        self, send_queue: SendQueue, receive: Callable[[WebSocketMessage], Awaitable[None]]
    ) -> None:
        self.is_paused = False
        self.is_posting = False
        self._send_queue = send_queue
        self._receive = receive
        self._poll: asyncio.Future[None] | None = None
        self._ended = False
        self._last: str | None = None

    @property
    def is_waiting(self) -> bool:
        """Whether a poll waits for packets."""
        return self._poll is not None

    async def poll(self, is_gone: Callable[[], bool]) -> str | None:
        """Wait for packets and return them; return None if the client *is_gone* by then.

        Raises:
            ProtocolError: another poll is waiting.
        """
        if self._poll is not None:
            raise ProtocolError("two polls at a time")
        if self.is_paused:
            return NOOP
        if not self._send_queue and not self._ended:
            self._poll = asyncio.get_running_loop().create_future()
            try:
                await self._poll
            finally:
                self._poll = None
        return None if is_gone() else self._payload()

    def _payload(self) -> str:
        frames: list[str] = []
        while self._send_queue and (self._ended or len(frames) < _MAX_PACKETS):
            frames.append(_to_text(self._send_queue.take()))
        if self._ended and self._last is not None:
            frames.append(self._last)
        return SEPARATOR.join(frames or [NOOP])

    def release(self) -> None:
        """Respond to the waiting poll, if there is one."""
        if self._poll is not None and not self._poll.done():
            self._poll.set_result(None)

    async def post(self, read: Callable[[], Awaitable[str]]) -> None:
        """Receive the packets of one request in order; *read* returns its body.

        Raises:
            ProtocolError: a packet is invalid, or another POST is being handled. The packets
                before an invalid packet have been handled.
        """
        if self.is_posting:
            raise ProtocolError("two posts at a time")
        self.is_posting = True
        try:
            for frame in _packets(await read()):
                if self._ended:
                    return
                await self._receive(_from_text(frame))
        finally:
            self.is_posting = False

    def end(self, last: str | None) -> None:
        """Respond to the waiting poll with all remaining packets, followed by *last*."""
        self._ended, self._last = True, last
        self.release()


def _packets(payload: str) -> Iterator[str]:
    """Yield the packets one by one: a list of them would take many times the memory of
    *payload*."""
    begin = 0
    while (end := payload.find(SEPARATOR, begin)) >= 0:
        yield payload[begin:end]
        begin = end + 1
    yield payload[begin:]


def _to_text(frame: WebSocketMessage) -> str:
    """Return *frame* as long polling sends it: binary as ``b`` and base64."""
    return frame if isinstance(frame, str) else "b" + base64.b64encode(frame).decode()


def _from_text(frame: str) -> WebSocketMessage:
    if not frame.startswith("b"):
        return frame
    try:
        return base64.b64decode(frame[1:], validate=True)
    except binascii.Error as exc:
        raise ProtocolError("a binary packet with invalid base64") from exc
