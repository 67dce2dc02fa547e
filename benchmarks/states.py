"""The bundle `state`: reads, and two processes that change it over Redis."""

import asyncio
import sys
import time
import uuid
from statistics import median
from typing import Any

from benchmarks.buses import running_redis
from benchmarks.report import Table
from bundles.redis import RedisBundle, RedisSettings
from bundles.state import State, StateBundle, StateSettings, Transaction
from rxkernel import Application, HttpSettings, Settings

_BURST = 100
"""Increments of one iteration of the event loop."""


async def states(*, reads: int = 1_000_000, times: int = 50_000, calls: int = 500) -> Table:
    """The other process does what the value at ``order`` says."""
    table = Table(
        "State of two processes",
        {"what": "", "value": ",.1f", "unit": ""},
        f"{times:,} increments of each process, {calls:,} transactions in each row, "
        f"one Redis on the same machine. With contention both processes change one value.",
    )
    with running_redis() as redis:
        url, prefix = f"redis://127.0.0.1:{redis.port}/0", uuid.uuid4().hex
        async with _application(url, prefix) as application:
            state = application.injector.get(State)
            other = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "benchmarks.states", url, prefix, str(times), str(calls))
            )
            try:
                await _reached(state, "ready", 1)
                table.add("read", _read(state, reads), "ns")
                table.add("increments", await _increments(state, times), "per second")
                table.add("to a subscriber and back", await _there_and_back(state, calls), "ms")
                table.add("transactions", await _alone(state, calls), "per second")
                table.add("with contention", await _contended(state, calls), "per second")
                state.set("order", "end")
                await state.flush()
                await other.wait()
            finally:
                if other.returncode is None:
                    other.kill()
                    await other.wait()
    return table


def _application(url: str, prefix: str) -> Application:
    bundles = {
        "redis": RedisSettings(url=url, prefix=prefix),
        "state": StateSettings(store="redis"),
    }
    return Application(
        bundles=[RedisBundle, StateBundle],
        settings=Settings(http=HttpSettings(port=0), bundles=bundles),
    )


async def _reached(state: State, path: str, value: Any) -> None:
    done = asyncio.Event()
    watcher = state.subscribe(path, lambda path, now, _: done.set() if now == value else None)
    if state.get(path) != value:
        await done.wait()
    watcher.cancel()


def _read(state: State, times: int) -> float:
    get = state.get
    begin = time.perf_counter()
    for _ in range(times):
        get("ready")
    return (time.perf_counter() - begin) / times * 1e9


async def _increment(state: State, times: int) -> None:
    for number in range(times):
        state.increment("count")
        if number % _BURST == 0:
            await asyncio.sleep(0)


async def _increments(state: State, times: int) -> float:
    begin = time.perf_counter()
    state.set("order", "count")
    await _increment(state, times)
    await _reached(state, "count", 2 * times)
    return 2 * times / (time.perf_counter() - begin)


async def _there_and_back(state: State, times: int) -> float:
    delays = []
    for number in range(1, times + 1):
        begin = time.perf_counter()
        state.set("there", number)
        await _reached(state, "back", number)
        delays.append(time.perf_counter() - begin)
    return median(delays) * 1e3


async def _add(t: Transaction) -> None:
    t.set("sum", t.get("sum", 0) + 1)


async def _transact(state: State, calls: int) -> None:
    for _ in range(calls):
        await state.transact(_add)


async def _alone(state: State, calls: int) -> float:
    begin = time.perf_counter()
    await _transact(state, calls)
    return calls / (time.perf_counter() - begin)


async def _contended(state: State, calls: int) -> float:
    before = state.get("sum")
    begin = time.perf_counter()
    state.set("order", "transact")
    await _transact(state, calls // 2)
    await _reached(state, "sum", before + calls // 2 * 2)
    return calls / (time.perf_counter() - begin)


async def _serve(url: str, prefix: str, times: int, calls: int) -> None:
    orders: asyncio.Queue[str] = asyncio.Queue()
    async with _application(url, prefix) as application:
        state = application.injector.get(State)
        state.subscribe("order", lambda path, order, _: orders.put_nowait(order))
        state.subscribe("there", lambda path, number, _: state.set("back", number))
        state.set("ready", 1)
        while (order := await orders.get()) != "end":
            if order == "count":
                await _increment(state, times)
            else:
                await _transact(state, calls // 2)


if __name__ == "__main__":
    asyncio.run(_serve(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])))
