"""Starts, restarts and stops the watchers of an application."""

import asyncio
import logging
from collections.abc import Iterator, Mapping
from inspect import iscoroutinefunction
from types import MappingProxyType

from injector import inject

from bundles.clock import Clock
from bundles.tasks.watcher import Watcher, WatcherState, WatcherStatus
from rxkernel import ConfigurationError

logger = logging.getLogger(__name__)


class Watchers:
    """Runs the watchers of the application, and starts those again that have failed."""

    @inject
    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._watchers: dict[str, Watcher] = {}
        self._statuses: dict[str, WatcherStatus] = {}
        self._loops: list[asyncio.Task[None]] = []

    def add(self, watcher: Watcher) -> None:
        """Supervise *watcher* from the next `start` on. Boot adds the bound watchers.

        Raises:
            ConfigurationError: its name is empty or used by another one, a delay is invalid, or a
                method is not async.
        """
        if problems := list(_problems(watcher)):
            raise ConfigurationError(*problems)
        cls = type(watcher)
        if (other := self._watchers.get(watcher.name)) not in (None, watcher):
            raise ConfigurationError(
                f"the watchers {type(other).__qualname__} and {cls.__qualname__} have the same "
                f"name {watcher.name!r}; set another name in one of them"
            )
        self._watchers[watcher.name] = watcher

    @property
    def statuses(self) -> Mapping[str, WatcherStatus]:
        """The states of the watchers that were started, by name."""
        return MappingProxyType(self._statuses)

    def failing(self) -> dict[str, str]:
        """Return the last error of each watcher that does not work, by name."""
        elapsed = self._clock.monotonic()
        return {
            name: status.error or ""
            for name, status in self._statuses.items()
            if not status.is_ready(elapsed)
        }

    async def start(self) -> None:
        """Start all watchers; their failures are logged."""
        for name, watcher in self._watchers.items():
            status = self._statuses[name] = WatcherStatus()
            self._loops.append(asyncio.create_task(self._supervise(watcher, status)))

    async def stop(self) -> None:
        """Call `Watcher.stop` of all watchers concurrently, then cancel them. Errors are
        logged."""
        try:
            if self._loops:
                await asyncio.gather(*map(_stop, self._watchers.values()))
        finally:
            loops, self._loops = self._loops, []
            for loop in loops:
                loop.cancel()
            if loops:
                await asyncio.wait(loops)

    async def _supervise(self, watcher: Watcher, status: WatcherStatus) -> None:
        clock, task = self._clock, asyncio.current_task()
        assert task is not None
        delay = watcher.min_delay
        try:
            while True:
                status.state, status.begun = WatcherState.RUNNING, clock.monotonic()
                try:
                    await watcher.watch()
                    break
                except (Exception, SystemExit, asyncio.CancelledError) as exc:
                    if task.cancelling():
                        raise
                    if clock.monotonic() - status.begun >= watcher.max_delay:
                        delay = watcher.min_delay
                    status.state, status.delay = WatcherState.WAITING, delay
                    status.failures += 1
                    status.error = f"{type(exc).__name__}: {exc}"
                    logger.exception(
                        "the watcher %s failed; it will be restarted in %g s", watcher.name, delay
                    )
                await clock.sleep(delay)
                delay = min(2 * delay, watcher.max_delay)
            status.state = WatcherState.ENDED
            logger.info("the watcher %s has ended", watcher.name)
        finally:
            if status.state is not WatcherState.ENDED:
                status.state = WatcherState.STOPPED


async def _stop(watcher: Watcher) -> None:
    task = asyncio.current_task()
    assert task is not None
    try:
        await watcher.stop()
    except (Exception, SystemExit, asyncio.CancelledError):  # CancelledError: of a task it awaits
        if task.cancelling():
            raise
        logger.exception("the watcher %s failed to stop", watcher.name)


def _problems(watcher: Watcher) -> Iterator[str]:
    cls, least, most = type(watcher), watcher.min_delay, watcher.max_delay
    if not watcher.name:
        yield f"the watcher {cls.__qualname__} has an empty name; write one, or remove name"
    if not 0 < least <= most < float("inf"):
        yield (
            f"the watcher {cls.__qualname__} has min_delay = {least!r} and max_delay = {most!r}; "
            f"both are seconds; min_delay must be greater than 0 and at most max_delay"
        )
    for name in ("watch", "stop"):
        if not iscoroutinefunction(getattr(watcher, name)):
            yield f"{cls.__qualname__}.{name} is not async; write async def {name}(self)"
