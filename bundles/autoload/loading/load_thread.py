"""Runs code in a thread, since it may never return."""

import asyncio
import contextvars
import logging
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

from bundles.autoload.loading.load import Load
from rxkernel import ConfigurationError

logger = logging.getLogger(__name__)

_SLOW = 1.0
"""Seconds after which a file that is still being executed is logged."""

_SLOW_FILE = "%s: has not ended after %g s; the limit is %g s (autoload.load_timeout)"


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
        with suppress(RuntimeError):  # the loop is closed, so nothing waits for the result
            loop.call_soon_threadsafe(settle, result, failure)

    context = contextvars.copy_context()
    threading.Thread(target=context.run, args=(run,), name="autoload", daemon=True).start()
    result, failure = await outcome
    if failure is not None:
        raise failure
    return result


async def load_files(load: Load, keys: Iterable[str], timeout: float) -> None:
    """Execute the files *keys*; each file may take *timeout* seconds.

    Raises:
        ConfigurationError: a file has not ended in time. Its thread cannot be stopped.
    """
    load.begun = time.monotonic()
    work = asyncio.ensure_future(run_in_thread(lambda: load.load_files(keys)))
    logged = None
    try:
        while not work.done():
            begun = load.begun
            seconds = time.monotonic() - begun
            if seconds >= timeout:
                load.abandon()
                raise ConfigurationError(
                    f"{load.place()}: has not ended after {timeout:g} s; a file must return when "
                    f"it is executed: move the work into async def start(), or raise "
                    f"autoload.load_timeout. Its thread runs until the process ends"
                )
            if seconds >= _SLOW and logged != begun:
                logged = begun
                logger.info(_SLOW_FILE, load.place(), _SLOW, timeout)
            next_step = timeout if logged == begun else min(_SLOW, timeout)
            await asyncio.wait({work}, timeout=next_step - seconds)
        work.result()
    finally:
        if not work.done():
            load.abandon()
            work.cancel()
