"""A bounded queue that gives free slots to the keys of the waiting calls in turn."""

import asyncio
from collections import OrderedDict
from collections.abc import Iterable
from concurrent.futures import Future
from typing import Any


class FairQueue:
    """At most *slots* calls run at the same time. At most *size* calls wait, of which at most
    *size_per_key* have the same key.

    The keys get free slots in turn, and the calls of a key in the order of arrival. One queue can
    be used in several event loops, one after the other.

    Attributes:
        free: the number of free slots. If there is one, a call takes it with ``free -= 1``;
            otherwise it waits, see `enter`.
        waiting: the number of waiting calls.
    """

    def __init__(self, slots: int, size: int, size_per_key: int | None = None) -> None:
        self.free = slots
        self.waiting = 0
        self._size = size
        self._size_per_key = size if size_per_key is None else size_per_key
        self._lines: OrderedDict[str, OrderedDict[Waiter, None]] = OrderedDict()

    def enter(self, key: str = "") -> "Waiter | None":
        """Add a call that waits for a slot; None: too many calls already wait."""
        line = self._lines.get(key)
        in_line = 0 if line is None else len(line)
        if self.waiting >= self._size or in_line >= self._size_per_key:
            return None
        if line is None:
            line = self._lines[key] = OrderedDict()
        waiter = Waiter(self, key)
        line[waiter] = None
        self.waiting += 1
        return waiter

    def release(self) -> None:
        """Pass the slot of a call that has ended to the next call, or free it."""
        while self._lines:
            key, line = self._lines.popitem(last=False)
            waiter, _ = line.popitem(last=False)
            self.waiting -= 1
            if line:
                self._lines[key] = line  # behind the other keys
            if waiter.grant():
                return
        self.free += 1

    def release_after(self, threads: Iterable[Future[Any]]) -> None:
        """Like `release`, as soon as all *threads* have ended. In them a cancelled call still
        runs."""
        waited = [asyncio.wrap_future(thread) for thread in threads]
        running = len(waited)

        def ended(thread: "asyncio.Future[Any]") -> None:
            nonlocal running
            if not thread.cancelled():
                thread.exception()  # reads the exception, which the kernel logs
            running -= 1
            if not running:
                self.release()

        for thread in waited:
            thread.add_done_callback(ended)

    def remove(self, waiter: "Waiter") -> None:
        """Remove *waiter*; does nothing if it no longer waits."""
        line = self._lines.get(waiter.key)
        if line is not None and waiter in line:
            del line[waiter]
            self.waiting -= 1
            if not line:
                del self._lines[waiter.key]


class Waiter:
    """A waiting call, made by `FairQueue.enter`."""

    def __init__(self, queue: FairQueue, key: str) -> None:
        self.key = key
        self._queue = queue
        self._outcome: asyncio.Future[str | None] = asyncio.get_running_loop().create_future()

    async def outcome(self) -> str | None:
        """Wait until the call has a slot, and return None; the call must release the slot. If
        `leave` is called before, return its reason."""
        try:
            return await self._outcome
        except BaseException:  # cancelled, or its event loop was closed
            self._queue.remove(self)
            if self._has_slot():
                self._queue.release()
            raise

    def _has_slot(self) -> bool:
        outcome = self._outcome
        return outcome.done() and not outcome.cancelled() and outcome.result() is None

    def leave(self, reason: str) -> None:
        """End the wait with *reason*; does nothing if it has already ended."""
        if not self._outcome.done():
            self._queue.remove(self)
            self._outcome.set_result(reason)

    def grant(self) -> bool:
        """Give the call a slot; return False if it no longer waits."""
        if self._outcome.done() or self._outcome.get_loop().is_closed():
            return False
        self._outcome.set_result(None)
        return True
