"""Long polling (Engine.IO v4): one GET waits for packets, each POST brings some."""

import asyncio
import base64
import binascii
from collections.abc import Awaitable, Callable, Iterator

from rxkernel.servers.aiohttp.websocket import Frame
from rxkernel.servers.socketio.limits import ProtocolError
from rxkernel.servers.socketio.outbox import Outbox

SEPARATOR, NOOP = "\x1e", "6"

_AT_ONCE = 16
"""Packets in one answer to a poll: python-engineio's client takes no more."""


class Polling:
    """How a session without a websocket hears and is heard.

    Polls are answered from *outbox*; while it ``is_paused``, because a websocket is about to
    take over, with nothing. What is posted goes to *receive*.
    """

    __slots__ = ("_ended", "_last", "_outbox", "_poll", "_receive", "is_paused", "is_posting")

    def __init__(self, outbox: Outbox, receive: Callable[[Frame], Awaitable[None]]) -> None:
        self.is_paused = False
        self.is_posting = False
        self._outbox = outbox
        self._receive = receive
        self._poll: asyncio.Future[None] | None = None
        self._ended = False
        self._last: str | None = None

    @property
    def is_waiting(self) -> bool:
        """Whether a poll is held until there is something to send."""
        return self._poll is not None

    async def poll(self, is_gone: Callable[[], bool]) -> str | None:
        """What is to be sent, as soon as there is something; None if who asked *is_gone* then.

        Raises:
            ProtocolError: another poll is waiting already.
        """
        if self._poll is not None:
            raise ProtocolError("two polls at a time")
        if self.is_paused:
            return NOOP
        if not self._outbox and not self._ended:
            self._poll = asyncio.get_running_loop().create_future()
            try:
                await self._poll
            finally:
                self._poll = None
        return None if is_gone() else self._payload()

    def _payload(self) -> str:
        frames: list[str] = []
        while self._outbox and (self._ended or len(frames) < _AT_ONCE):
            frames.append(_to_text(self._outbox.take()))
        if self._ended and self._last is not None:
            frames.append(self._last)
        return SEPARATOR.join(frames or [NOOP])

    def release(self) -> None:
        """Answer the poll that waits, if one does."""
        if self._poll is not None and not self._poll.done():
            self._poll.set_result(None)

    async def post(self, read: Callable[[], Awaitable[str]]) -> None:
        """The packets of one request, whose body is *read* here, in order.

        Raises:
            ProtocolError: one of them is none, or another request is not through yet; those
                before have been handled.
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
        """Answer the poll that waits with all that is left, and *last* behind it."""
        self._ended, self._last = True, last
        self.release()


def _packets(payload: str) -> Iterator[str]:
    """One by one: all at once would take many times the memory of *payload*."""
    begin = 0
    while (end := payload.find(SEPARATOR, begin)) >= 0:
        yield payload[begin:end]
        begin = end + 1
    yield payload[begin:]


def _to_text(frame: Frame) -> str:
    """A frame as long polling writes it: base64 behind a ``b`` where it is binary."""
    return frame if isinstance(frame, str) else "b" + base64.b64encode(frame).decode()


def _from_text(frame: str) -> Frame:
    if not frame.startswith("b"):
        return frame
    try:
        return base64.b64decode(frame[1:], validate=True)
    except binascii.Error as exc:
        raise ProtocolError("a binary packet that is no base64") from exc
