"""Makes several calls concurrently."""

import asyncio
from collections.abc import Coroutine, Iterable, Mapping
from typing import Any

from bundles.gateway.broker.call_options import CallItem

_KNOWN = CallItem.__annotations__.keys()


def items_of(calls: Iterable[CallItem] | Mapping[str, CallItem]) -> list[CallItem]:
    """Return the items of *calls*.

    Raises:
        TypeError: an item has no action, an unknown key, or options that are not a mapping.
    """
    items = list(calls.values() if isinstance(calls, Mapping) else calls)
    for item in items:
        if not _is_call(item):
            raise TypeError(
                f"a call of mcall is {{'action': …, 'params': …, 'options': …}}, of which only "
                f"'action' is needed; not {item!s:.200}"
            )
    return items


def _is_call(item: CallItem) -> bool:
    has_action = isinstance(item.get("action"), str) and item.keys() <= _KNOWN
    return has_action and isinstance(item.get("options", {}), Mapping)


async def results_of(calls: Iterable[Coroutine[Any, Any, Any]], *, settled: bool) -> list[Any]:
    """Run each of *calls* in a separate task, wait until all have ended, and return the results.

    The first exception is raised, and the other calls are cancelled. With *settled*, exceptions
    are returned like results.
    """
    tasks = [asyncio.create_task(call) for call in calls]
    if not tasks:
        return []
    try:
        when = asyncio.ALL_COMPLETED if settled else asyncio.FIRST_EXCEPTION
        await asyncio.wait(tasks, return_when=when)
        if settled:
            return [task.exception() or task.result() for task in tasks]
        failed = (task for task in tasks if task.done() and task.exception() is not None)
        if (first := next(failed, None)) is not None:
            first.result()  # raises its exception
        return [task.result() for task in tasks]
    finally:
        await _cancel(tasks)


async def _cancel(tasks: "Iterable[asyncio.Task[Any]]") -> None:
    late = [task for task in tasks if not task.done()]
    for task in late:
        task.cancel()
    if late:
        await asyncio.gather(*late, return_exceptions=True)
