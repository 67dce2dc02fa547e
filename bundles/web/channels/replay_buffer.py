"""The last events of one channel, for clients that reconnect."""

from collections import deque
from itertools import takewhile

from bundles.web.channels.channel_event import ChannelEvent
from bundles.web.channels.settings import ChannelSettings


class ReplayBuffer:
    """Keeps events up to the limits of the settings: number, bytes and age.

    Attributes:
        lost: the number of the last event that was removed. A client whose last event is an
            earlier one may have missed events.
    """

    __slots__ = ("_events", "_settings", "_size", "lost")

    def __init__(self, settings: ChannelSettings, lost: int) -> None:
        self.lost = lost
        self._settings = settings
        self._events: deque[ChannelEvent] = deque()
        self._size = 0

    def __len__(self) -> int:
        return len(self._events)

    def add(self, event: ChannelEvent) -> None:
        self._events.append(event)
        self._size += event.size
        settings = self._settings
        while len(self._events) > settings.replay_events or self._size > settings.replay_size:
            self._remove_first()
        self.expire(event.sent_at)

    def expire(self, now: float) -> None:
        """Remove the events that are too old at *now*."""
        oldest = now - self._settings.replay_age
        while self._events and self._events[0].sent_at < oldest:
            self._remove_first()

    def _remove_first(self) -> None:
        event = self._events.popleft()
        self._size -= event.size
        self.lost = event.sequence

    def since(self, sequence: int, now: float) -> list[ChannelEvent] | None:
        """Return the events after *sequence*; None if some of them were removed."""
        self.expire(now)
        if sequence < self.lost:
            return None
        found = list(takewhile(lambda event: event.sequence > sequence, reversed(self._events)))
        found.reverse()
        return found
