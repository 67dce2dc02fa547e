"""Responses with the events of channels: server-sent events."""

from collections.abc import Callable, Iterable
from typing import Any, Self

from injector import inject

from bundles.web.channels.identities import Identities
from bundles.web.channels.settings import ChannelSettings
from bundles.web.channels.subscriber import Subscriber
from bundles.web.channels.subscribers import Subscribers
from bundles.web.channels.subscriptions import keys_for, last_event_id
from rxkernel import EncodedEvent, EventStreamResponse, ForbiddenException, Request


class EventStreams:
    """Creates event streams of channels."""

    @inject
    def __init__(
        self, subscribers: Subscribers, identities: Identities, settings: ChannelSettings
    ) -> None:
        self._subscribers = subscribers
        self._identities = identities
        self._settings = settings

    def response(self, request: Request, names: Iterable[str]) -> EventStreamResponse:
        """Return the stream of events from now on: of the channels *names*, for the user of
        *request*, and for all clients.

        A client that sends the id of its last event, in ``Last-Event-ID`` or in ``lastEventId`` of
        the query, gets the events since then first. If they are not kept, or the id is not of this
        run of the log, it gets an event ``reset``. The stream ends when the identity of the client
        ends, and if the client reads too slowly; a browser then reconnects.

        Raises:
            ForbiddenException: *names* is empty.
            TooManyRequestsException: there are more than ``web.channels.max_channels`` names.
            TypeError, ValueError: a name is not a str, or empty.
        """
        names = set(names)
        self._subscribers.check_number(names)
        keys = keys_for(request, names)
        if not keys:
            raise ForbiddenException("the handler has not subscribed the client to a channel")
        source = ChannelStream(request, keys, self._subscribers, self._identities)
        settings = self._settings
        return EventStreamResponse(
            source, heartbeat=settings.heartbeat_interval, retry=settings.retry
        )


class ChannelStream:
    """The source of one event stream. It subscribes when it is first read, so that a response that
    is not sent leaves no subscriber; events since its creation come from the buffers."""

    def __init__(
        self,
        request: Request,
        keys: tuple[str, ...],
        subscribers: Subscribers,
        identities: Identities,
    ) -> None:
        self._request = request
        self._keys = keys
        self._subscribers = subscribers
        self._identities = identities
        self._last_id = last_event_id(request) or subscribers.position
        self._subscriber: Subscriber | None = None
        self._unwatch: Callable[[], None] | None = None
        self._is_closed = False

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> EncodedEvent:
        if self._is_closed:
            raise StopAsyncIteration
        if self._subscriber is None:
            first = self._subscribe()
            if first is not None:
                return first
        assert self._subscriber is not None
        event = await self._subscriber.next()
        if event is None:
            raise StopAsyncIteration
        return event.encoded

    def _subscribe(self) -> EncodedEvent | None:
        """Subscribe. If no events are replayed, return a first message with the id of the last
        event, so that a client that has received no event continues there when it reconnects."""
        subscribers = self._subscribers
        subscriber = self._subscriber = subscribers.subscriber(self._request.client)
        is_replayed = subscribers.replay(subscriber, self._last_id, self._keys)
        subscribers.add(subscriber, self._keys)
        self._unwatch = self._identities.watch(self._request, self._end)
        if is_replayed:
            return None
        id = subscribers.latest(self._last_id)
        return EncodedEvent(id=id, encoded=f"id: {id}\n\n".encode())

    def _end(self) -> None:
        if self._subscriber is not None:
            self._subscribers.remove(self._subscriber)

    async def aclose(self) -> None:
        """Unsubscribe."""
        self._is_closed = True
        if self._unwatch is not None:
            self._unwatch()
        self._end()


def channel_names(data: Any) -> tuple[str, ...]:
    """Return the names of channels in *data*, the result of a handler: a name, a list, or None.

    Raises:
        TypeError: *data* has another type.
    """
    if data is None:
        return ()
    names = (data,) if isinstance(data, str) else data
    if not isinstance(names, list | tuple | set | frozenset) or not all(
        isinstance(name, str) for name in names
    ):
        raise TypeError(
            f"the handler of an event stream returned {data!r:.100}; it must return the name of a "
            f"channel, a list of names, or nothing after client.subscribe(name)"
        )
    return tuple(names)
