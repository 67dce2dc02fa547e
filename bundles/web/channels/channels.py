"""The service that sends events to the subscribers of channels."""

from collections.abc import Mapping
from typing import Any

from injector import inject

from bundles.web.channels.channel_event import checked_event_name
from bundles.web.channels.channel_keys import GLOBAL, channel_key, user_key
from bundles.web.channels.event_log import EventLog
from bundles.web.channels.subscribers import Subscribers
from rxkernel import Kernel


class Channels:
    """Sends events to event streams and WebSockets that have subscribed, in all processes that
    share a log: see ``web.channels.store``.

    Anonymous clients may subscribe too. A channel exists while it has subscribers, or events that
    are kept for clients that reconnect.
    """

    @inject
    def __init__(self, kernel: Kernel, log: EventLog, subscribers: Subscribers) -> None:
        self._encode = kernel.serializer.encode_json
        self._log = log
        self._subscribers = subscribers

    async def send(self, channel: str, event: str, data: Any = None) -> None:
        """Send *event* with *data*, a value for JSON, to the subscribers of *channel*.

        Raises:
            TypeError: a name is not a str.
            ValueError: a name is empty; *event* has a line break or NUL, or is ``reset``.
            TypeError, ValueError, RecursionError: JSON cannot represent *data*.
            redis.RedisError: the store is ``redis``, and cannot be used now: a 503 in an action.
                No subscriber gets the event, or all get it if only the reply of Redis was lost.
        """
        await self._send(channel_key(channel), event, data)

    async def send_to_user(self, identifier: str, event: str, data: Any = None) -> None:
        """Send an event to all subscribers of the user with *identifier*, in any channel; see
        `send`."""
        await self._send(user_key(identifier), event, data)

    async def send_global(self, event: str, data: Any = None) -> None:
        """Send an event to all subscribers, see `send`."""
        await self._send(GLOBAL, event, data)

    def count(self, channel: str | None = None) -> int:
        """Return the number of subscribers of *channel* in this process; None: of all."""
        key = GLOBAL if channel is None else channel_key(channel)
        return self._subscribers.count(key)

    @property
    def counts(self) -> Mapping[str, int]:
        """How often each limit was reached, by the name of its setting."""
        return self._subscribers.counts

    async def _send(self, key: str, event: str, data: Any) -> None:
        await self._log.append(key, checked_event_name(event), self._encode(data))
