"""Servers as separate processes, pinned to a core, with their processor time and memory."""

import ctypes
import os
import resource
import select
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Self

ROOT = Path(__file__).parent.parent

_CORES = sorted(os.sched_getaffinity(0))
_TICKS = os.sysconf("SC_CLK_TCK")

_LIBC = ctypes.CDLL(None)

_PATIENCE = 30.0
"""Seconds in which a server must start, or end."""


@contextmanager
def _pinned(core: int) -> Iterator[None]:
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def client_core() -> AbstractContextManager[None]:
    """Keep this process off the core of the servers, if there are two cores."""
    return _pinned(_CORES[-1])


def shares_a_core() -> bool:
    """Whether servers and their load have to run on the same core."""
    return len(_CORES) == 1


def machine_time() -> float:
    """Seconds of processor time of all processes of this machine (proc(5))."""
    user, nice, system, _, _, irq, softirq = Path("/proc/stat").read_text().split()[1:8]
    return sum(map(int, (user, nice, system, irq, softirq))) / _TICKS


def raise_file_limit() -> None:
    """Raise the limit of open files to the hard limit; servers inherit it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def reserve_port() -> socket.socket:
    """Reserve a free port of 127.0.0.1 until the returned socket is closed.

    The socket is bound and does not listen. A server can bind the same port with SO_REUSEADDR
    or SO_REUSEPORT; the system does not choose it for a socket that is bound to port 0.
    """
    reservation = socket.socket()
    reservation.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    reservation.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    reservation.bind(("127.0.0.1", 0))
    return reservation


class ServerError(RuntimeError):
    """A server did not start, or has ended; the message has the end of its output."""


class ServerProcess:
    """A server and its children on the first core, until the end of the ``with`` block.

    It has started when it writes ``Listening on http://HOST:PORT``, or, for a server with a
    *reservation* (of `reserve_port`), when it accepts a connection on that port. ``code`` and
    ``output``, the rest of its output, are set when it has ended. ``starting`` is the time
    until it listened, in seconds.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        reservation: socket.socket | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._command = command
        self._reservation = reservation
        self._environment = {**os.environ, **(environment or {})}
        self.code: int | None = None
        self.output = ""

    def __enter__(self) -> Self:
        self._errors = tempfile.TemporaryFile("w+")
        begin = time.monotonic()
        with _pinned(_CORES[0]):  # inherited
            self._process = subprocess.Popen(
                self._command,
                cwd=ROOT,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE if self._reservation is None else self._errors,
                stderr=self._errors,
                text=True,
                start_new_session=True,
            )
        try:
            self.port = self._announced_port() if self._reservation is None else self._opened()
        except BaseException:
            self._kill()
            self.__exit__()
            raise
        self.starting = time.monotonic() - begin
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self.ask_to_stop()
        self.wait()
        self._kill()
        self._errors.close()
        if self._reservation is not None:
            self._reservation.close()

    @property
    def pid(self) -> int:
        return self._process.pid

    def ask_to_stop(self) -> None:
        self._process.send_signal(signal.SIGTERM)

    def wait(self) -> float:
        """Wait until it has ended, and return the seconds; it is killed if that takes too long."""
        begin = time.monotonic()
        if self.code is None:
            try:
                output, _ = self._process.communicate(timeout=_PATIENCE)
            except subprocess.TimeoutExpired:
                self._kill()
                output, _ = self._process.communicate()
            self.output = output or ""
            self.code = self._process.returncode
        return time.monotonic() - begin

    def _kill(self) -> None:
        """Kill all its processes at once, children too."""
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)

    def _announced_port(self) -> int:
        assert self._process.stdout is not None
        ready, _, _ = select.select([self._process.stdout], [], [], _PATIENCE)
        line = self._process.stdout.readline() if ready else ""
        if not line.startswith("Listening on http://"):
            raise self._not_started(line)
        return int(line.split()[2].rpartition(":")[2])

    def _opened(self) -> int:
        """Wait until it accepts a connection on the reserved port."""
        assert self._reservation is not None
        port: int = self._reservation.getsockname()[1]
        end = time.monotonic() + _PATIENCE
        while self._process.poll() is None and time.monotonic() < end:
            with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1.0):
                return port
            time.sleep(0.002)
        raise self._not_started("")

    def _not_started(self, line: str) -> ServerError:
        return ServerError(f"{' '.join(self._command)} did not start: {line}{self.errors()}")

    def errors(self) -> str:
        """The end of its output on stderr."""
        self._errors.seek(0)
        return self._errors.read()[-2000:]

    def processor_time(self) -> float:
        """Seconds of processor time, all processes and threads, user and system."""
        return sum(map(_processor_time, self._processes()))

    def memory(self) -> int:
        """Resident set, in bytes; shared pages count in each process."""
        return self._sum("Rss:")

    def proportional_memory(self) -> int:
        """Proportional set size, in bytes: a shared page counts once in total."""
        return self._sum("Pss:")

    def _sum(self, name: str) -> int:
        files = (Path(f"/proc/{pid}/smaps_rollup") for pid in self._processes())
        lines = (line.split() for file in files for line in file.read_text().splitlines())
        return sum(int(fields[1]) * 1024 for fields in lines if fields[0] == name)

    def _processes(self) -> list[int]:
        """The process and its children: they have the same session (proc(5))."""
        members = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                with suppress(OSError):  # it has ended
                    fields = (entry / "stat").read_text().rpartition(")")[2].split()
                    if int(fields[3]) == self.pid and fields[0] != "Z":
                        members.append(int(entry.name))
        if not members:
            raise ServerError(f"{' '.join(self._command)} has ended: {self.errors()}")
        return members


def _processor_time(pid: int) -> float:
    """The time of clock_getcpuclockid(3), in nanoseconds; /proc/PID/stat has steps of 10 ms."""
    clock = ctypes.c_int()
    if error := _LIBC.clock_getcpuclockid(pid, ctypes.byref(clock)):
        raise OSError(error, os.strerror(error))
    return time.clock_gettime(clock.value)
