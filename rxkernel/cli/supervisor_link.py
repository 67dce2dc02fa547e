"""The link between a supervisor and its child: a socket, which is the child's stdin.

The child writes one line when it listens, a JSON object. End of file means that the other process
has ended for any reason, so a killed supervisor leaves no child behind.
"""

import asyncio
import json
import os
import socket
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Self


class SupervisorLink:
    """The child's side."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def open(cls) -> Self:
        return cls(*await asyncio.open_unix_connection(sock=socket.socket(fileno=os.dup(0))))

    def send_listening(self, urls: str, live_directories: Iterable[Path]) -> None:
        """Report to the supervisor where the child listens, and which changes it loads itself."""
        directories = [str(directory.resolve()) for directory in live_directories]
        line = json.dumps({"urls": urls, "live_directories": directories})
        self._writer.write(f"{line}\n".encode())

    async def wait_closed(self) -> None:
        """Return when the supervisor has ended."""
        with suppress(ConnectionError):  # it has ended before it read what was sent
            await self._reader.read()

    def close(self) -> None:
        self._writer.close()
