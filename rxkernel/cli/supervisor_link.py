"""The link between a supervisor and its child: a socket, which is the child's stdin.

The child writes one line when it listens. End of file means that the other process has ended for
any reason, so a killed supervisor leaves no child behind.
"""

import asyncio
import os
import socket
from typing import Self


class SupervisorLink:
    """The child's side."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def open(cls) -> Self:
        return cls(*await asyncio.open_unix_connection(sock=socket.socket(fileno=os.dup(0))))

    def send_line(self, text: str) -> None:
        """Send one line to the supervisor."""
        self._writer.write(f"{text}\n".encode())

    async def wait_closed(self) -> None:
        """Return when the supervisor has ended."""
        await self._reader.read()

    def close(self) -> None:
        self._writer.close()
