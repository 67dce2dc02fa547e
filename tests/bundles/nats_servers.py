"""A nats-server of a test, on a free port of 127.0.0.1."""

import contextlib
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.ports import reserved_port

_PATIENCE = 20.0


class NatsServer:
    """Starts and stops the process; it keeps its port, and no data."""

    def __init__(self, program: Path, folder: Path, port: int, *options: str) -> None:
        self.port = port
        self.options = list(options)
        self._program = program
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"nats://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Return when the server accepts connections."""
        command = [str(self._program), "--addr", "127.0.0.1", "--port", str(self.port)]
        self._process = subprocess.Popen(
            [*command, *self.options],
            cwd=self._folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
        )
        assert self._process.stderr is not None
        log = []
        for line in self._process.stderr:
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
        assert self._process.stderr is not None
        self._process.stderr.close()
        self._process = None

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Stop the process within the block: it accepts connections and never replies."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)


@contextmanager
def running_nats(program: Path, folder: Path, *options: str) -> Iterator[NatsServer]:
    with reserved_port() as port, contextlib.ExitStack() as stack:
        server = NatsServer(program, folder, port, *options)
        stack.callback(server.kill)
        server.start()
        yield server
