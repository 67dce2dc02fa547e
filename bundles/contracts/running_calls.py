"""The running calls of one definition, with one timer for all.

All calls have the same timeout, so the call that began first has the earliest deadline. A timer
for each call would cost more time than everything else here.
"""

import asyncio
from asyncio import current_task, get_running_loop
from math import inf
from time import monotonic
from typing import NamedTuple

from rxkernel import Request

TIMEOUT = "timeout"
"""The reason of a call whose deadline has passed."""


class Interruption(NamedTuple):
    """The reason why a call was interrupted, and whether its task was cancelled for that."""

    reason: str
    task: "asyncio.Task[object] | None"


class RunningCalls:
    """Interrupts each call that has run for *seconds*; None: no timeout.

    Attributes:
        running: the deadline and the task of each call. A call removes itself when it ends; if it
            is not in this dict any more, it was interrupted.
    """

    def __init__(self, seconds: float | None) -> None:
        self.running: dict[Request, tuple[float, asyncio.Task[object] | None]] = {}
        self._interrupted: dict[Request, Interruption] = {}
        self._seconds = inf if seconds is None else seconds
        self._timer_loop: asyncio.AbstractEventLoop | None = None

    def begin(self, request: Request) -> None:
        """Start the time of a call, which runs in the current task."""
        task = current_task(self._timer_loop)  # faster than looking up the running loop
        if task is None or self._timer_loop is None:
            task = self._start_timer()
        self.running[request] = monotonic() + self._seconds, task

    def interrupt(self, request: Request, reason: str) -> None:
        """Cancel the task of a call, unless the call has ended or its task calls this."""
        found = self.running.pop(request, None)
        if found is None:
            return
        task = found[1]
        if task is None or task is current_task() or not task.cancel():
            task = None
        self._interrupted[request] = Interruption(reason, task)

    def interruption_of(self, request: Request) -> Interruption:
        """Return the interruption of a call that has just ended."""
        return self._interrupted.pop(request)

    def _start_timer(self) -> asyncio.Task[object] | None:
        """Start the timer, unless it is running in the current loop; return the current task."""
        loop = get_running_loop()
        task = current_task(loop)
        if self._timer_loop is loop or self._seconds == inf:
            return task
        if self._timer_loop is not None:  # the former loop is closed, and its calls have ended
            for request, (_, other) in tuple(self.running.items()):
                if other is None or other.get_loop() is not loop:
                    del self.running[request]
        self._timer_loop = loop
        loop.call_later(self._seconds, self._expire, loop)
        return task

    def _expire(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._timer_loop is not loop:
            return  # calls of another loop have begun meanwhile
        while self.running:
            request, (deadline, _) = next(iter(self.running.items()))
            if (remaining := deadline - monotonic()) > 0:
                loop.call_later(remaining, self._expire, loop)
                return
            self.interrupt(request, TIMEOUT)
        self._timer_loop = None
