"""The process of a server of a test, on a free port of 127.0.0.1."""

import contextlib
import os
import signal
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import ClassVar, TypeVar

from tests.ports import reserved_port

PATIENCE = 20.0

S = TypeVar("S", bound="ServerProcess")


class ServerProcess(ABC):
    """Starts and stops the process; it keeps its port.

    Attributes:
        ready: what it writes when it accepts connections.
    """

    ready: ClassVar[bytes]

    def __init__(self, port: int) -> None:
        self.port = port
        self._process: subprocess.Popen[bytes] | None = None

    @abstractmethod
    def command_line(self) -> list[str]:
        """The program and its arguments."""

    def start(self) -> None:
        """Return when the server accepts connections."""
        self._process = subprocess.Popen(
            self.command_line(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
        )
        assert self._process.stdout is not None
        log = []
        for line in self._process.stdout:
            log.append(line.decode())
            if self.ready in line:
                return
        raise AssertionError("".join(log))

    def kill(self) -> None:
        """End the process at once, as a crash does; does nothing if it does not run."""
        if self._process is None:
            return
        self._process.kill()
        self._process.wait(PATIENCE)
        assert self._process.stdout is not None
        self._process.stdout.close()
        self._process = None

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Stop the process within the block: it accepts connections and never replies."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, self._process.pid, os.WSTOPPED | os.WNOWAIT)  # all its threads
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)


@contextmanager
def running(server_on: Callable[[int], S]) -> Iterator[S]:
    """Run the server that *server_on* makes for a free port."""
    with reserved_port() as port, contextlib.ExitStack() as stack:
        server = server_on(port)
        stack.callback(server.kill)
        server.start()
        yield server
