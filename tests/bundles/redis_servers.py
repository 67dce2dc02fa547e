"""A redis-server of a test, on a free port of 127.0.0.1."""

import socket
from contextlib import AbstractContextManager
from pathlib import Path

from tests.bundles.server_process import PATIENCE, ServerProcess, running


class RedisServer(ServerProcess):
    """It keeps no data."""

    ready = b"Ready to accept connections"

    def __init__(self, program: Path, folder: Path, port: int, *options: str) -> None:
        super().__init__(port)
        self.options = list(options)
        self._program = program
        self._folder = folder

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def command_line(self) -> list[str]:
        return [
            *(str(self._program), "--port", str(self.port), "--bind", "127.0.0.1"),
            *("--save", "", "--dir", str(self._folder), *self.options),
        ]

    def command(self, *words: str) -> str:
        """Send one command, and return the first line of the reply."""
        with socket.create_connection(("127.0.0.1", self.port), PATIENCE) as client:
            parts = (f"${len(word.encode())}\r\n{word}\r\n" for word in words)
            client.sendall(f"*{len(words)}\r\n{''.join(parts)}".encode())
            with client.makefile("rb") as replies:
                return replies.readline().decode().strip()


def running_redis(
    program: Path, folder: Path, *options: str
) -> AbstractContextManager[RedisServer]:
    return running(lambda port: RedisServer(program, folder, port, *options))
