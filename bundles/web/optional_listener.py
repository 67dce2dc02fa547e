"""A listener that is registered only while it is needed."""

from typing import Any

from rxkernel import AsyncEventDispatcher


class OptionalListener:
    """Registers *listener* for *event* with *priority*, or removes it. A listener that does
    nothing would cost each message of a site 2 %."""

    def __init__(
        self, dispatcher: AsyncEventDispatcher, event: str, listener: Any, priority: int
    ) -> None:
        self._dispatcher = dispatcher
        self._event = event
        self._listener = listener
        self._priority = priority
        self._is_registered = False

    def register(self, is_needed: bool) -> None:
        """Register the listener if *is_needed*, else remove it."""
        if is_needed is self._is_registered:
            return
        self._is_registered = is_needed
        if is_needed:
            self._dispatcher.add_listener(self._event, self._listener, priority=self._priority)
        else:
            self._dispatcher.remove_listener(self._event, self._listener)
