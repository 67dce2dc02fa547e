"""A worker process, as the pool sees it."""

import asyncio
import logging
import os
import pickle
import signal
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from contextvars import Context
from pathlib import Path
from typing import Any

from bundles.tasks.pool import worker_process
from bundles.tasks.pool.call import Reply
from bundles.tasks.pool.exceptions import WorkerDiedError, WorkerStartError
from bundles.tasks.pool.worker_process import CALL, HEADER, JOB, LOG, READY, SETUP

_SCRIPT = str(Path(worker_process.__file__))

_START_TIMEOUT = 60.0
"""Seconds within which a process must be set up; on an idle machine it takes 0.03."""

_CLOSE_TIMEOUT = 2.0
"""Seconds within which an idle worker must end after its pipe is closed; then it is killed."""


class Worker(asyncio.Protocol):
    """Sends one call at a time to its process, and receives the reply and log records.

    Attributes:
        is_alive: whether it can run a call.
    """

    def __init__(self) -> None:
        self.is_alive = False
        self._received = bytearray()
        self._ready = asyncio.Event()
        self._reply: asyncio.Future[Reply] | None = None
        self._context = Context()
        self._lifeline = -1
        self._transport: asyncio.Transport
        self._process: asyncio.subprocess.Process
        self._reaper: asyncio.Task[None]

    @classmethod
    async def start(cls, when_ended: Callable[["Worker"], None]) -> "Worker":
        """Start a process, and wait until it is set up; *when_ended* is called when it has ended.

        Raises:
            WorkerStartError: the process cannot be started, ends at once, or is not set up in
                time.
        """
        worker = cls()
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        loop = asyncio.get_running_loop()
        with theirs:
            worker._transport, _ = await loop.create_unix_connection(lambda: worker, sock=ours)
            try:
                await worker._start_process(theirs.fileno())
            except BaseException as exc:
                worker._transport.abort()
                if isinstance(exc, OSError):
                    raise WorkerStartError(f"a worker process cannot be started: {exc}") from exc
                raise
        worker.is_alive = True
        worker._reaper = asyncio.create_task(worker._reap(when_ended))
        worker._send(SETUP, pickle.dumps((sys.path, _levels())))
        try:
            await worker._wait_until_ready()
        except BaseException:
            worker.kill()
            await worker._reaper
            raise
        return worker

    async def _wait_until_ready(self) -> None:
        ready = asyncio.create_task(self._ready.wait())
        try:
            await asyncio.wait(
                {ready, self._reaper},
                timeout=_START_TIMEOUT,
                return_when=asyncio.FIRST_COMPLETED,
            )
        finally:
            ready.cancel()
        if not self._ready.is_set():
            code = self._process.returncode
            what = f"did not reply for {_START_TIMEOUT:g} s" if code is None else _end_of(code)
            raise WorkerStartError(f"a worker process cannot be started: it {what}")

    async def _start_process(self, pipe: int) -> None:
        theirs, self._lifeline = os.pipe()
        try:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-P", _SCRIPT, str(pipe), str(theirs)),
                pass_fds=(pipe, theirs),
                stdin=asyncio.subprocess.DEVNULL,
                start_new_session=True,  # only the application receives Ctrl-C
            )
        except BaseException:
            os.close(self._lifeline)
            raise
        finally:
            os.close(theirs)

    @property
    def pid(self) -> int:
        return self._process.pid

    def call(self, call: bytes, job: bytes | None, context: Context) -> "asyncio.Future[Reply]":
        """Send a call; log records of it are handled in *context*.

        The result raises `WorkerDiedError` if the process ends first.
        """
        self._context = context
        self._reply = asyncio.get_running_loop().create_future()
        if job is not None:
            self._send(JOB, job)
        self._send(CALL, call)
        return self._reply

    def kill(self) -> None:
        """Kill the process and the processes that it has started."""
        self.is_alive = False
        if self._process.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)

    async def close(self) -> None:
        """End the process, which exits when it reads that the pipe is closed; kill it if it does
        not."""
        self.is_alive = False
        self._transport.close()
        try:
            async with asyncio.timeout(_CLOSE_TIMEOUT):
                await asyncio.shield(self._reaper)
        except TimeoutError:
            self.kill()
        await self._reaper

    async def wait(self) -> None:
        """Return when the process has ended."""
        await self._reaper

    def data_received(self, data: bytes) -> None:
        received = self._received
        received += data
        while len(received) >= HEADER.size:
            kind, size = HEADER.unpack_from(received)
            end = HEADER.size + size
            if len(received) < end:
                return
            body = bytes(memoryview(received)[HEADER.size : end])
            del received[:end]
            if kind == LOG:
                self._context.run(_handle, body)
            elif kind == READY:
                self._ready.set()
            elif self._reply is not None and not self._reply.done():
                self._reply.set_result(Reply(kind, body))

    def connection_lost(self, exc: Exception | None) -> None:
        if self.is_alive:
            self.kill()  # it can receive no calls without its pipe

    def _send(self, kind: int, body: bytes) -> None:
        self._transport.write(HEADER.pack(kind, len(body)) + body)

    async def _reap(self, when_ended: Callable[["Worker"], None]) -> None:
        code = await self._process.wait()
        self.is_alive = False
        os.close(self._lifeline)
        self._transport.abort()
        if self._reply is not None and not self._reply.done():
            text = f"the worker process {_end_of(code)} during the call"
            self._reply.set_exception(WorkerDiedError(text, code))
        when_ended(self)


def _end_of(code: int) -> str:
    if code >= 0:
        return f"exited with status {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    return f"was killed by {name}"


def _levels() -> dict[str, int]:
    """The levels of the loggers of this process: a worker sends no record below them."""
    root = logging.getLogger()
    loggers = ((name, root.manager.loggerDict[name]) for name in list(root.manager.loggerDict))
    levels = {name: one.level for name, one in loggers if isinstance(one, logging.Logger)}
    return {"": root.level} | {name: level for name, level in levels.items() if level}


def _handle(body: bytes) -> None:
    values: dict[str, Any] = pickle.loads(body)
    record = logging.makeLogRecord(values)
    logger = logging.getLogger(record.name)
    if logger.isEnabledFor(record.levelno):
        logger.handle(record)
