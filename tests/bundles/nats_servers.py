"""A nats-server of a test, on a free port of 127.0.0.1."""

import contextlib
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.ports import reserved_port

_PATIENCE = 20.0


class NatsServer:
    """Starts and stops the process; it keeps its port.

    Args:
        folder: gets the configuration.
        configuration: lines of it, as ``max_payload: 1000``.
    """

    def __init__(self, program: Path, folder: Path, port: int, *configuration: str) -> None:
        self.port = port
        self._program = program
        self._file = folder / f"nats-{port}.conf"
        self._file.write_text("\n".join(configuration))
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"nats://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Return when the server accepts connections."""
        command = [
            *(str(self._program), "--addr", "127.0.0.1", "--port", str(self.port)),
            *("--config", str(self._file)),
        ]
        self._process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL
        )
        assert self._process.stdout is not None
        log = []
        for line in self._process.stdout:
            log.append(line.decode())
            if b"Server is ready" in line:
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


@contextmanager
def running_nats(program: Path, folder: Path, *configuration: str) -> Iterator[NatsServer]:
    with reserved_port() as port, contextlib.ExitStack() as stack:
        server = NatsServer(program, folder, port, *configuration)
        stack.callback(server.kill)
        server.start()
        yield server
