"""`Statistics`: counts of users, rooms and messages."""

from time import monotonic
from typing import Any

from injector import inject

from bundles.realtime import AppHandle, Manager
from chat_app.rooms import Rooms


class Statistics(Manager):
    @inject
    def __init__(self, app_handle: AppHandle, rooms: Rooms) -> None:
        super().__init__(app_handle)
        self._rooms = rooms
        self._begun = monotonic()
        self._messages = 0
        self._peak = 0

    def count_login(self) -> None:
        self._peak = max(self._peak, len(self._rooms))

    def count_message(self) -> None:
        self._messages += 1

    def current(self) -> dict[str, Any]:
        minutes, seconds = divmod(int(monotonic() - self._begun), 60)
        hours, minutes = divmod(minutes, 60)
        return {
            "totalUsers": len(self._rooms),
            "activeRooms": sum(1 for room in self._rooms.overview() if room["userCount"]),
            "messagesCount": self._messages,
            "peakConcurrentUsers": self._peak,
            "uptime": f"{hours}h {minutes}m {seconds}s",
        }
