"""The events that report to the clients of a room which users have entered and left."""

import asyncio

from bundles.scale.bus.ordered_jobs import OrderedJobs
from bundles.scale.presence.entry import Place
from bundles.scale.presence.member import Member
from bundles.scale.presence.occupants import Occupants
from rxkernel import Broadcaster

JOIN, LEAVE = "presence.join", "presence.leave"

_MOST = 100
"""Most users in one event."""


class Announcements:
    """Sends the changes of *occupants* to the clients of this process; each process does so for
    its own clients.

    It compares the present users with the announced ones. So a client receives each change once,
    and nothing about a user who has left and entered again meanwhile.
    """

    def __init__(self, occupants: Occupants, broadcaster: Broadcaster) -> None:
        self._occupants = occupants
        self._broadcaster = broadcaster
        self._announced: set[tuple[Place, str]] = set()
        self._changed: dict[tuple[Place, str], None] = {}
        self._jobs = OrderedJobs()
        occupants.changed = self._note

    async def drain(self) -> None:
        """Return when all changes are sent."""
        await self._jobs.drain()

    def _note(self, place: Place, user: str) -> None:
        if not self._changed:
            self._jobs.start("events of presence", self._send(), 0)
        self._changed[place, user] = None

    async def _send(self) -> None:
        changed, self._changed = self._changed, {}
        joined: dict[Place, list[Member]] = {}
        left: dict[Place, list[str]] = {}
        for place, user in changed:
            member = self._occupants.member(place, user)
            was_announced = (place, user) in self._announced
            if member is None and was_announced:
                self._announced.discard((place, user))
                left.setdefault(place, []).append(user)
            elif member is not None and not was_announced:
                self._announced.add((place, user))
                joined.setdefault(place, []).append(member)
        for place, users in left.items():
            for at in range(0, len(users), _MOST):
                await self._emit(LEAVE, place, "users", users[at : at + _MOST])
        for place, members in joined.items():
            for at in range(0, len(members), _MOST):
                await self._emit(JOIN, place, "members", members[at : at + _MOST])

    async def _emit(
        self, event: str, place: Place, key: str, value: list[Member] | list[str]
    ) -> None:
        content = {"room": place.room, key: value}
        await self._broadcaster.emit(
            event, content, room=place.room, namespace=place.namespace, local=True
        )
        await asyncio.sleep(0)  # many rooms may have changed: let other tasks run
