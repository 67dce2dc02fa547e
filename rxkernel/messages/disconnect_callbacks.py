"""The functions to call when a client disconnects."""

import logging
from collections.abc import Callable
from functools import partial

logger = logging.getLogger(__name__)

Callback = Callable[[], None]


class DisconnectCallbacks:
    """Calls each function once, when `run` is called; immediately if it is added later."""

    __slots__ = ("_callbacks", "_has_run")

    def __init__(self, *, has_run: bool = False) -> None:
        self._callbacks: set[Callback] = set()
        self._has_run = has_run

    def __bool__(self) -> bool:
        """Whether there is a function to call."""
        return bool(self._callbacks)

    def add(self, callback: Callback) -> Callback:
        """Add *callback*, and return a function that removes it again."""
        if self._has_run:
            _call(callback)
            return _nothing
        self._callbacks.add(callback)
        return partial(self._callbacks.discard, callback)

    def run(self) -> None:
        """Call all functions."""
        self._has_run = True
        while self._callbacks:
            _call(self._callbacks.pop())


def _call(callback: Callback) -> None:
    try:
        callback()
    except Exception:
        logger.exception("a callback of when_disconnected failed")


def _nothing() -> None:
    """Remove nothing."""


NOT_NOTICED = _nothing
"""The result of `Request.when_disconnected` if the transport does not notice a disconnect."""
