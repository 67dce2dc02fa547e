"""`ApiController`: the routes of ``routes/api.json``, below ``/api``."""

from typing import Any

from injector import inject

from bundles.realtime import AppHandle, Controller
from chat_app.database import Database
from chat_app.message import Message, now
from chat_app.middlewares import ActivityLog
from chat_app.rooms import Rooms
from chat_app.statistics import Statistics


class ApiController(Controller, middlewares=[ActivityLog]):
    @inject
    def __init__(
        self, app_handle: AppHandle, database: Database, rooms: Rooms, statistics: Statistics
    ) -> None:
        super().__init__(app_handle)
        self._database = database
        self._rooms = rooms
        self._statistics = statistics

    async def get_status(self) -> dict[str, str]:
        return {"status": "OK", "timestamp": now(), "service": "chat api", "version": "1.0.0"}

    async def get_stats(self) -> dict[str, Any]:
        return {"status": "OK", "data": self._statistics.current(), "timestamp": now()}

    async def get_rooms(self) -> list[dict[str, str | int]]:
        return self._rooms.overview()

    async def get_messages(self, room: str, limit: int) -> list[Message]:
        """Return the last messages of a room; the schema has checked *limit*."""
        return await self._database.recent(room.lower(), limit)
