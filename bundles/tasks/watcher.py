"""`Watcher`: a loop that runs while the servers of the application run."""

from abc import ABC, abstractmethod
from enum import StrEnum
from typing import ClassVar

import attrs


class Watcher(ABC):
    """Bind it as a singleton, or pass its class to `TasksBundle`.

    Attributes:
        name: its name in logs and on ``/readyz``; by default the name of the class.
        min_delay: seconds between a failure and the restart. They double with each failure, to at
            most *max_delay*, until it has run for *max_delay* without a failure.
        max_delay: the maximum of seconds between a failure and the restart.
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
        """Run until the application stops. If this raises, it is called again after a delay; if it
        returns, it is not called again."""

    async def stop(self) -> None:  # noqa: B027 - most have nothing to do
        """Called when the application stops; `watch` is cancelled afterwards."""


class WatcherState(StrEnum):
    """The current state of a watcher."""

    RUNNING = "running"
    WAITING = "waiting"
    """It has failed, and is waiting for its restart."""
    ENDED = "ended"
    """`Watcher.watch` has returned."""
    STOPPED = "stopped"


@attrs.define(eq=False)
class WatcherStatus:
    """The state of one watcher.

    Attributes:
        failures: the number of failures.
        error: the class and the text of the last exception.
        delay: the seconds between the last failure and the restart.
        begun: the time of the last start, by the monotonic clock.
    """

    state: WatcherState = WatcherState.STOPPED
    failures: int = 0
    error: str | None = None
    delay: float = 0.0
    begun: float = 0.0

    def is_ready(self, elapsed: float) -> bool:
        """Whether it works. After a failure it must first run as long as it has waited.

        *elapsed* is the current time by the monotonic clock.
        """
        if self.state is WatcherState.RUNNING:
            return elapsed - self.begun >= self.delay
        return self.state is not WatcherState.WAITING
