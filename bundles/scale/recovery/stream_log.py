"""The log of events in a Redis stream, which all processes write."""

import asyncio
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from secrets import token_bytes
from typing import Any, NamedTuple

from redis.exceptions import RedisError

from bundles.redis import Redis
from bundles.redis.problems import problem_of
from bundles.scale.bus.link import Link
from bundles.scale.bus.packing import unpack
from bundles.scale.bus.seal import SENDER_AT, Kind, Message, RejectedError, Seal
from bundles.scale.recovery.positions import StreamId, StreamPosition, stream_id
from bundles.scale.recovery.scripts import WRITE
from bundles.scale.settings import CHANNEL, ScaleSettings

logger = logging.getLogger(__name__)

_BATCH = 256
"""Most events that are written by one call."""

_PAGE = 500
"""Entries that are read by one call."""

_SLOW = 0.25
"""Seconds without a reply after which Redis counts as unreachable."""
_DELAY = 0.02
"""Seconds in which events that only this process sends are collected, to be written together."""

_CATCH_UP = 1.0
"""Most seconds that a recovering client waits for entries of other processes."""
_RETRY = 0.5
"""Seconds after which a gap in the log is marked again, if Redis could not be used."""

_arriving: ContextVar[bool] = ContextVar("arriving", default=False)
"""Whether an event of another process is being sent to the clients."""


class Entry(NamedTuple):
    """An event in the log. ``body`` is the list that was passed to `StreamLog.add`, decoded."""

    id: StreamId
    node: str
    number: int
    body: list[Any]


class Pages(NamedTuple):
    entries: list[Entry]
    last: StreamId


class StreamLog:
    """Writes in the background, in the order of the events.

    Attributes:
        node: this process, in hexadecimal.
        number: of its last event.
        seen: the last entry that has been sent to the clients of this process; None until the
            first one is known.
    """

    def __init__(self, client: Redis, link: Link, settings: ScaleSettings, secret: str) -> None:
        self._client = client
        self._link = link
        self._settings = settings
        self._id = token_bytes(8)
        self.node = self._id.hex()
        self.number = 0
        self.seen: StreamId | None = None
        self._topic = f"{link.prefix}{CHANNEL}.events"
        self._own = f"{self._topic}.{self.node}"
        self._meta = f"{self._topic}.meta"
        self._seal = Seal(secret, settings.max_message_size)
        self._write = client.register_script(WRITE)
        self._waiting: list[tuple[bool, bytes]] = []
        self._size = 0
        self._since: float | None = None
        self._has_gap = False
        self._is_closed = False
        self._writing: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._moved = asyncio.Event()
        self.channels = (self._topic, self._own)

    # --- writing

    @property
    def position(self) -> StreamPosition | None:
        if self.seen is None:
            return None
        return StreamPosition(self.seen, self.node, self.number, not _arriving.get())

    @property
    def is_slow(self) -> bool:
        """Whether Redis has not replied to a write within `_SLOW` seconds."""
        return self._since is not None and time.monotonic() - self._since > _SLOW

    def add(self, body: bytes, *, is_published: bool) -> None:
        """Append an event of this process; it does not wait."""
        self.number += 1
        message = Message(self._id, Kind.LOGGED, self.number, body)
        try:
            frame = self._seal.close(self._topic, message)
        except RejectedError as exc:
            self._lose(exc.reason)
            return
        if self._size + len(frame) > self._settings.max_queue_size:
            self._lose("unsent")
            return
        self._waiting.append((is_published, frame))
        self._size += len(frame)
        if is_published:
            self._start()
        elif self._writing is None and self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_DELAY, self._start)

    def _lose(self, reason: str, number: int = 1) -> None:
        """Note that events are not in the log: clients that are disconnected now cannot
        recover."""
        self._link.dropped(reason, number)
        self._has_gap = True

    def _start(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._writing is None and (self._waiting or self._has_gap):
            self._writing = asyncio.create_task(self._run())

    async def _run(self) -> None:
        try:
            while self._waiting or self._has_gap:
                batch, self._waiting = self._waiting[:_BATCH], self._waiting[_BATCH:]
                had_gap, self._has_gap = self._has_gap, False
                self._since = time.monotonic()
                try:
                    await self._append(batch, had_gap)
                except RedisError as exc:
                    if problem_of(exc) is None:
                        logger.exception("the log of events could not be written")
                    self._lose("unsent", len(batch))
                    self._retry_later()
                    return
                finally:
                    self._since = None
                    self._size -= sum(len(frame) for _, frame in batch)
        finally:
            self._writing = None
            if self._waiting:
                self._drop_waiting()

    def _drop_waiting(self) -> None:
        waiting, self._waiting = self._waiting, []
        self._size -= sum(len(frame) for _, frame in waiting)
        self._lose("unsent", len(waiting))

    def _retry_later(self) -> None:
        if self._timer is None and not self._is_closed:
            self._timer = asyncio.get_running_loop().call_later(_RETRY, self._start)

    async def _append(self, batch: list[tuple[bool, bytes]], has_gap: bool) -> None:
        settings = self._settings
        arguments: list[Any] = [
            settings.recovery.max_events,
            settings.recovery.max_bytes,
            int(settings.recovery.max_disconnection_duration * 1000),
            int(has_gap),
        ]
        for is_published, frame in batch:
            arguments += (int(is_published), frame)
        await self._write([self._topic, self._meta, self._topic, self._own], arguments)

    async def flush(self) -> bool:
        """Return when all events of this process have been written; False if some were lost."""
        self._start()
        while self._writing is not None:
            await asyncio.wait({self._writing})
        return not self._has_gap

    def close(self) -> None:
        self._is_closed = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    # --- arriving

    def arrived(self, data: bytes) -> Entry | StreamId | None:
        """Read a message of one of ``channels``: an event of another process, or the id of an
        entry; None if it is invalid."""
        text, _, frame = data.partition(b" ")
        try:
            id = stream_id(text)
            if not frame or frame.startswith(self._id, SENDER_AT):
                return id
            return self._opened(id, frame, is_live=True)
        except (ValueError, RejectedError) as exc:
            reason = exc.reason if isinstance(exc, RejectedError) else "invalid"
            self._link.dropped(reason)
            return None

    def _opened(self, id: StreamId, frame: bytes, *, is_live: bool) -> Entry:
        sender, kind, number, body = self._seal.open(self._topic, frame, is_live=is_live)
        if kind is not Kind.LOGGED:
            raise RejectedError("invalid")
        return Entry(id, sender.hex(), number, unpack(body))

    def mark_seen(self, id: StreamId) -> None:
        """The entry *id*, and all before it, have been sent to the clients or are sent now."""
        if self.seen is None or id > self.seen:
            self.seen = id
        self._moved.set()

    @contextmanager
    def arriving(self) -> Iterator[None]:
        """Marks the block as one that sends an event of another process."""
        token = _arriving.set(True)
        try:
            yield
        finally:
            _arriving.reset(token)

    @property
    def is_arriving(self) -> bool:
        return _arriving.get()

    async def catch_up(self, id: StreamId) -> bool:
        """Wait until all that was published up to the entry *id* has been sent to the clients of
        this process; False if it takes too long.

        Raises:
            RedisError: Redis cannot be used.
        """
        await self._client.publish(self._own, f"{id[0]}-{id[1]}")
        with suppress(TimeoutError):
            async with asyncio.timeout(_CATCH_UP):
                while self.seen is None or self.seen < id:
                    self._moved.clear()
                    await self._moved.wait()
                return True
        return False

    # --- reading

    async def find_end(self) -> None:
        """Read the id of the last entry.

        Raises:
            RedisError: Redis cannot be used.
        """
        self.mark_seen(await self._end())

    async def _end(self) -> StreamId:
        last: Any = await self._client.xrevrange(self._topic, count=1)
        return stream_id(last[0][0]) if last else (0, 0)

    async def publish_end(self) -> None:
        """As `find_end`, after messages were missed: by a message to this process, which arrives
        after those that are still on their way. The missed events are not sent to its clients."""
        milliseconds, number = await self._end()
        await self._client.publish(self._own, f"{milliseconds}-{number}")

    async def after(self, position: StreamPosition) -> Pages | None:
        """Return the entries that *position* does not have; None if one of them is missing.

        Raises:
            RedisError: Redis cannot be used.
        """
        entries: list[Entry] = []
        last = position.seen
        while True:
            pipeline = self._client.pipeline(transaction=False)
            pipeline.hmget(self._meta, ("forgotten", "gap"))
            pipeline.xrange(self._topic, f"({last[0]}-{last[1]}", "+", count=_PAGE)
            gone, page = await pipeline.execute()
            if any(id is not None and stream_id(id) > last for id in gone):
                return None
            for id, fields in page:
                last = stream_id(id)
                if frame := fields.get(b"f"):
                    entry = self._opened(last, frame, is_live=False)
                    if not position.has(entry.id, entry.node, entry.number):
                        entries.append(entry)
            if len(page) < _PAGE:
                return Pages(entries, last)
            if len(entries) > self._settings.recovery.max_events:
                return None
