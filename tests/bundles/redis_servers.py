"""A redis-server of a test, on a free port of 127.0.0.1."""

import contextlib
import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.ports import reserved_port

_PATIENCE = 20.0


class RedisServer:
    """Starts and stops the process; it keeps its port, and no data."""

    def __init__(self, program: Path, folder: Path, port: int, *options: str) -> None:
        self.port = port
        self.options = list(options)
        self._program = program
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Return when the server accepts connections."""
        command = [
            *(str(self._program), "--port", str(self.port), "--bind", "127.0.0.1"),
            *("--save", "", "--dir", str(self._folder), *self.options),
        ]
        self._process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL
        )
        assert self._process.stdout is not None
        log = []
        for line in self._process.stdout:
            log.append(line.decode())
            if b"Ready to accept connections" in line:
                return
        raise AssertionError("".join(log))

    def kill(self) -> None:
        """End the process at once, as a crash does; does nothing if it does not run."""
        if self._process is None:
            return
        self._process.kill()
        self._process.wait(_PATIENCE)
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

    def command(self, *words: str) -> str:
        """Send one command, and return the first line of the reply."""
        with socket.create_connection(("127.0.0.1", self.port), _PATIENCE) as client:
            parts = (f"${len(word.encode())}\r\n{word}\r\n" for word in words)
            client.sendall(f"*{len(words)}\r\n{''.join(parts)}".encode())
            with client.makefile("rb") as replies:
                return replies.readline().decode().strip()


@contextmanager
def running_redis(program: Path, folder: Path, *options: str) -> Iterator[RedisServer]:
    with reserved_port() as port, contextlib.ExitStack() as stack:
        server = RedisServer(program, folder, port, *options)
        stack.callback(server.kill)
        server.start()
        yield server
