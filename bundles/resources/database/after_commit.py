"""Calls that are made after a transaction is committed, and dropped if it is rolled back."""

import logging
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any

from rxkernel import AsyncEventDispatcher, Broadcaster, Connection, Event

logger = logging.getLogger(__name__)

Skip = Connection | str | Sequence[Connection | str] | None
Call = Callable[[], Awaitable[object]]


class AfterCommit:
    """Collects calls, which are made in order directly after the commit: for a message, before
    ``kernel.response``.

    They are dropped if the transaction is rolled back. If a call fails, this is logged, and the
    others are made; the message does not fail, since its changes are committed.
    """

    def __init__(self, broadcaster: Broadcaster, dispatcher: AsyncEventDispatcher) -> None:
        self._broadcaster = broadcaster
        self._dispatcher = dispatcher
        self._calls: list[tuple[str, Call]] = []
        self._kept = 0

    @property
    def count(self) -> int:
        """The number of calls that have not been made yet."""
        return len(self._calls)

    def emit(
        self,
        event: str,
        *args: Any,
        room: str | Sequence[str] | None = None,
        namespace: str = "/",
        skip: Skip = None,
        volatile: bool = False,
        local: bool = False,
    ) -> None:
        """Call `Broadcaster.emit` after the commit."""
        send = partial(
            self._broadcaster.emit,
            event,
            *args,
            room=room,
            namespace=namespace,
            skip=skip,
            volatile=volatile,
            local=local,
        )
        self._calls.append((f"emit({event!r})", send))

    def dispatch(self, event_name: str, event: Event) -> None:
        """Call `AsyncEventDispatcher.dispatch` after the commit."""
        call = partial(self._dispatcher.dispatch, event_name, event)
        self._calls.append((f"dispatch({event_name!r})", call))

    def run(self, call: Callable[..., Awaitable[object]], *args: Any) -> None:
        """Await ``call(*args)`` after the commit."""
        name = getattr(call, "__qualname__", repr(call))
        self._calls.append((f"run({name})", partial(call, *args)))

    def keep(self) -> None:
        """Keep the calls collected so far, even if a later transaction is rolled back: the
        transaction of these calls is committed."""
        self._kept = len(self._calls)

    def forget(self, since: int = 0) -> None:
        """Drop the calls from number *since* on, since their transaction was rolled back."""
        del self._calls[max(since, self._kept) :]

    async def call_all(self) -> None:
        """Make the calls, including those that they add."""
        while self._calls:
            calls, self._calls, self._kept = self._calls, [], 0
            for name, call in calls:
                try:
                    await call()
                except Exception:
                    logger.exception("a call of AfterCommit failed after the commit: %s", name)
