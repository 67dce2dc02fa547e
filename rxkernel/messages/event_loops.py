"""Checks that connections are used in their event loop."""

import asyncio

from rxkernel.exceptions import RxKernelError


def check_event_loop(loop: asyncio.AbstractEventLoop | None, what: str) -> None:
    """Check that the caller runs in *loop*; None means that the connections have no loop yet.

    A packet that is sent from another loop would be delayed or lost: nothing wakes the loop that
    writes it.

    Raises:
        RxKernelError: the caller runs in another loop, for example in that of a thread.
    """
    if loop is not None and asyncio.get_running_loop() is not loop:
        raise RxKernelError(
            f"{what} was called outside of the event loop of the application; in a thread call "
            f"Broadcaster.emit_threadsafe(), or asyncio.run_coroutine_threadsafe() with that loop"
        )
