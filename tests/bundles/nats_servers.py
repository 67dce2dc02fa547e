"""A nats-server of a test, on a free port of 127.0.0.1."""

from contextlib import AbstractContextManager
from pathlib import Path

from tests.bundles.server_process import ServerProcess, running


class NatsServer(ServerProcess):
    """
    Args:
        folder: gets the configuration.
        configuration: lines of it, as ``max_payload: 1000``.
    """

    ready = b"Server is ready"

    def __init__(self, program: Path, folder: Path, port: int, *configuration: str) -> None:
        super().__init__(port)
        self._program = program
        self._file = folder / f"nats-{port}.conf"
        self._file.write_text("\n".join(configuration))

    @property
    def url(self) -> str:
        return f"nats://127.0.0.1:{self.port}"

    def command_line(self) -> list[str]:
        return [
            *(str(self._program), "--addr", "127.0.0.1", "--port", str(self.port)),
            *("--config", str(self._file)),
        ]


def running_nats(
    program: Path, folder: Path, *configuration: str
) -> AbstractContextManager[NatsServer]:
    return running(lambda port: NatsServer(program, folder, port, *configuration))
