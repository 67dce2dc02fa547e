"""SIGTERM and SIGINT: the first signal requests a stop; a second, or the deadline, forces it."""

import asyncio
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from time import monotonic
from types import FrameType, TracebackType
from typing import Any, Self

_SIGNALS = (signal.SIGTERM, signal.SIGINT)

_ONE_SIGNAL = 0.2
"""Seconds in which two signals count as one: `timeout` signals a process and its group."""


class StopRequest:
    """Handles the signals while it is entered; `wait` returns when a stop is requested.

    It uses Python's signal handlers, not those of the loop, so that a second signal, and the
    deadline from its thread, end the process even if the loop is blocked.

    Args:
        deadline: seconds from the request until the process is ended with code 1.
        before_force: called before the process is ended.
    """

    def __init__(
        self, deadline: float | None = None, before_force: Callable[[], None] = lambda: None
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._asked = asyncio.Event()
        self._deadline = deadline
        self._before_force = before_force
        self._signalled: float | None = None
        self._is_forced = False
        self._timer: threading.Timer | None = None
        self._previous: dict[signal.Signals, Any] = {}

    async def wait(self) -> None:
        await self._asked.wait()

    def ask(self) -> None:
        """Request a stop, like the first signal; further calls do nothing."""
        self._asked.set()
        if self._deadline is not None and self._timer is None:
            self._timer = threading.Timer(self._deadline, self.force, ("the deadline",))
            self._timer.daemon = True
            self._timer.start()

    def force(self, reason: str) -> None:
        """End the process now, with code 1."""
        self._before_force()
        end_process(f"Ended by {reason}.")

    def _receive(self, number: int, _: FrameType | None) -> None:
        if self._signalled is None:
            self._signalled = monotonic()
            self._loop.call_soon_threadsafe(self.ask)
        elif not self._is_forced and monotonic() - self._signalled >= _ONE_SIGNAL:
            self._is_forced = True  # more signals may come before it has ended
            self.force("a second signal")

    def __enter__(self) -> Self:
        self._previous = {number: signal.signal(number, self._receive) for number in _SIGNALS}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)
        if self._timer is not None:
            self._timer.cancel()


def end_process(reason: str) -> None:
    """End with code 1 without waiting for threads; log and output are flushed."""
    with suppress(Exception):  # a signal may interrupt a write
        _flush_logs()
        print(reason, file=sys.stderr)
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(1)


def _flush_logs() -> None:
    """Flush the handlers, except those whose lock another thread holds."""
    for handler in logging.getLogger().handlers:
        if handler.lock is not None and handler.lock.acquire(timeout=0.1):
            try:
                handler.flush()
            finally:
                handler.lock.release()
