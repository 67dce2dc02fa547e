"""The clients that have subscribed to channels in this process, and the events kept for them."""

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping

from injector import inject

from bundles.web.channels.channel_event import RESET, ChannelEvent
from bundles.web.channels.channel_keys import GLOBAL
from bundles.web.channels.event_log import EventLog
from bundles.web.channels.replay_buffer import ReplayBuffer
from bundles.web.channels.settings import ChannelSettings
from bundles.web.channels.subscriber import Subscriber
from rxkernel import ClientAddress, Kernel, LimitCounters, TooManyRequestsException


class Subscribers:
    """Delivers the events of the log to the event streams and WebSockets of this process."""

    @inject
    def __init__(self, settings: ChannelSettings, kernel: Kernel, log: EventLog) -> None:
        self._settings = settings
        self._encode = kernel.serializer.encode_json
        self._ids = log.ids
        self._limits = LimitCounters()
        self._subscribers: dict[str, dict[Subscriber, None]] = {}
        self._buffers: dict[str, ReplayBuffer] = {}
        self._forgotten = 0
        self._next_sweep = 0.0
        log.receiver = self

    def count(self, key: str) -> int:
        """Return the number of subscribers of *key* in this process."""
        return len(self._subscribers.get(key, ()))

    @property
    def counts(self) -> Mapping[str, int]:
        """How often each limit was reached, by the name of its setting."""
        return self._limits.counts

    def received(
        self, key: str, event: str, body: bytes, *, sequence: int, sent_at: float
    ) -> None:
        """See `LogReceiver.received`."""
        id = self._ids.text_of(sequence)
        sent = ChannelEvent(event, body, id=id, sequence=sequence, sent_at=sent_at)
        buffer = self._buffers.get(key)
        if buffer is None:
            buffer = self._buffers[key] = ReplayBuffer(self._settings, self._forgotten)
        buffer.add(sent)
        for subscriber in tuple(self._subscribers.get(key, ())):
            subscriber.put(sent)
        now = asyncio.get_running_loop().time()
        if now >= self._next_sweep:
            self._sweep(now)

    def restarted(self) -> None:
        """See `LogReceiver.restarted`. Each subscriber gets an event `RESET`."""
        self._buffers.clear()
        self._forgotten = self._ids.last
        reset = self._reset(asyncio.get_running_loop().time())
        for subscriber in tuple(self._subscribers.get(GLOBAL, ())):
            subscriber.after = -1
            subscriber.put(reset)

    def _sweep(self, now: float) -> None:
        """Remove the events that are too old, and the buffers of unused channels."""
        self._next_sweep = now + self._settings.replay_age
        for key, buffer in tuple(self._buffers.items()):
            buffer.expire(now)
            if not buffer and key not in self._subscribers:
                self._forgotten = max(self._forgotten, buffer.lost)
                del self._buffers[key]

    @property
    def position(self) -> str:
        """The id of the last event, of any channel, that this process has received."""
        return self._ids.text_of(self._ids.last)

    def latest(self, last_id: str) -> str:
        """Return the later one of `position` and *last_id*, an id of this run."""
        sequence = self._ids.sequence_of(last_id) or 0
        return self._ids.text_of(max(sequence, self._ids.last))

    def subscriber(
        self, client: ClientAddress | None, overflowed: Callable[[], None] | None = None
    ) -> Subscriber:
        """Return a subscriber without channels. If it reads too slowly, it is removed and
        *overflowed* is called. *client* is for the log."""

        def remove() -> None:
            host = "a client" if client is None else client.host
            self._limits.record("web.channels.max_waiting", f"closed {host}: it reads too slowly")
            self.remove(subscriber)
            if overflowed is not None:
                overflowed()

        subscriber = Subscriber(self._settings, remove)
        return subscriber

    def check_number(self, names: Collection[str]) -> None:
        """Check the number of channels of a client, which may have chosen their *names* itself.

        Raises:
            TooManyRequestsException: there are more than ``max_channels`` (429).
        """
        if len(names) > self._settings.max_channels:
            self._limits.record("web.channels.max_channels", f"refused {len(names)} channels")
            raise TooManyRequestsException(
                f"a client may subscribe to at most {self._settings.max_channels} channels"
            )

    def add(self, subscriber: Subscriber, keys: Iterable[str]) -> None:
        """Send the events of *keys* to *subscriber*, until `remove` is called."""
        for key in keys:
            subscriber.keys.add(key)
            self._subscribers.setdefault(key, {})[subscriber] = None

    def remove(self, subscriber: Subscriber) -> None:
        """End *subscriber*."""
        subscriber.end()
        for key in subscriber.keys:
            members = self._subscribers.get(key)
            if members is not None:
                members.pop(subscriber, None)
                if not members:
                    del self._subscribers[key]

    def replay(self, subscriber: Subscriber, last_id: str, keys: Iterable[str]) -> bool:
        """Send *subscriber* the kept events of *keys* after the one with *last_id* first. Earlier
        events are not sent to it later either: another process may have sent it events that this
        process has not received yet.

        Returns:
            Whether there are any. It is a single event `RESET` if some are not kept, or *last_id*
            is not an id of this run of the log.
        """
        missed = self._since(last_id, keys)
        subscriber.replay(missed)
        known = self._ids.sequence_of(last_id)
        subscriber.after = -1 if known is None else known
        return bool(missed)

    def _since(self, last_id: str, keys: Iterable[str]) -> list[ChannelEvent]:
        now, last = asyncio.get_running_loop().time(), self._ids.sequence_of(last_id)
        found: list[ChannelEvent] = []
        for key in keys:
            kept = None if last is None else self._kept(key, last, now)
            if kept is None:
                return [self._reset(now)]
            found += kept
        return sorted(found, key=lambda event: event.sequence)

    def _kept(self, key: str, last: int, now: float) -> list[ChannelEvent] | None:
        buffer = self._buffers.get(key)
        if buffer is not None:
            return buffer.since(last, now)
        return None if last < self._forgotten else []

    def _reset(self, now: float) -> ChannelEvent:
        return ChannelEvent(RESET, b"null", id=self.position, sequence=self._ids.last, sent_at=now)

    def message(self, event: ChannelEvent) -> bytes:
        """The text message of *event* for WebSockets, in UTF-8."""
        return event.message(self._encode)
