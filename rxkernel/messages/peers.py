"""Messages between the processes of an application, for services and bundles."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from rxkernel.exceptions import ConfigurationError, HttpException
from rxkernel.messages.event_loops import check_event_loop

logger = logging.getLogger(__name__)

Handler = Callable[[Any], Awaitable[None]]
MissedHandler = Callable[[], Awaitable[None]]


class PeerBackend(Protocol):
    """The connection to the other processes, such as a message queue.

    Attributes:
        are_heard: False while this process knows that messages of others may be lost.
    """

    are_heard: bool

    def send(self, topic: str, data: Any) -> bool:
        """Send *data* to all other processes, which call `Peers.deliver`. Encode it before this
        returns; do not wait.

        Returns:
            False if this process knows that the others cannot be reached; True is no proof.

        Raises:
            TypeError, ValueError, RecursionError: *data* cannot be encoded.
        """


class Peers:
    """Sends messages to the same service in the other processes of the application.

    A service that keeps state in memory, such as an open stream or a checked credential, informs
    the other processes when it changes. Without a backend there are no other processes, and
    `send` does nothing. Messages are not stored: a process that is not connected misses them. So
    write data that must not be lost into a store first, and pass a handler that reads the store
    again to `when_missed`.
    """

    def __init__(self) -> None:
        self._backend: PeerBackend | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._handlers: dict[str, Handler] = {}
        self._in_order: set[str] = set()
        self._missed: list[MissedHandler] = []

    # --- for services

    def listen(self, topic: str, handler: Handler, *, in_order: bool = True) -> None:
        """Call *handler* with the data of each message of another process. An exception is
        logged.

        Args:
            topic: starts with the name of the bundle, such as ``web.channels``.
            in_order: whether the messages with this topic are handled one after the other, in
                their order. Otherwise a handler that waits does not delay the next message.

        Raises:
            ConfigurationError: *topic* has a handler.
        """
        if topic in self._handlers:
            raise ConfigurationError(
                f"the topic {topic!r} of Peers already has a handler; use another topic"
            )
        self._handlers[topic] = handler
        if in_order:
            self._in_order.add(topic)

    def when_missed(self, handler: MissedHandler) -> None:
        """Call *handler* when messages of other processes may have been lost: after this process
        has connected, also for the first time, after messages did not arrive, and after another
        process has disappeared. It is called again until it does not raise."""
        self._missed.append(handler)

    def send(self, topic: str, data: Any = None) -> bool:
        """Send *data*, a JSON value or bytes, to the handlers of *topic* in all other processes.
        It does not wait, and does not call the handler in this process.

        Returns:
            False if this process knows that the others cannot be reached; True is no proof. True
            if there are no other processes.

        Raises:
            TypeError, ValueError, RecursionError: *data* cannot be encoded.
            RxKernelError: called outside of the event loop of the servers.
        """
        backend = self._backend
        if backend is None:
            return True
        check_event_loop(self._loop, "Peers.send()")
        return backend.send(topic, data)

    @property
    def are_connected(self) -> bool:
        """Whether there may be other processes: a backend is attached."""
        return self._backend is not None

    @property
    def are_heard(self) -> bool:
        """False while this process knows that messages of others may be lost; True without other
        processes. While it is False, do not use cached results that they could have changed."""
        return self._backend is None or self._backend.are_heard

    # --- for backends

    def attach(self, backend: PeerBackend) -> None:
        """Send through *backend*, in the running event loop.

        Raises:
            ConfigurationError: another backend is attached.
        """
        if self._backend not in (None, backend):
            raise ConfigurationError("Peers already has a backend; enable one such bundle only")
        self._loop = asyncio.get_running_loop()
        self._backend = backend

    def detach(self, backend: PeerBackend) -> None:
        """Stop sending through *backend*; does nothing if it is not attached."""
        if self._backend is backend:
            self._backend = self._loop = None

    def is_in_order(self, topic: str) -> bool:
        """Whether `deliver` must have returned before it is called again with *topic*."""
        return topic in self._in_order

    async def deliver(self, topic: str, data: Any) -> None:
        """Handle a message of another process. A topic without a handler is ignored: its service
        is not used in this process."""
        handler = self._handlers.get(topic)
        if handler is None:
            return
        try:
            await handler(data)
        except Exception:
            logger.exception("handling a message of another process failed: %.200s", topic)

    async def report_missed(self) -> bool:
        """Call the handlers of `when_missed`.

        Returns:
            Whether all succeeded; if not, call it again later.
        """
        is_done = True
        for handler in self._missed:
            try:
                await handler()
            except HttpException:  # the store has logged that it cannot be used
                is_done = False
            except Exception:
                logger.exception("a handler of Peers.when_missed failed; it is called again")
                is_done = False
        return is_done
