"""The link between a supervisor and its child: a socket, which is the child's stdin.

Both send lines, each a JSON object. The first line of the child reports that it listens. End of
file means that the other process has ended for any reason, so no child survives a killed
supervisor.
"""

import asyncio
import json
import os
import socket
from collections import deque
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

MAX_LINE = 4 * 1024 * 1024
"""Limit of a line in bytes. The line with the reports of all workers is the longest."""


class SupervisorLink:
    """The child's side."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._asked: deque[asyncio.Future[Any]] = deque()

    @classmethod
    async def open(cls) -> Self:
        end = socket.socket(fileno=os.dup(0))
        return cls(*await asyncio.open_unix_connection(sock=end, limit=MAX_LINE))

    def send_listening(self, urls: str, live_directories: Iterable[Path]) -> None:
        """Report the URLs of the child, and the directories whose changes it loads itself."""
        directories = [str(directory.resolve()) for directory in live_directories]
        self._send({"urls": urls, "live_directories": directories})

    def send_report(self, report: Mapping[str, Any]) -> None:
        """Send the figures of the child."""
        self._send({"report": report})

    async def ask(self, report: Mapping[str, Any]) -> Any:
        """Send *report*, and return the reports of all workers, see `MergedReports`."""
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._asked.append(future)
        self._send({"report": report, "ask": True})
        return await future

    def _send(self, message: Mapping[str, Any]) -> None:
        self._writer.write(f"{json.dumps(message)}\n".encode())

    async def wait_closed(self) -> None:
        """Receive the responses to `ask`; return when the supervisor has ended."""
        with suppress(ConnectionError):  # it has ended before it read all data
            while line := await self._reader.readline():
                future = self._asked.popleft()
                if not future.done():
                    future.set_result(json.loads(line))

    def close(self) -> None:
        self._writer.close()
