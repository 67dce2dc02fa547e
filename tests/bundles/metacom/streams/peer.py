"""A connection without a network: its streams, the packets that they send, and a manual clock."""

import asyncio
import json
from collections.abc import Callable, Coroutine
from typing import Any

from bundles.metacom.dialect import Dialect, Id
from bundles.metacom.streams import StreamLimits, Streams
from bundles.metacom.streams.chunks import StreamId, decode_chunk, encode_chunk
from rxkernel import HttpException


class ManualTimer:
    def __init__(self, moment: float, callback: Callable[[], None]) -> None:
        self.moment = moment
        self.callback = callback
        self.is_cancelled = False

    def cancel(self) -> None:
        self.is_cancelled = True


class ManualLoop:
    """The time of an event loop. Attributes: running: timers that are not cancelled."""

    def __init__(self) -> None:
        self._now = 0.0
        self._timers: list[ManualTimer] = []

    @property
    def running(self) -> list[ManualTimer]:
        return [timer for timer in self._timers if not timer.is_cancelled]

    def time(self) -> float:
        return self._now

    def call_later(self, delay: float, callback: Callable[[], None]) -> ManualTimer:
        timer = ManualTimer(self._now + delay, callback)
        self._timers.append(timer)
        return timer

    def advance(self, seconds: float) -> None:
        """Let *seconds* elapse, and call the timers that are due, in order."""
        end = self._now + seconds
        while due := [timer for timer in self.running if timer.moment <= end]:
            first = min(due, key=lambda timer: timer.moment)
            self._timers.remove(first)
            self._now = first.moment
            first.callback()
        self._now = end


class Peer:
    """Implements `Link`.

    Attributes:
        sent: packets and, as pairs of id and data, chunks, in order.
        errors: the reported errors as triples of id, status and message.
        blocker: while it is set, chunks wait for it.
    """

    def __init__(self, dialect: Dialect = Dialect.A, **limits: Any) -> None:
        self.dialect = dialect
        self.loop = ManualLoop()
        self.sent: list[Any] = []
        self.errors: list[tuple[Id | None, int, str]] = []
        self.is_paused = False
        self.calls: set[asyncio.Task[Any]] = set()
        self.is_closed = False
        self.blocker: asyncio.Event | None = None
        settings = {"max_streams": 3, "max_size": 1000, "window": 100, "timeout": 10.0} | limits
        self.streams = Streams(self, StreamLimits(**settings), self.loop, _encode)

    def put(self, packet: bytes) -> None:
        self.sent.append(json.loads(packet))

    async def send_chunk(self, chunk: bytes) -> None:
        if self.blocker is not None:
            await self.blocker.wait()
        if self.is_closed:
            raise ConnectionResetError
        self.sent.append(decode_chunk(chunk, self.dialect))

    def report(self, id: Id | None, error: HttpException) -> None:
        self.errors.append((id, error.status_code, error.message))

    def pause_reading(self) -> None:
        assert not self.is_paused
        self.is_paused = True

    def resume_reading(self) -> None:
        assert self.is_paused
        self.is_paused = False

    def receive(self, packet: Any) -> None:
        """Receive a packet of the type ``stream``, without its type."""
        self.streams.receive_packet(packet, packet["id"], self.dialect)

    def call(self, work: Callable[[], Coroutine[Any, Any, Any]]) -> asyncio.Task[Any]:
        """Run *work* as a call."""

        async def handle() -> None:
            task = asyncio.current_task()
            assert task is not None
            try:
                await work()
            finally:
                self.calls.discard(task)
                self.streams.call_ended(task)

        task = asyncio.create_task(handle())
        self.calls.add(task)
        return task

    def open(self, id: Id, size: Any, name: Any = "file") -> None:
        self.receive({"id": id, "name": name, "size": size})

    def chunk(self, id: StreamId, data: bytes) -> None:
        assert not self.is_paused
        self.streams.receive_chunk(encode_chunk(id, data, self.dialect), self.dialect)

    def end(self, id: Id) -> None:
        self.receive({"id": id, "status": "end"})

    def terminate(self, id: Id) -> None:
        self.receive({"id": id, "status": "terminate"})


def _encode(value: Any) -> bytes:
    return json.dumps(value).encode()


async def cancelled(task: asyncio.Task[Any]) -> None:
    """Cancel *task* and wait for its end."""
    await asyncio.sleep(0)  # so that it has begun
    task.cancel()
    await asyncio.wait({task})


async def turns(count: int = 5) -> None:
    """Let other tasks run."""
    for _ in range(count):
        await asyncio.sleep(0)
