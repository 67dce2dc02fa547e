"""Servers as processes of their own: pinned to a core, their processor time and memory read."""

import os
import resource
import select
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from time import monotonic
from typing import Self

ROOT = Path(__file__).parent.parent

_CORES = sorted(os.sched_getaffinity(0))
_TICKS = os.sysconf("SC_CLK_TCK")

_PATIENCE = 30.0
"""Seconds for a start and for an end."""


@contextmanager
def _pinned(core: int) -> Iterator[None]:
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def client_core() -> AbstractContextManager[None]:
    """Keep this process off the core of the servers, where there are two."""
    return _pinned(_CORES[-1])


def machine_time() -> float:
    """Seconds of processor time that anything on this machine has taken (proc(5))."""
    user, nice, system, _, _, irq, softirq = Path("/proc/stat").read_text().split()[1:8]
    return sum(map(int, (user, nice, system, irq, softirq))) / _TICKS


def raise_file_limit() -> None:
    """Allow as many connections as the system lets us; servers inherit it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


class ServerProcess:
    """A server on the first core, from its start until the end of the ``with``.

    It says ``Listening on http://HOST:PORT`` first. ``code`` and ``output``, all else that it
    wrote, are there once it has ended.
    """

    def __init__(self, command: Sequence[str]) -> None:
        self._command = command
        self.code: int | None = None
        self.output = ""

    def __enter__(self) -> Self:
        self._errors = tempfile.TemporaryFile("w+")
        with _pinned(_CORES[0]):  # inherited
            self._process = subprocess.Popen(
                self._command,
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                text=True,
            )
        try:
            self.port = self._announced_port()
        except BaseException:
            self._process.kill()
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self.ask_to_stop()
        self.wait()
        self._errors.close()

    @property
    def pid(self) -> int:
        return self._process.pid

    def ask_to_stop(self) -> None:
        self._process.send_signal(signal.SIGTERM)

    def wait(self) -> float:
        """Seconds until it has ended; it is killed when that takes too long."""
        begin = monotonic()
        if self.code is None:
            try:
                self.output, _ = self._process.communicate(timeout=_PATIENCE)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self.output, _ = self._process.communicate()
            self.code = self._process.returncode
        return monotonic() - begin

    def _announced_port(self) -> int:
        assert self._process.stdout is not None
        ready, _, _ = select.select([self._process.stdout], [], [], _PATIENCE)
        line = self._process.stdout.readline() if ready else ""
        if not line.startswith("Listening on http://"):
            raise RuntimeError(f"{' '.join(self._command)} did not start: {line}{self.errors()}")
        return int(line.split()[2].rpartition(":")[2])

    def errors(self) -> str:
        """The end of what it wrote to stderr."""
        self._errors.seek(0)
        return self._errors.read()[-2000:]

    def processor_time(self) -> float:
        """Seconds of processor time, all threads, user and system (proc(5))."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS

    def memory(self) -> int:
        """Resident set, in bytes."""
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
        raise RuntimeError(f"process {self.pid} has ended: {self.errors()}")
