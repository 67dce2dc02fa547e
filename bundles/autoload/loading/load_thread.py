"""Runs code that may never return in a thread."""

import asyncio
import contextvars
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from bundles.autoload.loading.load import Load
from rxkernel import ConfigurationError


async def run_in_thread(work: Callable[[], Any]) -> Any:
    """Return the result of *work*, called in a daemon thread with a copy of the context.

    A thread that never ends does not keep the process alive.
    """
    loop = asyncio.get_running_loop()
    outcome: asyncio.Future[tuple[Any, BaseException | None]] = loop.create_future()

    def settle(result: Any, failure: BaseException | None) -> None:
        if not outcome.done():
            outcome.set_result((result, failure))

    def run() -> None:
        result, failure = None, None
        try:
            result = work()
        except BaseException as exc:  # noqa: BLE001 - raised below, where it is awaited
            failure = exc
        with suppress(RuntimeError):  # the loop is closed, so nothing waits any more
            loop.call_soon_threadsafe(settle, result, failure)

    context = contextvars.copy_context()
    threading.Thread(target=context.run, args=(run,), name="autoload", daemon=True).start()
    result, failure = await outcome
    if failure is not None:
        raise failure
    return result


async def load_places(load: Load, places: tuple[str, ...], timeout: float) -> None:
    """Execute the files of *places*; one file may take *timeout* seconds.

    Raises:
        ConfigurationError: a file has not ended in time. Its thread cannot be stopped.
    """
    work = asyncio.ensure_future(run_in_thread(lambda: load.load_places(places)))
    try:
        while not work.done():
            left = load.begun + timeout - time.monotonic()
            if left <= 0:
                place = load.abandon()
                raise ConfigurationError(
                    f"{place}: has not ended after {timeout:g} s; a file must return when it is "
                    f"executed: move the work into async def start(), or raise "
                    f"autoload.load_timeout. Its thread runs until the process ends"
                )
            await asyncio.wait({work}, timeout=left)
        work.result()
    finally:
        if not work.done():
            load.abandon()
            work.cancel()
