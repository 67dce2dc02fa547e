"""`WorkerPool`: calls of CPU-bound functions in processes that are reused."""

import asyncio
import logging
import math
from collections import Counter, OrderedDict
from collections.abc import Callable
from contextvars import copy_context
from types import TracebackType
from typing import Any, Self, TypeVar, TypeVarTuple

import attrs
import msgspec
from injector import inject

from bundles.tasks.job import NO_JOB, current_job
from bundles.tasks.pool.call import Reply, name_of, pickle_call, result_of
from bundles.tasks.pool.exceptions import (
    WorkerDiedError,
    WorkerPoolClosedException,
    WorkerPoolFullException,
    WorkerTimeoutException,
)
from bundles.tasks.pool.settings import WorkerPoolSettings
from bundles.tasks.pool.worker import Worker

logger = logging.getLogger(__name__)

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

_FIRST_DELAY, _LONGEST_DELAY = 1.0, 30.0
"""Seconds between a failed start of a worker and the next attempt, unless a call needs one."""

_LARGE = 1_000_000
"""Bytes from which a result is unpickled in a thread, so that it does not block the loop."""


@attrs.frozen(kw_only=True)
class WorkerPoolStatistics:
    """The state of a `WorkerPool`, and its counts since its start.

    Attributes:
        workers: running processes.
        busy: processes that are running a call.
        waiting: calls that are waiting for a process.
        done: calls that returned.
        failed: calls that raised, timed out, were cancelled, or whose process died.
        restarts: processes that replaced one that died or was killed.
    """

    workers: int
    busy: int
    waiting: int
    done: int
    failed: int
    restarts: int


class WorkerPool:
    """Runs functions in other processes, each of which runs one call at a time.

    If a worker dies, only the call that it ran fails, and the worker is replaced. Use the pool as
    an async context manager; the bundle does so.

    Attributes:
        counts: ``tasks.pool.done``, ``.failed`` and ``.rejected``: calls that returned, failed and
            were rejected; ``tasks.pool.restarts``: processes that were replaced.
        start_failure: why the last start of a worker failed; None if it succeeded.
    """

    @inject
    def __init__(self, settings: WorkerPoolSettings) -> None:
        self.counts: Counter[str] = Counter()
        self.start_failure: str | None = None
        self._settings = settings
        self._retry_after = {"Retry-After": str(math.ceil(settings.queue_timeout))}
        self._workers: set[Worker] = set()
        self._idle: list[Worker] = []
        self._waiting: OrderedDict[asyncio.Future[Worker], None] = OrderedDict()
        self._starting: set[asyncio.Task[None]] = set()
        self._retry: asyncio.TimerHandle | None = None
        self._retry_delay = _FIRST_DELAY
        self._is_open = False
        self._busy = self._lost = 0

    async def run(
        self,
        function: Callable[[*Ts], T],
        *args: *Ts,
        timeout: float | None = None,
    ) -> T:
        """Return the result of ``function(*args)``, or raise its exception, with the traceback of
        the worker as its cause.

        The call works on copies: function, arguments and result are pickled. If the caller is
        cancelled, the worker is killed.

        Args:
            timeout: seconds from the start of the call, without the time in the queue.

        Raises:
            NotPicklableError: *function*, an argument or the result cannot be pickled.
            WorkerPoolFullException: too many calls are waiting, or this one waited too long (503).
            WorkerPoolClosedException: the pool is closed, or was closed before the end (503).
            WorkerTimeoutException: *timeout* has passed; the worker was killed (408).
            WorkerStartError: a worker cannot be started.
            WorkerDiedError: the process of the call ended.
            WorkerCallError: the exception of the call cannot be raised here.
        """
        call = pickle_call(function, args)
        worker = await self._take()
        self._busy += 1
        try:
            reply = await self._reply(worker, call, timeout)
            result: T = await _read(reply, function)
        except BaseException as exc:
            self.counts["tasks.pool.failed"] += 1
            if isinstance(exc, WorkerDiedError):
                if not self._is_open:
                    raise WorkerPoolClosedException(code="worker_pool_closed") from exc
                logger.error("%s: %s", name_of(function), exc)
            raise
        finally:
            self._busy -= 1
            self._release(worker)
        self.counts["tasks.pool.done"] += 1
        return result

    @property
    def statistics(self) -> WorkerPoolStatistics:
        return WorkerPoolStatistics(
            workers=len(self._workers),
            busy=self._busy,
            waiting=len(self._waiting),
            done=self.counts["tasks.pool.done"],
            failed=self.counts["tasks.pool.failed"],
            restarts=self.counts["tasks.pool.restarts"],
        )

    async def __aenter__(self) -> Self:
        self._is_open = True
        if self._settings.start_at_boot:
            starts = (self._start_worker() for _ in range(self._settings.size))
            results = await asyncio.gather(*starts, return_exceptions=True)
            if failures := [one for one in results if isinstance(one, BaseException)]:
                await self.__aexit__(None, None, None)
                raise failures[0]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        """Fail the waiting calls, kill busy workers, close idle ones, and wait for their end."""
        self._is_open = False
        while (turn := self._next_turn()) is not None:
            turn.set_exception(WorkerPoolClosedException(code="worker_pool_closed"))
        if self._retry is not None:
            self._retry.cancel()
            self._retry = None
        for start in self._starting:
            start.cancel()
        if self._starting:
            await asyncio.wait(self._starting)
        idle, self._idle = self._idle, []
        for worker in self._workers.difference(idle):
            worker.kill()
        ends = [worker.close() for worker in idle]
        ends += [worker.wait() for worker in self._workers.difference(idle)]
        await asyncio.gather(*ends)

    async def _reply(self, worker: Worker, call: bytes, timeout: float | None) -> Reply:
        job = current_job()
        asked_by = None if job is NO_JOB else msgspec.json.encode(job)
        reply = worker.call(call, asked_by, copy_context())
        try:
            async with asyncio.timeout(timeout):
                return await reply
        except TimeoutError as exc:
            worker.kill()
            raise WorkerTimeoutException(
                f"the call did not end within {timeout} seconds", code="worker_timeout"
            ) from exc
        except asyncio.CancelledError:
            worker.kill()
            raise

    async def _take(self) -> Worker:
        """Return a free worker; wait in the queue for one if necessary."""
        self._check_open()
        while self._idle:
            worker = self._idle.pop()
            if worker.is_alive:
                return worker
        if len(self._waiting) - len(self._starting) >= self._settings.queue_size:
            raise self._rejection("worker_queue_full")
        try:
            async with asyncio.timeout(self._settings.queue_timeout):
                while not (worker := await self._wait()).is_alive:  # it has just died
                    self._check_open()
                    self._replace()
        except TimeoutError as exc:
            raise self._rejection("worker_queue_timeout") from exc
        return worker

    async def _wait(self) -> Worker:
        turn: asyncio.Future[Worker] = asyncio.get_running_loop().create_future()
        self._waiting[turn] = None
        self._start_for_waiting()
        try:
            return await turn
        except asyncio.CancelledError:
            self._waiting.pop(turn, None)
            if turn.done() and not turn.cancelled() and turn.exception() is None:
                self._release(turn.result())
            raise

    def _check_open(self) -> None:
        if not self._is_open:
            raise WorkerPoolClosedException(code="worker_pool_closed")

    def _rejection(self, code: str) -> WorkerPoolFullException:
        self.counts["tasks.pool.rejected"] += 1
        message = "too many calls are waiting; try again later"
        return WorkerPoolFullException(message, code=code, headers=self._retry_after)

    def _release(self, worker: Worker) -> None:
        """Pass *worker* to the next waiting call, or keep it as idle."""
        if not worker.is_alive:
            self._replace()
            return
        if (turn := self._next_turn()) is not None:
            turn.set_result(worker)
        else:
            self._idle.append(worker)

    def _next_turn(self) -> "asyncio.Future[Worker] | None":
        """Remove the call that has waited the longest, and return its future."""
        while self._waiting:
            turn, _ = self._waiting.popitem(last=False)
            if not turn.done():  # otherwise its caller has just been cancelled
                return turn
        return None

    def _replace(self) -> None:
        """Replace a worker that has died: now, or when a call needs one."""
        self._lost += 1
        self._start_for_waiting()
        if self._settings.start_at_boot and self._room:
            self._start()

    @property
    def _room(self) -> int:
        """The number of workers that may be started."""
        alive = sum(worker.is_alive for worker in self._workers)
        return self._settings.size - alive - len(self._starting) if self._is_open else 0

    def _start_for_waiting(self) -> None:
        for _ in range(min(self._room, len(self._waiting) - len(self._starting))):
            self._start()

    def _start(self) -> None:
        task = asyncio.create_task(self._start_worker())
        self._starting.add(task)
        task.add_done_callback(self._started)

    async def _start_worker(self) -> None:
        worker = await Worker.start(self._ended)
        self._workers.add(worker)
        if self._lost:
            self._lost -= 1
            self.counts["tasks.pool.restarts"] += 1
        self._release(worker)

    def _started(self, task: "asyncio.Task[None]") -> None:
        self._starting.discard(task)
        if task.cancelled() or (failure := task.exception()) is None:
            self.start_failure, self._retry_delay = None, _FIRST_DELAY
            return
        self.start_failure = str(failure)
        self._retry_later()
        if (turn := self._next_turn()) is not None:
            turn.set_exception(failure)
            self._start_for_waiting()
        else:
            logger.error("%s", failure)

    def _retry_later(self) -> None:
        """Try to start a worker later. Calls alone may not do so: while ``/readyz`` fails, a load
        balancer may send none."""
        if self._retry is None and self._is_open:
            loop = asyncio.get_running_loop()
            self._retry = loop.call_later(self._retry_delay, self._try_again)
            self._retry_delay = min(2 * self._retry_delay, _LONGEST_DELAY)

    def _try_again(self) -> None:
        self._retry = None
        if self._room > 0 and self.start_failure is not None:
            self._start()

    def _ended(self, worker: Worker) -> None:
        self._workers.discard(worker)
        if worker in self._idle:
            self._idle.remove(worker)
            self._replace()


async def _read(reply: Reply, function: Callable[..., Any]) -> Any:
    if len(reply.body) < _LARGE:
        return result_of(reply, function)
    return await asyncio.to_thread(result_of, reply, function)
