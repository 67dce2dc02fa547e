"""Runs the tasks when they are due."""

import asyncio
import logging
from collections.abc import Coroutine, Mapping
from contextlib import suppress
from random import uniform

from injector import inject

from bundles.clock import Clock
from bundles.tasks.scheduler.entries import TaskEntries
from bundles.tasks.scheduler.entry import TaskEntry
from bundles.tasks.scheduler.runs import Runs
from bundles.tasks.scheduler.store import NotRunnerError
from bundles.tasks.scheduler.timetable import Timetable
from bundles.tasks.settings import TasksSettings
from bundles.tasks.task_runner import TaskRunner
from rxkernel import Compiled, Settings

logger = logging.getLogger(__name__)

_POLL_OF_WORKERS = 1.0
"""Seconds within which, with ``serve --workers``, a process notices that the clock was set, and
the changes of other processes."""

_CLOCK_DIFFERENCE = 60.0
"""The maximum difference between the clocks of two machines, in seconds."""


class Planner:
    """One of the processes that share a store is the runner: it runs the tasks by their times.
    When it ends, another process becomes the runner.

    Attributes:
        runs: the runs of this process. `Scheduler.run` also starts runs in other processes than
            the runner.
        is_runner: whether this process is the runner.
    """

    @inject
    def __init__(
        self,
        entries: TaskEntries,
        runner: TaskRunner,
        clock: Clock,
        settings: TasksSettings,
        application: Settings,
    ) -> None:
        self.runs = Runs(runner, clock, settings.concurrency, self.store_record)
        self.is_runner = False
        self._is_waiting = False  # another process is the runner, or this one has lost its lease
        self._entries = entries
        self._clock = clock
        self._grace = settings.misfire_grace
        poll = entries.store.poll_interval
        self._timetable = Timetable(
            clock,
            min(poll, _POLL_OF_WORKERS) if application.http.reuse_port else poll,
            on_due=self._due,
            on_jump=self._jumped,
            on_wake=self._poll_later,
        )
        self._reading = asyncio.Lock()  # so that nothing replaces the entries during a takeover
        self._work: set[asyncio.Task[object]] = set()
        self._poll_task: asyncio.Task[object] | None = None

    @property
    def counts(self) -> Mapping[str, int]:
        return self.runs.counts

    # --- the lifecycle

    async def begin(self) -> None:
        """Start to run the tasks by their times, as soon as no other process does so."""
        await self._poll()
        self._timetable.start()

    async def drain(self) -> None:
        """Start no further runs, and wait for the active ones."""
        self._timetable.stop()
        keeping = asyncio.create_task(self._keep())
        await self.runs.wait()
        keeping.cancel()
        while self._work:
            await asyncio.wait(self._work)

    async def _keep(self) -> None:
        """Remain the runner until the last runs have ended."""
        store = self._entries.store
        while self.is_runner and store.is_leased:
            await self._clock.sleep(store.poll_interval)
            with self._entries.during_outage():
                if not await store.keep():
                    self._step_down()

    async def end(self) -> None:
        """Cancel the active runs, and let another process become the runner."""
        self._timetable.stop()
        await self.runs.cancel()
        while self._work:
            await asyncio.wait(self._work)
        if self.is_runner:
            self.is_runner = False
            with self._entries.during_outage():
                await self._entries.store.release()

    def recompiled(self, compiled: Compiled) -> None:
        """Apply a reload, which may have changed decorated methods."""
        if self.is_runner:
            changed, removed = self._entries.declare(compiled)
            for entry in changed:
                self.plan(entry)
                self._later(self.store_record(entry))
            for id in removed:
                self.forget(id)
                self._later(self._remove_stored(id))

    def _poll_later(self) -> None:
        if self._poll_task is None or self._poll_task.done():
            self._poll_task = self._later(self._poll())

    async def _poll(self) -> None:
        """Become the runner if there is no other one; as the runner, read the changes of other
        processes."""
        async with self._reading:
            with self._entries.during_outage():
                await self._follow()

    async def _follow(self) -> None:
        store = self._entries.store
        if self.is_runner and not await store.keep():
            self._step_down()
        if not self.is_runner:
            if not await store.acquire():
                self._is_waiting = True
                return
            with suppress(NotRunnerError):  # the lease has expired meanwhile
                await self._take_over()
                if self._is_waiting:
                    self._is_waiting = False
                    logger.info("this process runs the tasks now")
        elif await store.has_changed():
            added, removed = await self._entries.merge(self.runs.active)
            for entry in added:
                self.plan(entry)
            for id in removed:
                self.forget(id)

    async def refresh(self) -> None:
        """Read the tasks, unless this process is the runner, which knows them.

        Raises:
            TasksUnavailableException: the store cannot be used.
        """
        async with self._reading:
            if not self.is_runner:
                await self._entries.load(self.runs.active)

    async def _take_over(self) -> None:
        entries, store = self._entries, self._entries.store
        self.is_runner = True
        try:
            await store.has_changed()  # from now on it reports the changes after this load
            changed = {entry.id: entry for entry in await entries.load(self.runs.active)}
            gone = [e.id for e in await store.load() if e.id not in entries.known]
            for entry in tuple(entries.known.values()):
                if entry.record.is_running and entry.id not in self.runs.active:
                    logger.error("the process ended during the run of the task %s", entry.id)
                    entry.record.interrupt()
                    changed[entry.id] = entry
                if self._correct(entry):
                    changed[entry.id] = entry
                if entry.is_over:
                    gone.append(entry.id)
            for entry in changed.values():
                await store.save(entry)
            await entries.remove(gone)
        except BaseException:
            self.is_runner = False
            await store.release()
            raise
        for entry in entries.known.values():
            self.plan(entry)

    def _step_down(self) -> None:
        """Start no further runs until this process is the runner again. The due times in the store
        stay as they are, for the next runner."""
        if self.is_runner:
            self.is_runner = False
            self._is_waiting = True
            self._timetable.clear()
            self.runs.cancel_waiting()
            logger.warning(
                "this process stops running the tasks, since its lease has expired; it tries to "
                "get the lease again"
            )

    def _correct(self, entry: TaskEntry) -> bool:
        """Correct the due time if the clock was set back while there was no runner, as `_jumped`
        does; return whether *entry* has changed. A due time that is up to `_CLOCK_DIFFERENCE` too
        late is kept: the clock of the last runner may have been ahead, and its runs must not be
        repeated."""
        schedule, due, now = entry.schedule, entry.record.due, self._clock.now()
        if due is None or not (schedule.is_elapsed or schedule.is_frequent):
            return False
        latest = schedule.next_after(now + _CLOCK_DIFFERENCE)
        if latest is None or due <= latest:
            return False
        entry.record.due = schedule.next_after(now)
        return True

    # --- one entry

    def plan(self, entry: TaskEntry) -> None:
        """Set the time of the next run, if this process is the runner."""
        if not self.is_runner:
            return
        if entry.record.due is None:
            self._timetable.remove(entry.id)
        else:
            delay = uniform(0.0, entry.plan.jitter) if entry.plan.jitter else 0.0
            self._timetable.put(entry.id, entry.record.due + delay)

    def forget(self, id: str) -> None:
        """Start no further runs of a task that was removed."""
        self._timetable.remove(id)

    async def store_record(self, entry: TaskEntry) -> bool:
        """Store the record of a task, or remove a task of `Scheduler.add` that is never due again.

        Returns:
            False if another process has removed the task.
        """
        if self._entries.known.get(entry.id) is not entry:
            return True
        with self._entries.during_outage():
            try:
                return await self._store(entry)
            except NotRunnerError:
                self._step_down()
                return await self._store(entry)
        return True

    async def _store(self, entry: TaskEntry) -> bool:
        """Implement `store_record`.

        Raises:
            NotRunnerError: this process is not the runner any more.
            TasksUnavailableException: the store cannot be used.
        """
        entries = self._entries
        if not self.is_runner:
            await entries.store.save_record(entry)
        elif entry.is_over:
            await entries.remove([entry.id])
        elif not await entries.store.save(entry):  # another process has removed it
            entries.known.pop(entry.id, None)
            self.forget(entry.id)
            return False
        return True

    async def _begin(self, entry: TaskEntry) -> bool:
        """Store the begin of a scheduled run; return False if the run must not begin."""
        if not self._entries.store.is_leased:
            return await self.store_record(entry)
        if not self.is_runner or self._entries.known.get(entry.id) is not entry:
            return False
        with self._entries.during_outage():
            try:
                return await self._store(entry)
            except NotRunnerError:
                pass
        self._step_down()
        return False

    async def _remove_stored(self, id: str) -> None:
        """Remove the task of a method that does not exist any more, unless another reload has
        restored it."""
        if id not in self._entries.known:
            with self._entries.during_outage():
                await self._entries.store.remove([id])

    def _due(self, id: str, moment: float) -> None:
        if not self._entries.store.is_held:
            self._step_down()
            return
        entry, now = self._entries.known[id], self._clock.now()
        record, late = entry.record, now - moment
        record.due = entry.schedule.next_after(now, record.due)
        self.plan(entry)
        if id in self.runs.active:
            record.skipped += 1
            self.runs.counts["tasks.skipped"] += 1
            logger.warning("the task %s is due while its last run is still active; skipped", id)
        elif late > self._grace and entry.plan.misfire == "skip":
            record.missed += 1
            self.runs.counts["tasks.missed"] += 1
            logger.warning("the task %s has missed its time by %.0f s; skipped", id, late)
        else:
            self.runs.start(entry, self._begin)
            return
        self._later(self.store_record(entry))

    def _jumped(self, seconds: float) -> None:
        """Correct due times after the clock was set. Intervals keep their remaining time. If the
        clock was set back, frequent schedules are computed again. Other tasks keep their due time,
        by the new clock."""
        logger.info("the clock was set by %+.0f s", seconds)
        for entry in self._entries.known.values():
            schedule, record = entry.schedule, entry.record
            if record.due is None:
                continue
            if schedule.is_elapsed:
                record.due += seconds
            elif schedule.is_frequent and seconds < 0:
                record.due = schedule.next_after(self._clock.now())
            else:
                continue
            self.plan(entry)

    def _later(self, work: Coroutine[None, None, object]) -> "asyncio.Task[object]":
        task = asyncio.create_task(work)
        self._work.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: "asyncio.Task[object]") -> None:
        self._work.discard(task)
        if not task.cancelled() and (exc := task.exception()) is not None:
            logger.error("the tasks cannot be stored", exc_info=exc)
