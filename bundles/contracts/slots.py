"""The slots of a queue, and the calls that wait for one."""

import asyncio
import math
from collections import Counter, OrderedDict
from concurrent.futures import Future
from functools import partial
from typing import Any

from bundles.contracts.actions import Action
from bundles.contracts.interruption import DISCONNECTED, ClientDisconnectedException
from bundles.contracts.queue import Queue
from bundles.contracts.running_threads import count_threads
from rxkernel import HttpException, Request, ServiceUnavailableException, abandoned_threads

FULL = "queue_full"
EXPIRED = "queue_timeout"
"""Counters, and the codes of responses."""

_GRANTED = "granted"


class Slots:
    """Lets at most ``queue.concurrency`` calls run, in the order of their arrival.

    A slot is free again when its call has ended: for a plain ``def`` that was cancelled, when its
    thread has ended.
    """

    def __init__(self, queue: Queue, counts: Counter[str]) -> None:
        self._free = queue.concurrency
        self._size = queue.size
        self._timeout = queue.timeout
        self._retry_after = {"Retry-After": str(math.ceil(queue.timeout))}
        self._waiting: OrderedDict[asyncio.Future[str], None] = OrderedDict()
        self._counts = counts

    @property
    def free(self) -> int:
        """The number of calls that could start now."""
        return self._free

    @property
    def waiting(self) -> int:
        """The number of calls that wait."""
        return len(self._waiting)

    def limit(self, action: Action) -> Action:
        """Let calls of *action* wait for a slot."""

        async def queued(request: Request) -> Any:
            if self._free:
                self._free -= 1
            else:
                await self._wait(request)
            try:
                return await action(request)
            finally:
                if threads := abandoned_threads(request):
                    self._release_after(threads, request)
                else:
                    self._release()

        return queued

    async def _wait(self, request: Request) -> None:
        """Return when the call has a slot.

        Raises:
            ServiceUnavailableException: the queue is full, or the call has waited too long.
            ClientDisconnectedException: the client has disconnected.
        """
        if len(self._waiting) >= self._size:
            raise self._rejection(FULL)
        loop = asyncio.get_running_loop()
        turn: asyncio.Future[str] = loop.create_future()
        self._waiting[turn] = None
        timer = loop.call_later(self._timeout, self._leave, turn, EXPIRED)
        revoke = request.when_disconnected(partial(self._leave, turn, DISCONNECTED))
        try:
            outcome = await turn
        except asyncio.CancelledError:
            self._waiting.pop(turn, None)
            if not turn.cancelled() and turn.result() == _GRANTED:
                self._release()
            raise
        finally:
            timer.cancel()
            revoke()
        if outcome != _GRANTED:
            raise self._rejection(outcome)

    def _leave(self, turn: asyncio.Future[str], reason: str) -> None:
        if not turn.done():
            self._waiting.pop(turn, None)
            turn.set_result(reason)

    def _rejection(self, reason: str) -> HttpException:
        self._counts[reason] += 1
        if reason == DISCONNECTED:
            return ClientDisconnectedException(code=DISCONNECTED)
        message = "too many calls wait; try again later"
        return ServiceUnavailableException(message, code=reason, headers=self._retry_after)

    def _release(self) -> None:
        while self._waiting:
            turn, _ = self._waiting.popitem(last=False)
            if not turn.done():
                turn.set_result(_GRANTED)
                return
        self._free += 1

    def _release_after(self, abandoned: tuple[Future[Any], ...], request: Request) -> None:
        """Release the slot of a call, whose *abandoned* threads run on, once they have ended."""
        count_threads(request, self._counts)
        threads = [asyncio.wrap_future(thread) for thread in abandoned]
        running = len(threads)

        def ended(thread: "asyncio.Future[Any]") -> None:
            nonlocal running
            if not thread.cancelled():
                thread.exception()  # which the kernel logs
            running -= 1
            if not running:
                self._release()

        for thread in threads:
            thread.add_done_callback(ended)
