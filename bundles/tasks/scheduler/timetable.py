"""One timer for all tasks, set to the next due time."""

from collections.abc import Callable
from contextvars import Context, copy_context
from itertools import islice

from bundles.clock import Clock, Timer
from bundles.tasks.scheduler.agenda import Agenda

_AT_ONCE = 100
"""The maximum number of tasks that are started before other work of the loop continues."""

_JUMP = 1.0
"""Seconds of deviation from the monotonic clock from which the wall clock is taken to be set."""


class Timetable:
    """Calls *on_due* for each task that is due.

    Args:
        longest: the maximum of seconds that the timer waits, since the wall clock may be set.
        on_due: called with an id and its time.
        on_jump: called with the seconds by which the wall clock was set.
        on_wake: called each *longest* seconds.
    """

    def __init__(
        self,
        clock: Clock,
        longest: float,
        *,
        on_due: Callable[[str, float], None],
        on_jump: Callable[[float], None],
        on_wake: Callable[[], None],
    ) -> None:
        self._agenda = Agenda()
        self._clock = clock
        self._longest = longest
        self._on_due = on_due
        self._on_jump = on_jump
        self._on_wake = on_wake
        self._timer: Timer | None = None
        self._timer_moment = 0.0
        self._context: Context | None = None
        self._offset = 0.0
        self._waked = 0.0

    def start(self) -> None:
        """Start the timer; the callbacks run in a copy of the current context."""
        self._context = copy_context()
        self._offset = self._clock.now() - self._clock.monotonic()
        self._waked = self._clock.monotonic()
        self._set_timer()

    def stop(self) -> None:
        """Stop the timer, and forget all times."""
        self._context = None
        self._cancel_timer()
        self._agenda.clear()

    def put(self, id: str, moment: float) -> None:
        """Set the time of *id*."""
        self._agenda.put(id, moment)
        if self._timer is not None and moment < self._timer_moment:
            self._set_timer()

    def clear(self) -> None:
        """Forget all times."""
        self._agenda.clear()

    def remove(self, id: str) -> None:
        self._agenda.remove(id)

    def _set_timer(self) -> None:
        if self._context is None:
            return
        self._cancel_timer()
        now, due = self._clock.now(), self._agenda.next
        wait = self._waked + self._longest - self._clock.monotonic()
        if due is not None:
            wait = min(wait, due - now)
        self._timer_moment = now + wait
        self._timer = self._clock.call_later(max(wait, 0.0), self._wake, self._context)

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _wake(self) -> None:
        self._timer = None
        now, elapsed = self._clock.now(), self._clock.monotonic()
        jump, self._offset = now - elapsed - self._offset, now - elapsed
        if abs(jump) > _JUMP:
            self._on_jump(jump)
        if elapsed - self._waked >= self._longest:
            self._waked = elapsed
            self._on_wake()
        try:
            for id, moment in islice(self._agenda.take(now), _AT_ONCE):
                self._on_due(id, moment)
        finally:
            self._set_timer()
