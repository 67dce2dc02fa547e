"""Connections belong to one event loop."""

import asyncio

from rxkernel.exceptions import RxKernelError


def check_event_loop(loop: asyncio.AbstractEventLoop | None, what: str) -> None:
    """Check that the caller runs in *loop*; None: the connections have no loop yet.

    In another one a packet would be sent late, or never: nothing wakes the loop that writes it.

    Raises:
        RxKernelError: it runs in another one, that of a thread for example.
    """
    if loop is not None and asyncio.get_running_loop() is not loop:
        raise RxKernelError(
            f"{what} is called outside of the event loop of the application; in a thread call "
            f"Broadcaster.emit_threadsafe(), or asyncio.run_coroutine_threadsafe() with that loop"
        )
