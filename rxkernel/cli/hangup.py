"""Handles SIGHUP, which requests to read files again, or reports the end of the terminal."""

import asyncio
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_TERMINAL = "/dev/tty"
"""The terminal of the process; opening it fails without a terminal, or after its end."""


@contextmanager
def on_hangup(
    call: Callable[[], object], *, terminal_closed: Callable[[], object]
) -> Iterator[None]:
    """Call *call* for each SIGHUP inside the block, or *terminal_closed* if the terminal of the
    process was closed. SIGHUP does not end the process.

    A process that ignores SIGHUP, such as one started with ``nohup``, survives its terminal.
    """
    is_kept = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    had_terminal = not is_kept and _has_terminal()

    def hang_up() -> None:
        if had_terminal and not _has_terminal():
            terminal_closed()
        else:
            call()

    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGHUP, hang_up)
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGHUP)
        if is_kept:
            signal.signal(signal.SIGHUP, signal.SIG_IGN)


def _has_terminal() -> bool:
    try:
        os.close(os.open(_TERMINAL, os.O_RDONLY | os.O_NOCTTY))
    except OSError:
        return False
    return True
