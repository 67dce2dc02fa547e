"""A call in a worker process, compared with `ProcessPoolExecutor`."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from statistics import median

from benchmarks.report import Table
from bundles.tasks import WorkerPool, WorkerPoolSettings

Call = Callable[[], Awaitable[object]]
Work = Callable[[], object]
Measure = Callable[[Call, int], Awaitable[float]]

_SIZE = 2
_MEGABYTE = b"x" * 1_000_000


def empty() -> None:
    """The work of a call without work."""


def same(data: bytes) -> bytes:
    return data


async def _one_by_one(call: Call, calls: int) -> float:
    begin = time.perf_counter()
    for _ in range(calls):
        await call()
    return (time.perf_counter() - begin) / calls


async def _together(call: Call, calls: int) -> float:
    begin = time.perf_counter()
    await asyncio.gather(*(call() for _ in range(calls)))
    return (time.perf_counter() - begin) / calls


async def worker_pool(*, rounds: int = 15, calls: int = 1000) -> Table:
    settings = WorkerPoolSettings(size=_SIZE, queue_size=calls, queue_timeout=60.0)
    loop = asyncio.get_running_loop()
    with ProcessPoolExecutor(_SIZE, get_context("spawn")) as executor:
        async with WorkerPool(settings) as pool:
            calls_of_megabytes = max(calls // 20, 1)
            works: dict[str, tuple[Measure, int, Work]] = {
                "an empty function, one call at a time": (_one_by_one, calls, empty),
                "an empty function, all calls at once": (_together, calls, empty),
                "1 MB there and back": (
                    _one_by_one,
                    calls_of_megabytes,
                    partial(same, _MEGABYTE),
                ),
            }
            taken: dict[str, list[tuple[float, float]]] = {name: [] for name in works}
            for _ in range(rounds + 1):
                for name, (measure, number, work) in works.items():
                    ours = await measure(partial(pool.run, work), number)
                    run = partial(loop.run_in_executor, executor, work)
                    taken[name].append((ours, await measure(run, number)))
    table = Table(
        "Calls in worker processes",
        {"call": "", "WorkerPool, µs": ".0f", "ProcessPoolExecutor, µs": ".0f", "ratio": ".2f"},
        f"Medians of {rounds} interleaved rounds of {calls} calls, {_SIZE} processes each.",
    )
    for name, pairs in taken.items():
        measured = pairs[1:]  # the first round starts the processes
        mine, others = median(one for one, _ in measured), median(other for _, other in measured)
        table.add(name, mine * 1e6, others * 1e6, median(one / other for one, other in measured))
    return table
