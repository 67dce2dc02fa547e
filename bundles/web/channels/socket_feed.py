"""The events of channels for one WebSocket, as JSON text messages."""

import asyncio
import logging
from collections.abc import Callable, Collection

from bundles.web.channels.identities import Identities
from bundles.web.channels.subscriber import Subscriber
from bundles.web.channels.subscribers import Subscribers
from bundles.web.channels.subscriptions import keys_for, last_event_id
from rxkernel import Response, RxKernelError, WebSocket

logger = logging.getLogger(__name__)

_POLICY = 1008


class SocketFeed:
    """Sends ``{"event", "data", "id"}`` for each event of the channels of *websocket*."""

    def __init__(
        self, websocket: WebSocket, subscribers: Subscribers, identities: Identities
    ) -> None:
        self._websocket = websocket
        self._subscribers = subscribers
        self._identities = identities
        self._unwatch: Callable[[], None] | None = None
        self._subscriber: Subscriber | None = None
        self._names: frozenset[str] = frozenset()
        self._sending: asyncio.Task[None] | None = None
        self._closing: asyncio.Task[None] | None = None

    def watch_identity(self) -> None:
        """Close the WebSocket when the identity of its client ends."""

        def end() -> None:
            self.disconnect("the identity of the client has ended")

        self._unwatch = self._identities.watch(self._websocket.request, end)

    def identity_changed(self) -> None:
        """Watch the new identity that the handler has set, from the handshake on, when its session
        is stored. The end of the previous identity does not close the WebSocket."""
        self._end_watch()

        async def watch(response: Response) -> None:
            self.watch_identity()

        self._websocket.request.before_sending(watch)

    def _end_watch(self) -> None:
        if self._unwatch is not None:
            self._unwatch()
            self._unwatch = None

    def subscribe(self, names: Collection[str]) -> None:
        """Send the events of the channels *names*, for the user, and for all clients.

        At the first call, a client that sends ``lastEventId`` in the query of the handshake gets
        the events of these channels since then.

        Raises:
            RxKernelError: the WebSocket is not accepted yet.
            TooManyRequestsException: the client has more than ``web.channels.max_channels``.
            TypeError, ValueError: a name is not a str, or empty.
        """
        websocket, subscribers = self._websocket, self._subscribers
        if not websocket.is_accepted:
            raise RxKernelError(
                "subscribe() was called before the handshake; await websocket.accept() first"
            )
        all_names = self._names.union(names)
        subscribers.check_number(all_names)
        self._names = all_names
        keys = keys_for(websocket.request, names)
        if self._subscriber is None:
            self._subscriber = subscribers.subscriber(websocket.client, self._overflowed)
            if last := last_event_id(websocket.request):
                subscribers.replay(self._subscriber, last, keys)
            self._sending = asyncio.create_task(self._send(self._subscriber))
        if not self._subscriber.is_ended:
            subscribers.add(self._subscriber, keys)

    async def _send(self, subscriber: Subscriber) -> None:
        websocket = self._websocket
        try:
            while (event := await subscriber.next()) is not None:
                message = self._subscribers.message(event)
                if not websocket.send_text(message):
                    await websocket.send(message.decode())
        except ConnectionError:
            pass  # the handler that receives gets the end of the connection
        except Exception:
            logger.exception("the events of a WebSocket were not sent")
        finally:
            self._subscribers.remove(subscriber)

    def _overflowed(self) -> None:
        self.disconnect("the client reads too slowly")

    def disconnect(self, reason: str) -> None:
        """Start to close the WebSocket with 1008 and *reason*; reject it before it is accepted."""
        if not self._websocket.is_accepted:
            self._websocket.reject(Response(None, 403))
        elif self._closing is None:
            self._closing = asyncio.create_task(self._websocket.close(_POLICY, reason))

    async def aclose(self) -> None:
        """Unsubscribe, and wait until the WebSocket is closed, if `disconnect` was called."""
        self._end_watch()
        if self._sending is not None:
            self._sending.cancel()
            await asyncio.wait({self._sending})
        if self._closing is not None:
            await asyncio.wait({self._closing})
