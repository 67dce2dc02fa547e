"""Runs many calls at the same time."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Iterator

logger = logging.getLogger(__name__)

_MOST = 100
"""Calls that run at the same time."""


async def run_all(calls: Iterable[Callable[[], Awaitable[object]]]) -> None:
    """Run *calls*, at most a hundred at the same time. Each one runs, even if others fail.

    Raises:
        Exception: the first one that a call has raised. Others are logged.
    """
    waiting = list(calls)
    rest = iter(waiting)
    failures: list[Exception] = []
    workers = (_work(rest, failures) for _ in range(min(len(waiting), _MOST)))
    await asyncio.gather(*workers)
    for failure in failures[1:]:
        logger.error("a further call of the same group failed", exc_info=failure)
    if failures:
        raise failures[0]


async def _work(
    calls: Iterator[Callable[[], Awaitable[object]]], failures: list[Exception]
) -> None:
    for call in calls:
        try:
            await call()
        except Exception as exc:  # noqa: BLE001 - `run_all` raises or logs it
            failures.append(exc)
