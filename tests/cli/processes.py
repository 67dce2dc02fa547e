"""Real processes: the lines that they write, and requests to their servers."""

import json
import re
import signal
import subprocess
import threading
import time
import urllib.request
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import IO, Any, TypeVar

T = TypeVar("T")

DEADLINE = 60.0
"""Seconds after which a test fails; a test that works takes much less."""


class Process:
    """A started command, and the lines that it has written so far."""

    def __init__(self, command: Sequence[str], directory: Path) -> None:
        self._process = subprocess.Popen(
            command,
            cwd=directory,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.stdout: list[str] = []
        self.stderr: list[str] = []
        self._more = threading.Condition()
        self._readers = [
            self._read(self._process.stdout, self.stdout),
            self._read(self._process.stderr, self.stderr),
        ]

    def _read(self, stream: IO[str] | None, lines: list[str]) -> threading.Thread:
        assert stream is not None

        def read() -> None:
            with stream:
                for line in stream:
                    with self._more:
                        lines.append(line.rstrip("\n"))
                        self._more.notify_all()
            with self._more:
                self._more.notify_all()

        thread = threading.Thread(target=read)
        thread.start()
        return thread

    @property
    def pid(self) -> int:
        return self._process.pid

    def line(self, pattern: str, *, number: int = 1) -> re.Match[str]:
        """Wait for the *number*-th line that contains *pattern*, and return it."""

        def found() -> list[re.Match[str]]:
            lines = [*self.stdout, *self.stderr]
            return [match for line in lines if (match := re.search(pattern, line))]

        with self._more:
            is_there = self._more.wait_for(lambda: len(found()) >= number, DEADLINE)
        assert is_there, f"no {pattern!r} in {self.stdout} {self.stderr}"
        return found()[number - 1]

    def url(self, *, number: int = 1) -> str:
        """Return the URL that the process prints."""
        return self.line(r"^Listening on (http://\S+)", number=number)[1]

    def send(self, *signals: signal.Signals) -> None:
        for one in signals:
            self._process.send_signal(one)

    def send_until_end(self, number: signal.Signals) -> None:
        """Send the signal repeatedly until the process ends: two at once count as one."""

        def ended() -> bool:
            self.send(number)
            return self._process.poll() is not None

        until(ended)

    def code(self) -> int:
        """Wait until the process has ended and all its output is read; return the exit code."""
        code = self._process.wait(DEADLINE)
        for reader in self._readers:
            reader.join(DEADLINE)
        return code

    def kill(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self.code()


def get(url: str, *, method: str = "GET") -> Any:
    """Return the JSON of *url*, over a new connection."""
    request = urllib.request.Request(url, method=method, headers={"Connection": "close"})
    with urllib.request.urlopen(request, timeout=DEADLINE) as response:
        return json.load(response)


def get_in_thread(url: str) -> Future[Any]:
    """Send the request in a thread; return the future of its JSON."""
    threads = ThreadPoolExecutor(1)
    future = threads.submit(get, url)
    threads.shutdown(wait=False)
    return future


def until(condition: Callable[[], T]) -> T:
    """Wait until *condition* returns a true value, and return it; ignore refused connections."""
    end = time.monotonic() + DEADLINE
    while True:
        try:
            if value := condition():
                return value
        except OSError:
            pass
        assert time.monotonic() < end, f"the condition was not true within {DEADLINE} s"
        time.sleep(0.02)
