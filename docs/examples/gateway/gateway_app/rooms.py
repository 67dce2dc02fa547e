"""The service ``rooms``: whoever has logged in joins rooms and talks there."""

from collections.abc import Iterable
from typing import Annotated

from injector import inject
from msgspec import Meta

from bundles.gateway import Broker, CurrentContext, MoleculerClientError, action, on_event
from gateway_app.accounts import user_of
from rxkernel import ConnectionEvent, ServerEvents, observe

Room = Annotated[str, Meta(min_length=1, max_length=30)]
Text = Annotated[str, Meta(min_length=1, max_length=500)]

_MOST_ROOMS = 10


def _key(room: str) -> str:
    """The room of Socket.IO. The prefix keeps a client from using the id of another one, which is
    a room, too."""
    return f"room:{room}"


class Rooms:
    @inject
    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._members: dict[str, dict[str, str]] = {}  # room → id of the client → name

    @action("rooms.join", visibility="published")
    async def join(self, ctx: CurrentContext, room: Room) -> list[str]:
        """The gateway adds the client to the room after the action, so the event is for others."""
        name = user_of(ctx)
        if len(ctx.meta["$rooms"]) > _MOST_ROOMS:
            raise MoleculerClientError("You are in too many rooms", 429, "ERR_TOO_MANY_ROOMS")
        members = self._members.setdefault(room, {})
        members[ctx.meta["$socketId"]] = name
        await self._changed(room)
        ctx.meta["$join"] = _key(room)
        return sorted(members.values())

    @action("rooms.leave", visibility="published")
    async def leave(self, ctx: CurrentContext, room: Room) -> None:
        ctx.meta["$leave"] = _key(room)
        await self._remove(ctx.meta["$socketId"], [room])

    @action("rooms.say", visibility="published")
    async def say(self, ctx: CurrentContext, room: Room, text: Text) -> None:
        name = user_of(ctx)
        if _key(room) not in ctx.meta["$rooms"]:
            raise MoleculerClientError("You are not in this room", 403, "ERR_NOT_IN_ROOM")
        message = {"room": room, "name": name, "text": text}
        await ctx.call("io.broadcast", {"event": "said", "rooms": [_key(room)], "args": [message]})

    @action("rooms.members", visibility="published")
    async def members(self, ctx: CurrentContext, room: Room) -> list[str]:
        user_of(ctx)
        return sorted(self._members.get(room, {}).values())

    @on_event("accounts.logged_out")
    async def logged_out(self, client: str) -> None:
        await self._remove(client, tuple(self._members))

    @observe(ServerEvents.DISCONNECTED)
    async def disconnected(self, event: ConnectionEvent) -> None:
        await self._remove(event.connection.id, tuple(self._members))

    async def _remove(self, client: str, rooms: Iterable[str]) -> None:
        for room in rooms:
            members = self._members.get(room, {})
            if members.pop(client, None) is not None:
                if not members:
                    del self._members[room]
                await self._changed(room)

    async def _changed(self, room: str) -> None:
        members = sorted(self._members.get(room, {}).values())
        args = [{"room": room, "members": members}]
        await self._broker.call(
            "io.broadcast", {"event": "members", "rooms": [_key(room)], "args": args}
        )
