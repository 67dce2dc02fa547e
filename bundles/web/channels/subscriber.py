"""One client of channels, and the events that wait for it."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable

from bundles.web.channels.channel_event import ChannelEvent
from bundles.web.channels.settings import ChannelSettings


class Subscriber:
    """Receives events. If too many events wait, it is ended, and they are dropped.

    Args:
        overflowed: called once, when too many events wait.

    Attributes:
        keys: of its channels.
        is_ended: whether it receives no further events.
        after: the number of the last event that the client has received from another process.
            Events up to this one are not sent.
    """

    __slots__ = (
        "_events",
        "_overflowed",
        "_replayed",
        "_settings",
        "_size",
        "_waiter",
        "after",
        "is_ended",
        "keys",
    )

    def __init__(self, settings: ChannelSettings, overflowed: Callable[[], None]) -> None:
        self.keys: set[str] = set()
        self.is_ended = False
        self.after = -1
        self._settings = settings
        self._overflowed = overflowed
        self._replayed: deque[ChannelEvent] = deque()
        self._events: deque[ChannelEvent] = deque()
        self._size = 0  # of `_events`
        self._waiter: asyncio.Future[None] | None = None

    def put(self, event: ChannelEvent) -> None:
        """Keep *event* until `next` returns it."""
        if self.is_ended or event.sequence <= self.after:
            return
        self._events.append(event)
        self._size += event.size
        settings, waiting = self._settings, len(self._events)
        if waiting > settings.max_waiting or (
            waiting > 1 and self._size > settings.max_waiting_size
        ):
            self.end()
            self._overflowed()
        else:
            self._wake()

    def replay(self, events: Iterable[ChannelEvent]) -> None:
        """Keep *events* before all others. Their number is limited by the buffers."""
        self._replayed.extend(events)
        self._wake()

    async def next(self) -> ChannelEvent | None:
        """Wait for the next event; None at the end. Only one task may wait."""
        while not (self._replayed or self._events):
            if self.is_ended:
                return None
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter
        if self._replayed:
            return self._replayed.popleft()
        event = self._events.popleft()
        self._size -= event.size
        return event

    def end(self) -> None:
        """Receive no further events, and drop those that wait."""
        self.is_ended = True
        self._replayed.clear()
        self._events.clear()
        self._size = 0
        self._wake()

    def _wake(self) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(None)
