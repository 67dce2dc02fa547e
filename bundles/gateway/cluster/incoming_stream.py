"""A stream from another node: pieces in packets, which may arrive in any order."""

import asyncio
from collections import deque
from typing import Any

from bundles.gateway.broker.result_stream import ResultStream
from bundles.gateway.exceptions import MoleculerServerError

_MOST_BYTES = 64 * 1024 * 1024
"""The maximum number of bytes that wait to be read: the protocol cannot slow the sender down."""

_MOST_EARLY = 1000
"""The maximum number of packets that wait for an earlier one."""

_PIECE_OF_OBJECTS = 1000
"""The number of bytes that a piece counts if it is not bytes."""


class IncomingStream(ResultStream):
    """Yields the pieces: bytes, or any JSON values in a stream of objects. If the stream of the
    sender fails, it raises the error.

    Call ``aclose`` to stop reading before the end; the rest is dropped.

    Attributes:
        has_objects: whether the pieces are JSON values. If not, a text is bytes in UTF-8.
        has_begun: whether its first packet has been received.
        is_closed: whether it is no longer read.
        is_ended: whether its last packet has been received, or it has failed.
        last_seen: when its last packet was received, by the clock of the event loop.
    """

    def __init__(self, node_id: str, now: float) -> None:
        self.node_id = node_id
        self.last_seen = now
        self.has_objects = False
        self.has_begun = False
        self.is_ended = False
        self._next = 1
        self._early: dict[int, tuple[Any, Exception | None, bool]] = {}
        self._pieces: deque[Any] = deque()
        self._waiting_bytes = 0
        self._failure: Exception | None = None
        self.is_closed = False
        self._changed = asyncio.Event()

    @property
    def is_done(self) -> bool:
        """Whether it has ended or is no longer read."""
        return self.is_ended or self.is_closed

    def is_over(self, since: float) -> bool:
        """Whether it is done, and its last packet came before *since*."""
        return self.is_done and self.last_seen < since

    def put(
        self, seq: int, piece: Any, failure: Exception | None, *, is_last: bool, now: float
    ) -> None:
        """Add the packet with the number *seq*; the first piece has the number 1."""
        self.last_seen = now
        if self.is_ended or seq < self._next or seq in self._early:
            return
        if len(self._early) >= _MOST_EARLY:
            self.fail(_broken(f"{_MOST_EARLY} packets came before the packet {self._next}"))
            return
        value = None
        if not is_last and not self.is_closed:
            try:
                value = self._counted(piece)
            except ValueError as exc:
                self.fail(_broken(str(exc)))
                return
        self._early[seq] = (value, failure, is_last)
        while not self.is_ended and self._next in self._early:
            self._append(*self._early.pop(self._next))
            self._next += 1
        if failure is not None:  # pieces that are missing before it are lost
            self.fail(failure)
        self._changed.set()

    def _counted(self, piece: Any) -> Any:
        """Count *piece* among the waiting bytes, and return its value.

        Raises:
            ValueError: it is invalid, or too many bytes wait.
        """
        value = _value(piece)
        self._waiting_bytes += _size(value)
        if self._waiting_bytes > _MOST_BYTES:
            raise ValueError(f"more than {_MOST_BYTES} bytes wait to be read")
        return value

    def _append(self, value: Any, failure: Exception | None, is_last: bool) -> None:
        if is_last:
            self._failure = failure
            self._end()
        elif not self.is_closed:
            self._pieces.append(value)

    def fail(self, failure: Exception) -> None:
        """Raise *failure* at the reader after the received pieces."""
        if not self.is_ended:
            self._failure = failure
            self._end()

    def _end(self) -> None:
        self.is_ended = True
        self._early.clear()
        self._changed.set()

    async def __anext__(self) -> Any:
        while not self._pieces:
            if self.is_closed:
                raise StopAsyncIteration
            if self.is_ended:
                self.is_closed = True
                if self._failure is not None:
                    raise self._failure
                raise StopAsyncIteration
            self._changed.clear()
            await self._changed.wait()
        piece = self._pieces.popleft()
        self._waiting_bytes -= _size(piece)
        return piece.encode() if isinstance(piece, str) and not self.has_objects else piece

    async def aclose(self) -> None:
        self.is_closed = True
        self._pieces.clear()
        self._changed.set()


def _value(piece: Any) -> Any:
    """Return the bytes of *piece*; Node writes them as ``{"type": "Buffer", "data": [1, 2]}``."""
    if isinstance(piece, dict) and piece.get("type") == "Buffer":
        data = piece.get("data")
        try:
            return bytes(data) if isinstance(data, list) else b""
        except TypeError as exc:
            raise ValueError(f"a piece is not bytes: {exc}") from exc
    return piece


def _size(piece: Any) -> int:
    return len(piece) if isinstance(piece, bytes | str) else _PIECE_OF_OBJECTS


def _broken(why: str) -> MoleculerServerError:
    return MoleculerServerError(f"The stream is broken: {why}.", 500, "STREAM_BROKEN")
