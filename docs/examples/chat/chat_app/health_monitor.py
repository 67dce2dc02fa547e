"""`HealthMonitor`: how the process and its database are."""

import resource
import sys
from pathlib import Path
from time import monotonic, process_time
from typing import Any

from injector import inject

from bundles.realtime import AppHandle, IOServerError, Manager
from chat_app.database import Database
from chat_app.message import now
from chat_app.options import ChatOptions
from chat_app.statistics import Statistics


class HealthMonitor(Manager):
    """
    Attributes:
        latest: the last sample; None before the first one.
    """

    @inject
    def __init__(
        self,
        app_handle: AppHandle,
        database: Database,
        statistics: Statistics,
        options: ChatOptions,
    ) -> None:
        super().__init__(app_handle)
        self.latest: dict[str, Any] | None = None
        self._database = database
        self._statistics = statistics
        self._options = options
        self._last: tuple[float, float] | None = None

    async def sample(self) -> dict[str, Any]:
        """Measure; the use of the CPU is that since the last sample, and 0 in the first one."""
        try:
            ping = round(await self._database.ping(), 3)
        except IOServerError:
            ping = None
        memory = round(resident_memory() / 1_000_000, 1)
        cpu = self._cpu_percent()
        is_busy = memory > self._options.most_memory or cpu > self._options.most_cpu
        self.latest = {
            "status": "error" if ping is None else "warning" if is_busy else "ok",
            "timestamp": now(),
            "memoryMb": memory,
            "cpuPercent": cpu,
            "databaseMs": ping,
            **self._statistics.current(),
        }
        return self.latest

    def _cpu_percent(self) -> float:
        last, self._last = self._last, (process_time(), monotonic())
        if last is None:
            return 0.0
        used, passed = self._last[0] - last[0], self._last[1] - last[1]
        return round(100 * used / passed, 1) if passed else 0.0


def resident_memory() -> int:
    """Return the bytes of this process that are in memory; on a system without ``/proc``, the
    most that there were."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except OSError:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else peak * 1024
    return pages * resource.getpagesize()
