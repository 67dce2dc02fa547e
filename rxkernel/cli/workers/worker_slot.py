"""The place of one worker: a process, and its successors."""

import asyncio
import logging
import socket
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

import attrs

from rxkernel.cli.workers.acceptor import Acceptor
from rxkernel.cli.workers.back_off import STEADY, BackOff
from rxkernel.cli.workers.children import Child, Children
from rxkernel.cli.workers.merged_reports import MergedReports
from rxkernel.cli.workers.worker_sockets import WorkerSockets
from rxkernel.servers.workers.socket_channel import socket_pair

logger = logging.getLogger(__name__)

_LAST_REPORT = 0.5
"""Seconds to read the last report of a process after its end."""


@attrs.frozen(eq=False)
class _Running:
    """A child that listens, or has ended before it did.

    Attributes:
        child: None if it could not be started.
        since: the time of the loop when it began to listen, or None.
        following: receives its reports.
    """

    child: Child | None
    since: float | None = None
    following: "asyncio.Task[None] | None" = None

    @property
    def is_serving(self) -> bool:
        return self.child is not None and self.child.is_running and self.since is not None

    @property
    def lived(self) -> float:
        """Seconds since it began to listen; 0 if it has not."""
        return 0.0 if self.since is None else asyncio.get_running_loop().time() - self.since


@attrs.define(eq=False)
class WorkerSlot:
    """Keeps one worker running.

    Attributes:
        number: the number of this place, from 1.
        acceptor: passes connections to the worker; None if it has a port of its own.
        listening: its own port. It stays open while a process is replaced, except in the pauses of
            a crash loop.
        exceeded: called with a text for the log when the process has reached a limit.
        listens: a future with the URLs of its first process.
        others: the places of the other workers.
    """

    number: int
    arguments: Sequence[str]
    children: Children
    reports: MergedReports
    exceeded: Callable[["WorkerSlot", str], None]
    acceptor: Acceptor | None = None
    listening: Sequence[socket.socket] = ()
    listens: asyncio.Future[str] = attrs.field(factory=asyncio.Future)
    others: Sequence["WorkerSlot"] = ()
    _running: _Running | None = None
    _ending: "asyncio.Task[int] | None" = None
    _changing: asyncio.Lock = attrs.field(factory=asyncio.Lock)
    _back_off: BackOff = attrs.field(factory=BackOff)
    _stopping: asyncio.Event = attrs.field(factory=asyncio.Event)

    @property
    def is_steady(self) -> bool:
        """Whether its worker has run for `STEADY` seconds, so it is not in a crash loop."""
        running = self._running
        return running is not None and running.is_serving and running.lived >= STEADY

    @property
    def is_serving(self) -> bool:
        return self._running is not None and self._running.is_serving

    def stop(self) -> None:
        """Start no more processes; the running one keeps the port."""
        self._stopping.set()
        for one in self.listening:
            one.close()

    async def keep(self) -> int:
        """Start a new process whenever one ends, until the stop; return the exit code.

        See `BackOff`. A crash loop ends it with code 1, unless all workers have listened once, and
        another one is serving. If a process exits with 2, because of invalid settings, before any
        has listened, the code is 2.
        """
        if self._stopping.is_set():
            return 0
        self._running = await self._start()
        while True:
            running = self._running
            self._ending = asyncio.create_task(self._ended(running))
            await asyncio.wait((self._ending,))  # `replace` cancels it
            async with self._changing:  # until a replacement has started
                if self._running is not running:
                    continue
            code = self._ending.result()
            if running.child is not None and running.child.stop_requested:
                return int(running.child.failed)
            if code == 2 and not self.listens.done():
                return 2
            delay = self._back_off.record(running.lived)
            self._log_end(running, code)
            if self._back_off.is_loop and not self._may_go_on():
                logger.error(
                    "worker %s ended %s times in a row, each time soon after its start; giving up",
                    self.number,
                    self._back_off.failures,
                )
                return 1
            if delay:
                await self._pause(delay)
            if self._stopping.is_set():
                return 0
            async with self._changing:
                if self._running is running:  # not replaced meanwhile
                    self._running = await self._start()

    async def _pause(self, delay: float) -> None:
        """Wait for *delay* seconds, or until the stop. Meanwhile connections are refused, or other
        workers get them; the next process listens on the same sockets."""
        logger.info("worker %s restarts in %g s", self.number, delay)
        for one in self.listening:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        await self.wait_for_stop(delay)

    async def _ended(self, running: _Running) -> int:
        """Wait for the end of a process and its last report; return its exit code."""
        if running.child is None:
            return 1
        code = await running.child.ended()
        if running.following is not None:  # may take long if another process inherited the link
            await asyncio.wait((running.following,), timeout=_LAST_REPORT)
            running.following.cancel()
        self.reports.end(running.child)
        await self.children.wait(running.child)
        return code

    async def wait_for_stop(self, seconds: float) -> None:
        """Wait until `stop` is called, for *seconds* at most."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), seconds)

    def _log_end(self, running: _Running, code: int) -> None:
        if running.child is not None:
            pid = running.child.pid
            logger.error("worker %s (pid %s) ended with code %s", self.number, pid, code)

    def _may_go_on(self) -> bool:
        have_listened = all(slot.listens.done() for slot in (self, *self.others))
        return have_listened and any(slot.is_steady for slot in self.others)

    async def replace(self) -> bool:
        """Start another process, then stop the running one; return False if the other process did
        not start, and nothing has changed."""
        async with self._changing:
            former = self._running
            if former is None or self._stopping.is_set():
                return True
            successor = await self._start()
            if successor.since is None:
                if successor.child is not None:
                    await self.children.wait(successor.child)
                return False
            self._running = successor
            if self._ending is not None:
                self._ending.cancel()  # `keep` waits for the end of the successor from now on
        if former.child is not None:
            former.child.stop()
            await self._ended(former)
        return True

    async def _start(self) -> _Running:
        """Start a process, and wait until it listens or ends."""
        sockets = None
        try:
            if self.acceptor is None:
                child = await self._start_with_port()
            else:
                child, sockets = await self._start_with_sockets(self.acceptor)
        except OSError as exc:  # file descriptors, processes or memory are exhausted
            logger.error("worker %s could not be started: %s", self.number, exc)
            return _Running(None)
        self.reports.begin()
        urls = await child.listening()
        if not urls:
            return _Running(child)
        following = asyncio.create_task(child.follow(lambda message: self._take(child, message)))
        logger.info("worker %s has pid %s", self.number, child.pid)
        if sockets is not None and self.acceptor is not None:
            self.acceptor.pool.use(sockets, self.number - 1)
        if not self.listens.done():
            self.listens.set_result(urls)
        return _Running(child, asyncio.get_running_loop().time(), following)

    def _take(self, child: Child, message: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """Receive a report; return the reports of all workers if the child asks for them."""
        report = message["report"]
        self.reports.take(child, report)
        is_current = self._running is not None and self._running.child is child
        if is_current and report["exceeded"] is not None:
            self.exceeded(self, report["exceeded"])
        return self.reports.merged() if "ask" in message else None

    async def _start_with_port(self) -> Child:
        numbers = [one.fileno() for one in self.listening]
        opened = [word for number in numbers for word in ("--listening", str(number))]
        return await self._start_child(opened, numbers)

    async def _start_with_sockets(self, acceptor: Acceptor) -> tuple[Child, WorkerSockets]:
        ours, theirs = socket_pair()
        number = acceptor.pool.new_number()
        sockets = acceptor.pool.add(ours, theirs, number)
        descriptor = theirs.fileno()
        try:
            passed = ("--passed-sockets", str(descriptor), str(number))
            child = await self._start_child(passed, [descriptor])
        except BaseException:
            sockets.close()
            raise
        sockets.close_after(child.ended())
        return child, sockets

    async def _start_child(self, place: Sequence[str], inherited: Sequence[int]) -> Child:
        """Start a process with the options *place*, which describe the *inherited* descriptors."""
        command, *options = self.arguments
        number = ("--worker", str(self.number))
        return await self.children.start([command, *number, *place, *options], inherited)
