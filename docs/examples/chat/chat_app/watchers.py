"""The loops of the chat: one that measures its health, and one that removes old messages."""

import asyncio
from typing import Any

from injector import inject

from bundles.realtime import AppHandle, LogLevel, Watcher
from chat_app.database import Database
from chat_app.health_monitor import HealthMonitor
from chat_app.options import ChatOptions

_LEVELS = {
    "ok": LogLevel.INFORMATION,
    "warning": LogLevel.WARNING,
    "error": LogLevel.ERROR,
}


class HealthWatcher(Watcher):
    """Logs each sample with the level of its status, and sends it to the administrators."""

    @inject
    def __init__(
        self, app_handle: AppHandle, monitor: HealthMonitor, options: ChatOptions
    ) -> None:
        self._app_handle = app_handle
        self._monitor = monitor
        self._interval = options.health_interval

    async def watch(self) -> None:
        while True:
            sample = await self._monitor.sample()
            self._app_handle.log(_LEVELS[sample["status"]], _line(sample))
            await self._app_handle.send("health_update", sample, namespace="admin")
            await asyncio.sleep(self._interval)


def _line(sample: dict[str, Any]) -> str:
    ping = sample["databaseMs"]
    database = "unavailable" if ping is None else f"{ping} ms"
    return (
        f"health: {sample['status']}, memory {sample['memoryMb']} MB, "
        f"CPU {sample['cpuPercent']} %, database {database}, {sample['totalUsers']} users"
    )


class CleanupWatcher(Watcher):
    """Removes the messages of a room above a number."""

    @inject
    def __init__(self, app_handle: AppHandle, database: Database, options: ChatOptions) -> None:
        self._app_handle = app_handle
        self._database = database
        self._options = options

    async def watch(self) -> None:
        while True:
            await asyncio.sleep(self._options.cleanup_interval)
            removed = await self._database.remove_old(self._options.kept_messages)
            self._app_handle.log("INFORMATION", f"removed {removed} old messages")
