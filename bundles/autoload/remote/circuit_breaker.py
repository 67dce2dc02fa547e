"""Rejects calls to a service that does not work."""

import logging
from collections import deque
from enum import Enum

import attrs

from bundles.autoload.remote.exceptions import RemoteUnavailableException
from bundles.autoload.remote.service_settings import BreakerSettings
from bundles.clock import Clock

logger = logging.getLogger(__name__)

_PARTS = 10
"""The number of parts of a window. Attempts are counted by part, so the memory is limited."""

_IS_OPEN = "the circuit is open, since too many calls have failed"


class Outcome(Enum):
    """The outcome of an attempt. IGNORED: it was cancelled, or not sent."""

    SUCCESS = 1
    FAILURE = 2
    IGNORED = 3


@attrs.define(eq=False)
class _Part:
    begin: float
    attempts: int = 0
    failures: int = 0


class CircuitBreaker:
    """The circuit of a service, closed at first. An open circuit rejects all attempts for a pause;
    then one attempt is the probe. If it succeeds, the circuit is closed; if it fails, another
    pause begins."""

    def __init__(self, name: str, settings: BreakerSettings, clock: Clock) -> None:
        self._name = name
        self._settings = settings
        self._clock = clock
        self._parts: deque[_Part] = deque()
        self._opened: float | None = None
        self._is_probing = False

    def check(self, method: str) -> None:
        """Raise an exception if an attempt of *method* would be rejected now.

        Raises:
            RemoteUnavailableException: the circuit is open.
        """
        if self._opened is None:
            return
        seconds = self._opened + self._settings.pause - self._clock.monotonic()
        if seconds > 0 or self._is_probing:
            raise RemoteUnavailableException(method, _IS_OPEN, max(seconds, 1.0))

    def enter(self, method: str) -> bool:
        """Begin an attempt, whose outcome must be recorded; return whether it is the probe.

        Raises:
            RemoteUnavailableException: the circuit is open.
        """
        self.check(method)
        self._is_probing = self._opened is not None
        return self._is_probing

    def record(self, outcome: Outcome, *, is_probe: bool) -> None:
        """Count the outcome of an attempt. After the circuit has opened, the outcomes of attempts
        that began before are ignored."""
        if is_probe:
            self._end_probe(outcome)
        elif self._opened is None and outcome is not Outcome.IGNORED:
            self._count(outcome)

    def _end_probe(self, outcome: Outcome) -> None:
        self._is_probing = False
        if outcome is Outcome.SUCCESS:
            self._opened = None
            self._parts.clear()
            logger.info("%s can be used again: the circuit is closed", self._name)
        elif outcome is Outcome.FAILURE:
            self._opened = self._clock.monotonic()

    def _count(self, outcome: Outcome) -> None:
        now, window = self._clock.monotonic(), self._settings.window
        while self._parts and self._parts[0].begin <= now - window:
            self._parts.popleft()
        if not self._parts or self._parts[-1].begin <= now - window / _PARTS:
            self._parts.append(_Part(now))
        part = self._parts[-1]
        part.attempts += 1
        if outcome is Outcome.FAILURE:
            part.failures += 1
            self._open_if_too_many(now)

    def _open_if_too_many(self, now: float) -> None:
        failures = sum(part.failures for part in self._parts)
        attempts = sum(part.attempts for part in self._parts)
        if failures >= self._settings.failures and failures >= self._settings.ratio * attempts:
            self._opened = now
            pause = self._settings.pause
            logger.warning(
                "%s: %d of %d calls have failed; the circuit is open for %g seconds",
                *(self._name, failures, attempts, pause),
            )
