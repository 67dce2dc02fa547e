"""Messages to systemd: the protocol of sd_notify(3), datagrams of lines ``NAME=value``."""

import asyncio
import logging
import os
import socket
import time
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from types import TracebackType
from typing import Self

logger = logging.getLogger(__name__)


class ServiceManager:
    """Reports the state of this process to the service manager that has started it, if any.

    While it is entered, the event loop sends ``WATCHDOG=1`` twice per interval, so that systemd
    notices a blocked loop. The variables are removed from *environment*, so that processes which
    this one starts do not report.
    """

    def __init__(self, environment: MutableMapping[str, str] | None = None) -> None:
        variables = os.environ if environment is None else environment
        self._address = _address(variables.pop("NOTIFY_SOCKET", ""))
        pid = variables.pop("WATCHDOG_PID", str(os.getpid()))
        interval = variables.pop("WATCHDOG_USEC", "")
        is_watched = interval.isdecimal() and pid == str(os.getpid())
        self._interval = int(interval) / 2_000_000 if is_watched else 0.0
        self._next: asyncio.TimerHandle | None = None
        self._is_ready = False

    def ready(self, status: str) -> None:
        """Report that the start is complete; *status* is shown by ``systemctl status``."""
        self._is_ready = True
        self._send("READY=1", f"STATUS={status}")

    def stopping(self) -> None:
        self._is_ready = False
        self._send("STOPPING=1", "STATUS=Stopping")

    @contextmanager
    def reloading(self) -> Iterator[None]:
        """Report that files are read again inside the block, and that the process is ready after
        it, even after an error. Before `ready` and after `stopping` it reports nothing."""
        if self._is_ready:
            self._send("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")
        try:
            yield
        finally:
            if self._is_ready:
                self._send("READY=1")

    def __enter__(self) -> Self:
        if self._address is not None and self._interval:
            self._beat()
        return self

    def _beat(self) -> None:
        self._send("WATCHDOG=1")
        self._next = asyncio.get_running_loop().call_later(self._interval, self._beat)

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        if self._next is not None:
            self._next.cancel()

    def _send(self, *lines: str) -> None:
        """Send *lines*; an error is only logged, because serving does not depend on it."""
        if self._address is None:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as connection:
                connection.setblocking(False)
                connection.sendto("\n".join(lines).encode(), self._address)
        except OSError as exc:
            logger.warning("%s was not sent to the service manager: %s", lines[0], exc)


def _address(text: str) -> str | None:
    """The address of the socket; ``@`` begins an abstract one. None for other kinds of address."""
    if text.startswith("@"):
        return f"\0{text[1:]}"
    return text if text.startswith("/") else None
