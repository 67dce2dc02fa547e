"""The main program of a worker process of `WorkerPool`: runs calls until its pipe is closed.

It is run as a script and imports only the standard library, so that a worker starts as fast as a
bare interpreter and needs as little memory. The module of a function is imported at its first
call.
"""

import fcntl
import logging
import os
import pickle
import signal
import struct
import sys
import threading
import traceback
from contextlib import suppress
from socket import socket
from typing import Any

HEADER = struct.Struct("!BQ")
"""The header of each frame, in both directions: its kind, and the length of its body in bytes."""

SETUP, JOB, CALL = 1, 2, 3
"""Frames to the worker. SETUP: ``(sys.path, levels of loggers)``. JOB: the job of the next call,
as
JSON. CALL: ``(function, args)``."""

RESULT, FAILURE, UNPICKLABLE, LOG, READY = 1, 2, 3, 4, 5
"""Frames from the worker. RESULT: the result. FAILURE: the exception, its summary and its
traceback.
UNPICKLABLE: the class of a result that cannot be pickled, and the error. LOG: a log record. READY:
the worker is set up; without a body."""

JOB_VARIABLE = "RXKERNEL_JOB"
"""The environment variable that holds the job while a call runs."""


class WorkerProcess:
    """The worker's end of the pipe. Threads that a call has started may log, so writing is
    locked."""

    def __init__(self, pipe: socket) -> None:
        self._pipe = pipe
        self._reader = pipe.makefile("rb")
        self._lock = threading.Lock()

    def serve(self) -> None:
        """Run calls until the pool closes the pipe."""
        while header := self._reader.read(HEADER.size):
            kind, size = HEADER.unpack(header)
            body = self._reader.read(size)
            if kind == CALL:
                self._call(body)
                os.environ.pop(JOB_VARIABLE, None)
            elif kind == JOB:
                os.environ[JOB_VARIABLE] = body.decode()
            else:
                self._set_up(*pickle.loads(body))
                self.send(READY, b"")

    def send(self, kind: int, body: bytes) -> None:
        with self._lock:
            self._pipe.sendall(HEADER.pack(kind, len(body)))
            self._pipe.sendall(body)

    def _set_up(self, path: list[str], levels: dict[str, int]) -> None:
        sys.path[:] = path
        logging.getLogger().addHandler(RecordSender(self))
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)

    def _call(self, body: bytes) -> None:
        try:
            function, args = pickle.loads(body)
            result = function(*args)
        except BaseException as exc:  # noqa: BLE001 - SystemExit ends only the call
            self.send(FAILURE, _failure(exc))
            return
        try:
            pickled = pickle.dumps(result, pickle.HIGHEST_PROTOCOL)
        except Exception as exc:  # noqa: BLE001 - a class may raise any
            names = type(result).__qualname__, f"{type(exc).__qualname__}: {exc}"
            self.send(UNPICKLABLE, pickle.dumps(names))
            return
        self.send(RESULT, pickled)


def _failure(exc: BaseException) -> bytes:
    """Return the body of FAILURE: the pickled exception, None if it cannot be pickled; its class
    and text; its traceback as text."""
    inside = exc.__traceback__ and exc.__traceback__.tb_next  # without the frame of `_call`
    text = "".join(traceback.format_exception(type(exc), exc, inside))
    pickled = None
    if isinstance(exc, Exception):
        with suppress(Exception):
            pickled = pickle.dumps(exc, pickle.HIGHEST_PROTOCOL)
    summary = "".join(traceback.format_exception_only(exc)).strip()
    return pickle.dumps((pickled, summary, text))


class RecordSender(logging.Handler):
    """Sends log records to the process of the pool, whose handlers write them."""

    def __init__(self, worker: WorkerProcess) -> None:
        super().__init__()
        self._worker = worker

    def emit(self, record: logging.LogRecord) -> None:
        try:
            values = {name: _plain(value) for name, value in vars(record).items()}
            values |= {"msg": record.getMessage(), "args": None, "exc_info": None}
            if record.exc_info:
                values["exc_text"] = _FORMATTER.formatException(record.exc_info)
            self._worker.send(LOG, pickle.dumps(values))
        except Exception:  # noqa: BLE001 - as all handlers of logging do
            self.handleError(record)


_FORMATTER = logging.Formatter()


def _plain(value: Any) -> Any:
    """Return *value*, or its text if its class may be unknown in the other process."""
    return value if isinstance(value, str | int | float | None) else repr(value)


def end_with_parent(lifeline: int) -> None:
    """End this process and its process group when the other end of the pipe *lifeline* is closed,
    even while a function runs that never returns to the interpreter."""
    if sys.platform == "linux":
        fcntl.fcntl(lifeline, fcntl.F_SETOWN, -os.getpgid(0))
        flags = fcntl.fcntl(lifeline, fcntl.F_GETFL)
        fcntl.fcntl(lifeline, fcntl.F_SETFL, flags | os.O_ASYNC)  # SIGIO, which ends a process
    # The thread is for other systems, where SIGIO is ignored, and for a parent that has ended
    # before the lines above.
    threading.Thread(target=_exit_after, args=(lifeline,), daemon=True).start()


def _exit_after(lifeline: int) -> None:
    os.read(lifeline, 1)
    os._exit(1)


def _ignore(*_: object) -> None:
    """A signal handler that does nothing, since the pool ends its workers. `SIG_IGN` would be
    inherited by programs that a function starts."""


def main() -> None:
    pipe, lifeline = map(int, sys.argv[1:])
    end_with_parent(lifeline)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _ignore)
    with suppress(ConnectionError):  # the pool has ended
        WorkerProcess(socket(fileno=pipe)).serve()


if __name__ == "__main__":
    main()
