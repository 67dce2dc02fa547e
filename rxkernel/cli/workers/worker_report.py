"""The reports of a worker to its supervisor: its figures, and whether it has reached a limit."""

import asyncio
import os
import random
import time
from collections.abc import Callable, Mapping
from typing import Any

from rxkernel.application.health_details import figures_of, resident_memory
from rxkernel.cli.shared_applications import Served, applications_of
from rxkernel.cli.workers.supervisor_link import SupervisorLink
from rxkernel.exceptions import ConfigurationError
from rxkernel.settings import WorkersSettings

INTERVAL = 1.0
"""Seconds between two reports."""

_SPREAD = 0.2
"""The largest part of ``workers.max_requests`` by which the limit of a worker is lowered."""

_PATIENCE = 0.5
"""Seconds to wait for the response of the supervisor; a probe waits for one second."""


class WorkerReports:
    """Sends the reports of this process.

    Raises:
        ConfigurationError: the process needs more memory than ``workers.max_memory`` before its
            first request, or the system does not report its memory.
    """

    def __init__(self, served: Served, link: SupervisorLink) -> None:
        applications = applications_of(served)
        self._parts = {one.shared_name or "": (one.kernel, one.servers) for one in applications}
        self._link = link
        self._limits = WorkerLimits(served.settings.workers)
        self._started = time.monotonic()
        self._limits.check(resident_memory())
        self.is_needed = self._limits.has_any or any(
            one.settings.health_details for one in applications
        )
        for name, (_, servers) in self._parts.items():
            servers.more_details["workers"] = self._details_of(name)

    def _details_of(self, name: str) -> Callable[[], Any]:
        async def ask() -> Any:
            try:
                async with asyncio.timeout(_PATIENCE):
                    merged = await self._link.ask(self.report())
            except TimeoutError:
                return None
            return details_of(merged, name)

        return ask

    async def run(self) -> None:
        """Send a report every second, until this is cancelled."""
        while True:
            await asyncio.sleep(INTERVAL)
            self.send()

    def send(self) -> None:
        """Send a report now; after the stop, the last one."""
        self._link.send_report(self.report())

    def report(self) -> dict[str, Any]:
        rss = resident_memory()
        times = os.times()
        applications: dict[str, dict[str, Any]] = {
            name: {"handled": kernel.handled, **figures_of(servers)}
            for name, (kernel, servers) in self._parts.items()
        }
        handled = sum(one["handled"] for one in applications.values())
        return {
            "pid": os.getpid(),
            "uptime": round(time.monotonic() - self._started, 3),
            "rss": rss,
            "cpu_time": round(times.user + times.system, 2),
            "exceeded": self._limits.exceeded(handled, rss),
            "applications": applications,
        }


class WorkerLimits:
    """The limits of one process.

    ``workers.max_requests`` is randomly lowered a little for each worker, so that they do not
    reach it all at once.
    """

    def __init__(self, settings: WorkersSettings) -> None:
        self._settings = settings
        most = settings.max_requests
        self._requests = most and most - random.randrange(int(most * _SPREAD) + 1)

    @property
    def has_any(self) -> bool:
        return self._settings.max_requests is not None or self._settings.max_memory is not None

    def check(self, rss: int | None) -> None:
        """Check that a worker is below its limits after boot; *rss* is its memory.

        Raises:
            ConfigurationError: see `WorkerReports`.
        """
        most = self._settings.max_memory
        if most is None:
            return
        if rss is None:
            raise ConfigurationError(
                "workers.max_memory needs /proc, as on Linux, to read the memory of a process; "
                "remove it"
            )
        if rss >= most:
            raise ConfigurationError(
                f"workers.max_memory is {most}, but a worker needs {rss} bytes before its first "
                f"request; set it to {2 * rss} or more"
            )

    def exceeded(self, handled: int, rss: int | None) -> str | None:
        """The limit that is reached, as a text for the log, or None."""
        if self._requests is not None and handled >= self._requests:
            most = self._settings.max_requests
            return f"it has handled {handled} requests (workers.max_requests = {most})"
        most = self._settings.max_memory
        if most is not None and rss is not None and rss >= most:
            return f"it has {rss} bytes of memory (workers.max_memory = {most})"
        return None


def details_of(merged: Mapping[str, Any], name: str) -> dict[str, Any]:
    """The details of ``/readyz`` for the application *name*, from `MergedReports.merged`."""
    total: dict[str, Any] = {"rss": 0, "cpu_time": 0.0, "handled": 0, "servers": {}, "limits": {}}
    each = []
    for report in merged["workers"]:
        own = report["applications"].get(name, {})
        worker = {key: report[key] for key in ("pid", "uptime", "rss", "cpu_time")}
        add(total, {"rss": report["rss"] or 0, "cpu_time": report["cpu_time"], **own})
        each.append(
            {**worker, "handled": own.get("handled", 0), "servers": own.get("servers", {})}
        )
    add(total, merged["ended"].get(name, {}))
    total["cpu_time"] = round(total["cpu_time"], 2)
    return {"supervisor": merged["supervisor"], "total": total, "each": each}


def add(total: dict[str, Any], more: Mapping[str, Any]) -> None:
    """Add the numbers of *more*, which may contain tables, to those of *total*."""
    for key, value in more.items():
        if isinstance(value, Mapping):
            add(total.setdefault(key, {}), value)
        else:
            total[key] = total.get(key, 0) + value
