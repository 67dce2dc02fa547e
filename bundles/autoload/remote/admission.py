"""Starts calls within the limits of a service.

Every limit is a `Gate` with slots. A call takes a slot of each gate, one after another, before it
starts. The slot of a rate limit is free again when its period has elapsed after the start of the
call, so never more than its number of calls start within any period.
"""

import contextlib
from collections import deque
from collections.abc import AsyncIterator
from contextvars import Context
from functools import partial

from bundles.autoload.remote.exceptions import RemoteUnavailableException
from bundles.autoload.remote.service_settings import QueueSettings, RateLimit
from bundles.clock import Clock, Timer
from bundles.fair_queue import FairQueue

_EXPIRED = "expired"


class Gate:
    """Limits the calls that run at a time. Calls wait in the order of their arrival."""

    problem = "too many calls are running"

    def __init__(self, slots: int, clock: Clock) -> None:
        self.clock = clock
        self.queue = FairQueue(slots, size=1 << 62)  # `Admission` limits the waiting calls

    def has_slot(self) -> bool:
        """Whether a call can take a slot without waiting."""
        return self.queue.free > 0

    def shortest_wait(self) -> float | None:
        """Return the minimum of seconds until the next waiting call gets a slot; None: unknown."""
        return None

    async def wait(self, seconds: float) -> bool:
        """Wait up to *seconds* for a slot; return whether the call has one."""
        waiter = self.queue.enter()
        assert waiter is not None
        timer = self.clock.call_later(seconds, partial(waiter.leave, _EXPIRED), Context())
        try:
            return await waiter.outcome() is None
        finally:
            timer.cancel()

    def start(self) -> None:
        """Note that the call with the slot starts."""

    def end(self) -> None:
        """Note that the call with the slot has ended."""
        self.queue.release()


class RateGate(Gate):
    """Limits the calls that start within a period."""

    def __init__(self, limit: RateLimit, clock: Clock) -> None:
        super().__init__(limit.calls, clock)
        self.problem = f"{limit.calls} calls within {limit.period:g} seconds are allowed"
        self._period = limit.period
        self._starts: deque[float] = deque()
        self._timer: Timer | None = None

    def has_slot(self) -> bool:
        self._expire()
        return super().has_slot()

    def shortest_wait(self) -> float | None:
        ahead = self.queue.waiting
        if ahead >= len(self._starts):
            return None
        return self._starts[ahead] + self._period - self.clock.monotonic()

    async def wait(self, seconds: float) -> bool:
        self._set_timer(one_more=True)
        return await super().wait(seconds)

    def start(self) -> None:
        self._starts.append(self.clock.monotonic())
        self._set_timer()

    def end(self) -> None:
        """Do nothing: the slot is free when the period has elapsed."""

    def _expire(self) -> None:
        now = self.clock.monotonic()
        # the same sum as in `_set_timer`: with another rounding, its timer could expire too early
        while self._starts and self._starts[0] + self._period <= now:
            self._starts.popleft()
            self.queue.release()

    def _set_timer(self, *, one_more: bool = False) -> None:
        """Wake up when the next slot is free, if a call is waiting."""
        if self._timer is None and self._starts and (self.queue.waiting or one_more):
            seconds = self._starts[0] + self._period - self.clock.monotonic()
            self._timer = self.clock.call_later(max(seconds, 0.0), self._wake, Context())

    def _wake(self) -> None:
        self._timer = None
        self._expire()
        self._set_timer()


class Admission:
    """The limits of one service.

    Attributes:
        waiting: the number of waiting calls.
    """

    def __init__(self, limits: tuple[RateLimit, ...], queue: QueueSettings, clock: Clock) -> None:
        self.waiting = 0
        self._clock = clock
        self._size = queue.size
        self._timeout = queue.timeout
        rates = sorted(limits, key=lambda limit: -limit.period)
        self._gates = [
            *(RateGate(limit, clock) for limit in rates),
            Gate(queue.concurrency, clock),
        ]

    @contextlib.asynccontextmanager
    async def place(self, method: str, timeout: float) -> AsyncIterator["Place"]:
        """Wait until a call of *method* may start.

        Args:
            timeout: the remaining seconds of the call.

        Raises:
            RemoteUnavailableException: too many calls are waiting, or the call would wait too
                long.
        """
        place = Place()
        end = self._clock.monotonic() + min(self._timeout, timeout)
        try:
            for gate in self._gates:
                if gate.has_slot():
                    gate.queue.free -= 1
                else:
                    await self._wait(gate, end, method)
                place.gates.append(gate)
            yield place
        finally:
            place.leave()

    async def _wait(self, gate: Gate, end: float, method: str) -> None:
        seconds = end - self._clock.monotonic()
        shortest = gate.shortest_wait()
        retry_after = self._timeout if shortest is None else shortest
        if self.waiting >= self._size:
            problem = f"{gate.problem}, and {self._size} calls are waiting"
            raise RemoteUnavailableException(method, problem, retry_after)
        if seconds <= 0 or (shortest is not None and shortest > seconds):
            raise RemoteUnavailableException(method, gate.problem, retry_after)
        self.waiting += 1
        try:
            has_slot = await gate.wait(seconds)
        finally:
            self.waiting -= 1
        if not has_slot:
            raise RemoteUnavailableException(method, gate.problem, retry_after)


class Place:
    """The slots of one call."""

    def __init__(self) -> None:
        self.gates: list[Gate] = []
        self._is_started = False

    def start(self) -> None:
        """Count the call, whose request is sent now."""
        self._is_started = True
        for gate in self.gates:
            gate.start()

    def leave(self) -> None:
        """Free the slots: the call has ended, or does not start."""
        for gate in self.gates:
            if self._is_started:
                gate.end()
            else:
                gate.queue.release()
