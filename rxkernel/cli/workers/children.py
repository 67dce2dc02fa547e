"""Serving processes, started and watched by a supervisor."""

import asyncio
import json
import signal
import socket
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

from rxkernel.cli.workers.supervisor_link import MAX_LINE


class Child:
    """``python -m rxkernel`` with a link to its supervisor, in a separate process group.

    Because of the group, a terminal sends Ctrl-C to the supervisor only, which stops the child.

    Attributes:
        live_directories: the directories whose changes it loads itself, once it listens.
    """

    def __init__(
        self,
        process: asyncio.subprocess.Process,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        self._process = process
        self._reader = reader
        self._writer = writer
        self.stop_requested = False
        self.live_directories: tuple[Path, ...] = ()
        self._is_listening = False

    @classmethod
    async def start(cls, arguments: Sequence[str], inherited: Sequence[int] = ()) -> Self:
        ours, theirs = socket.socketpair()
        try:
            with theirs:
                process = await asyncio.create_subprocess_exec(
                    sys.executable,
                    "-m",
                    "rxkernel",
                    *arguments,
                    stdin=theirs.fileno(),
                    process_group=0,
                    pass_fds=inherited,
                )
        except BaseException:
            ours.close()
            raise
        return cls(process, *await asyncio.open_unix_connection(sock=ours, limit=MAX_LINE))

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def is_running(self) -> bool:
        return self._process.returncode is None

    @property
    def failed(self) -> bool:
        """Whether it exited with an error. SIGTERM may arrive before its handler is installed."""
        return self._process.returncode not in (0, -signal.SIGTERM)

    async def listening(self) -> str:
        """Wait until it listens, and return its URLs, or "" if it has ended."""
        line = b""
        with suppress(ConnectionError):
            line = await self._reader.readline()
        self._is_listening = line.endswith(b"\n")
        if not self._is_listening:
            return ""
        report = json.loads(line)
        self.live_directories = tuple(map(Path, report["live_directories"]))
        return str(report["urls"])

    async def follow(
        self, receive: Callable[[Mapping[str, Any]], Mapping[str, Any] | None]
    ) -> None:
        """Call *receive* with each further report, and send back its result; return when the child
        has ended."""
        with suppress(ConnectionError):
            while (line := await self._reader.readline()).endswith(b"\n"):
                if (response := receive(json.loads(line))) is not None:
                    self._writer.write(f"{json.dumps(response)}\n".encode())

    async def ended(self) -> int:
        """Wait for its end, and return the exit code; ``-n`` for signal n."""
        return await self._process.wait()

    async def wait(self) -> int:
        """Wait for its end, close the link, and return the exit code."""
        code = await self.ended()
        self._writer.close()
        return code

    def stop(self) -> None:
        """Send SIGTERM only once, because a second one would abort its requests."""
        if not self.stop_requested:
            self.stop_requested = True
            self._send(signal.SIGTERM)

    def kill(self) -> None:
        self._send(signal.SIGKILL)

    def hang_up(self) -> None:
        """Send SIGHUP if it listens; before that, the signal would end it."""
        if self._is_listening:
            self._send(signal.SIGHUP)

    def _send(self, number: signal.Signals) -> None:
        if self._process.returncode is None:
            with suppress(ProcessLookupError):
                self._process.send_signal(number)


class Children:
    """All children of a supervisor, to be stopped or killed together."""

    def __init__(self) -> None:
        self._all: set[Child] = set()
        self._stop_requested = False

    async def start(self, arguments: Sequence[str], inherited: Sequence[int] = ()) -> Child:
        """Start a child, which also inherits the descriptors *inherited*; stop it at once if
        `stop` was called before."""
        child = await Child.start(arguments, inherited)
        self._all.add(child)
        if self._stop_requested:
            child.stop()
        return child

    async def wait(self, child: Child) -> int:
        """Wait for the end of *child*, and return its exit code."""
        code = await child.wait()
        self._all.discard(child)
        return code

    def stop(self) -> None:
        self._stop_requested = True
        for child in self._all:
            child.stop()

    def kill(self) -> None:
        for child in tuple(self._all):
            child.kill()

    def hang_up(self) -> None:
        for child in self._all:
            child.hang_up()
