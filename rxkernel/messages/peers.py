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
    """What connects a process with the others, such as a message queue.

    Attributes:
        are_heard: False while messages of other processes may not arrive, as far as is known.
    """

    are_heard: bool

    def send(self, topic: str, data: Any) -> bool:
        """Send *data* to all other processes, which call `Peers.deliver`. Encode it before this
        returns; do not wait.

        Returns:
            False if the other processes cannot be reached, as far as is known.

        Raises:
            TypeError, ValueError, RecursionError: *data* cannot be encoded.
        """


class Peers:
    """Informs the same service in the other processes of the application.

    A service that keeps something in memory, such as an open stream or a checked credential,
    informs the others when that changes. Without a backend there are no other processes, and
    `send` does nothing. Messages are not stored: a process that is not connected misses them.
    So what must not be lost is written into a store first; `when_missed` calls a handler that
    reads there again.
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
            topic: begins with the name of the bundle, as in ``web.channels``.
            in_order: whether the messages with this topic are handled one after the other, in
                their order. Otherwise a handler that waits does not delay the next message.

        Raises:
            ConfigurationError: *topic* has a handler.
        """
        if topic in self._handlers:
            raise ConfigurationError(
                f"the topic {topic!r} of Peers has a handler; each service needs its own topic"
            )
        self._handlers[topic] = handler
        if in_order:
            self._in_order.add(topic)

    def when_missed(self, handler: MissedHandler) -> None:
        """Call *handler* when messages of other processes may have been lost: when this process
        has connected, also for the first time, when messages did not arrive, and when another
        process has vanished. It is called again until it does not raise."""
        self._missed.append(handler)

    def send(self, topic: str, data: Any = None) -> bool:
        """Send *data*, what JSON can represent or bytes, to the handlers of *topic* in all other
        processes. It does not wait, and does not call the handler in this process.

        Returns:
            False if the other processes cannot be reached, as far as is known. True if there are
            none.

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
        """Whether the messages of other processes arrive, as far as is known; True if there are
        no others. While it is False, decisions that were kept must be made again."""
        return self._backend is None or self._backend.are_heard

    # --- for backends

    def attach(self, backend: PeerBackend) -> None:
        """Send through *backend*, in the running event loop.

        Raises:
            ConfigurationError: another one is attached.
        """
        if self._backend not in (None, backend):
            raise ConfigurationError("Peers has a backend; only one can connect the processes")
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
            logger.exception("a message of another process was not handled: %.200s", topic)

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
