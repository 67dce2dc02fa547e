"""Scheduled tasks that are not due: memory and CPU."""

import asyncio
import gc
import time
import tracemalloc

from benchmarks.report import Table
from bundles.tasks import TASKS, Scheduler, TasksBundle, TasksSettings
from rxkernel import Application, HttpSettings, Settings, SocketioSettings, procedure


class Jobs:
    @procedure("nothing", TASKS)
    async def nothing(self, day: int) -> None:
        """Never due while it is measured."""


async def schedules(*, entries: tuple[int, ...] = (0, 10_000), seconds: float = 60.0) -> Table:
    table = Table(
        "Scheduled tasks that are not due",
        {"tasks": ",", "KiB each": ".2f", "CPU, ms per second": ".3f", "of one core": ".4%"},
        f"Each number for {seconds:g} s, with the servers started. Half of the tasks have an "
        f"interval, half a cron expression. Store: memory.",
    )
    for number in entries:
        table.add(number, *await _measure(number, seconds))
    return table


async def _measure(number: int, seconds: float) -> tuple[float, float, float]:
    application = Application(
        bundles=[TasksBundle],
        controllers=[Jobs],
        settings=Settings(
            http=HttpSettings(port=0),
            socketio=SocketioSettings(enabled=False),
            bundles={"tasks": TasksSettings(store="memory")},
        ),
    )
    await application.start()
    try:
        scheduler = application.injector.get(Scheduler)
        gc.collect()
        tracemalloc.start()
        for _ in range(number // 2):
            await scheduler.add("nothing", every="1d", params={"day": 1})
            await scheduler.add("nothing", cron="0 3 1 1 *", params={"day": 1})
        gc.collect()
        size = tracemalloc.get_traced_memory()[0]
        tracemalloc.stop()
        begin = time.process_time()
        await asyncio.sleep(seconds)
        used = time.process_time() - begin
    finally:
        await application.stop()
    return size / 1024 / max(number, 1), 1000 * used / seconds, used / seconds
