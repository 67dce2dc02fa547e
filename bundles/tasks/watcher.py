"""`Watcher`: a loop that runs as long as the application serves."""

from abc import ABC, abstractmethod
from enum import StrEnum
from typing import ClassVar

import attrs


class Watcher(ABC):
    """Bind it as a singleton, or pass its class to `TasksBundle`.

    Attributes:
        name: in logs and on ``/readyz``; by default that of the class.
        min_delay: seconds after which it is restarted when it has failed. They double with each
            failure, to at most *max_delay*, until it has run for *max_delay*.
        max_delay: most seconds between a failure and the restart.
    """

    name: ClassVar[str] = ""
    min_delay: ClassVar[float] = 1.0
    max_delay: ClassVar[float] = 60.0

    def __init_subclass__(cls, **options: object) -> None:
        super().__init_subclass__(**options)
        if "name" not in vars(cls):
            cls.name = cls.__name__

    @abstractmethod
    async def watch(self) -> None:
        """Run until the application stops. If it raises, it is called again after a delay; if it
        returns, it has ended."""

    async def stop(self) -> None:  # noqa: B027 - most have nothing to do
        """Called when the application stops; `watch` is cancelled afterwards."""


class WatcherState(StrEnum):
    """What a watcher does now."""

    RUNNING = "running"
    WAITING = "waiting"
    """It has failed, and waits for its restart."""
    ENDED = "ended"
    """`Watcher.watch` has returned."""
    STOPPED = "stopped"


@attrs.define(eq=False)
class WatcherStatus:
    """The state of one watcher.

    Attributes:
        failures: how often it has failed.
        error: the last failure.
        delay: the seconds before its last restart.
        begun: when it was started last, by the monotonic clock.
    """

    state: WatcherState = WatcherState.STOPPED
    failures: int = 0
    error: str | None = None
    delay: float = 0.0
    begun: float = 0.0

    def is_ready(self, elapsed: float) -> bool:
        """Whether it works: after a failure, once it has run for longer than it has waited.

        *elapsed* is the time by the monotonic clock.
        """
        if self.state is WatcherState.RUNNING:
            return elapsed - self.begun >= self.delay
        return self.state is not WatcherState.WAITING
