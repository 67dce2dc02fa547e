"""Functions of the application that are called when values change."""

import asyncio
import inspect
import logging
from collections import deque
from collections.abc import Callable, Sequence
from itertools import chain
from typing import Any

from bundles.state.paths import upwards
from bundles.state.replica import Note
from bundles.state.values import copy_of

logger = logging.getLogger(__name__)

_ATTEMPTS = 5
"""How often a call is cancelled at the end."""

_PATIENCE = 0.1
"""Seconds between two of them."""

_MOST_WAITING = 100_000
"""Paths whose values wait for an async function; as many as a state has by default."""

Listener = Callable[[str, Any, bool], object]
"""Is called with the path, the new value, or None if it was removed, and whether another process
has changed it. It may be async."""


class Watcher:
    """A registered function, until it is cancelled.

    A plain function is called at once. One call of an async function runs at a time; values of
    one path that wait for it are replaced by the newest one.
    """

    def __init__(self, listener: Listener, forget: Callable[["Watcher"], None]) -> None:
        self._listener = listener
        self._forget = forget
        called = getattr(listener, "__call__", None)  # noqa: B004 - its code, not whether it has one
        self._is_async = inspect.iscoroutinefunction(listener) or inspect.iscoroutinefunction(
            called
        )
        self._waiting: dict[str, tuple[Any, bool]] = {}
        self._running: asyncio.Task[None] | None = None
        self._is_cancelled = False
        self._has_dropped = False

    def cancel(self) -> None:
        """Call the function no more; a call that runs is not interrupted."""
        self._is_cancelled = True
        self._waiting.clear()
        self._forget(self)

    def deliver(self, path: str, value: Any, is_remote: bool) -> None:
        if self._is_cancelled:
            return
        if self._is_async:
            self._wait(path, copy_of(value), is_remote)
            if self._running is None:
                self._running = asyncio.create_task(self._run())
            return
        try:
            result = self._listener(path, copy_of(value), is_remote)
            if inspect.iscoroutine(result):
                result.close()
                raise TypeError("it returns a coroutine, so it must be async itself")
        except (Exception, asyncio.CancelledError):  # noqa: BLE001 - of the application
            self._report(path)

    def _wait(self, path: str, value: Any, is_remote: bool) -> None:
        if path not in self._waiting and len(self._waiting) >= _MOST_WAITING:
            del self._waiting[next(iter(self._waiting))]
            if not self._has_dropped:
                logger.error("%r is too slow: it misses changes of the state", self._listener)
            self._has_dropped = True
        self._waiting[path] = value, is_remote

    async def stop(self) -> None:
        """Interrupt a call that runs: again if need be, and then no longer wait for it."""
        self.cancel()
        running = self._running
        if running is None:
            return
        for _ in range(_ATTEMPTS):
            running.cancel()
            await asyncio.wait({running}, timeout=_PATIENCE)
            if running.done():
                return
        logger.error("%r does not end, although it was cancelled", self._listener)

    async def _run(self) -> None:
        try:
            while self._waiting:
                path = next(iter(self._waiting))
                value, is_remote = self._waiting.pop(path)
                try:
                    result: Any = self._listener(path, value, is_remote)
                    await result
                except asyncio.CancelledError:
                    if _is_cancelled():
                        raise
                    self._report(path)
                except Exception:  # noqa: BLE001 - of the application; it is logged
                    self._report(path)
        finally:
            self._running = None
            self._has_dropped = False

    def _report(self, path: str) -> None:
        logger.exception("%r failed for the state at %r", self._listener, path)


def _is_cancelled() -> bool:
    """Whether the task is to end; otherwise the listener has waited for another one that was
    cancelled."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


class Watchers:
    """All watchers of a state.

    Args:
        value_at: returns the value at a path, which is not copied.
        activated: is called with whether there are any.
    """

    def __init__(self, value_at: Callable[[str], Any], activated: Callable[[bool], None]) -> None:
        self._value_at = value_at
        self._activated = activated
        self._subscribed: dict[str, list[Watcher]] = {}
        self._watching: dict[str, list[Watcher]] = {}
        self._notes: deque[Sequence[Note]] = deque()
        self._is_delivering = False

    def subscribe(self, path: str, listener: Listener) -> Watcher:
        """Call *listener* with the value at *path* when something in it has changed."""
        return self._add(self._subscribed, path, listener)

    def watch(self, prefix: str, listener: Listener) -> Watcher:
        """Call *listener* for each leaf at or below *prefix*; all of them if it is empty."""
        return self._add(self._watching, prefix, listener)

    def changed(self, notes: Sequence[Note]) -> None:
        """Deliver *notes*, after those that are being delivered: a listener may make changes."""
        self._notes.append(notes)
        if self._is_delivering:
            return
        self._is_delivering = True
        try:
            while self._notes:
                self._deliver(self._notes.popleft())
        finally:
            self._is_delivering = False

    async def stop(self) -> None:
        registered = chain(*self._subscribed.values(), *self._watching.values())
        await asyncio.gather(*[watcher.stop() for watcher in registered])

    def _deliver(self, notes: Sequence[Note]) -> None:
        subtrees: dict[str, bool] = {}
        for leaf, value, is_remote in notes:
            for path in upwards(leaf):
                for watcher in list(self._watching.get(path, ())):
                    watcher.deliver(leaf, value, is_remote)
                if path in self._subscribed:
                    if path == leaf and value is not None:
                        subtrees.pop(path, None)
                        for watcher in list(self._subscribed[path]):
                            watcher.deliver(path, value, is_remote)
                    else:
                        subtrees[path] = is_remote
            for watcher in list(self._watching.get("", ())):
                watcher.deliver(leaf, value, is_remote)
        for path, is_remote in subtrees.items():
            for watcher in list(self._subscribed.get(path, ())):
                watcher.deliver(path, self._value_at(path), is_remote)

    def _add(self, registered: dict[str, list[Watcher]], path: str, listener: Listener) -> Watcher:
        def forget(watcher: Watcher) -> None:
            if watcher in (found := registered.get(path, [])):
                found.remove(watcher)
            if not found:
                registered.pop(path, None)
            self._activated(bool(self._subscribed or self._watching))

        watcher = Watcher(listener, forget)
        registered.setdefault(path, []).append(watcher)
        self._activated(True)
        return watcher
