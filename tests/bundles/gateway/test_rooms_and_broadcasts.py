"""Rooms and broadcasts: checks 34 to 37 of moleculer-io."""

from typing import Any

import pytest

from bundles.gateway import CurrentContext, Gateway, MoleculerClientError, action
from tests.bundles.gateway.gateways import Client, Greeter, Math, gateway, in_process


class Rooms:
    """Moves the client between rooms."""

    @action("rooms.join", visibility="published")
    async def join(self, ctx: CurrentContext) -> None:
        ctx.meta["$join"] = ctx.params["room"]

    @action("rooms.leave", visibility="published")
    async def leave(self, ctx: CurrentContext) -> None:
        ctx.meta["$leave"] = ctx.params["room"]

    @action("rooms.both", visibility="published")
    async def both(self, ctx: CurrentContext, room: str) -> None:
        ctx.meta["$join"] = ctx.meta["$leave"] = room

    @action("rooms.fail", visibility="published")
    async def fail(self, ctx: CurrentContext, room: str) -> None:
        ctx.meta["$join"] = room
        raise MoleculerClientError("no")

    @action("rooms.nested", visibility="published")
    async def nested(self, ctx: CurrentContext) -> None:
        await ctx.call("rooms.join", ctx.params)

    @action("rooms.list", visibility="published")
    async def list(self, ctx: CurrentContext) -> Any:
        return ctx.meta["$rooms"]

    @action("rooms.login", visibility="published")
    async def login(self, ctx: CurrentContext) -> None:
        ctx.meta["user"] = "Ada"
        ctx.meta["$join"] = 5


LISTED = gateway(call={"whitelist": ["rooms.*", "io.broadcast", "io.get_clients", "greeter.*"]})


def id_of(io: Client) -> str:
    assert io.connection is not None
    return io.connection.id


# check 34
async def test_rooms_follow_join_and_leave() -> None:
    async with in_process(Rooms, Greeter, gateway=LISTED) as all_, all_.connected() as io:
        own = id_of(io)
        assert await io.call("rooms.list") == [own]
        await io.call("rooms.join", {"room": "room-01"})
        assert await io.call("rooms.list") == [own, "room-01"]
        assert await io.call("io.get_clients", {"room": "room-01"}) == [own]
        await io.call("rooms.join", {"room": "room-02"})
        assert await io.call("rooms.list") == [own, "room-01", "room-02"]
        await io.call("rooms.leave", {"room": "room-01"})
        assert await io.call("rooms.list") == [own, "room-02"]
        assert await io.call("io.get_clients", {"room": "room-01"}) == []
        assert (await io.call("greeter.meta"))["$socketId"] == own


# check 35
async def test_join_and_leave_of_one_room_leaves_the_room() -> None:
    async with in_process(Rooms, Greeter, gateway=LISTED) as all_, all_.connected() as io:
        await io.call("rooms.both", {"room": "a"})
        assert await io.call("rooms.list") == [id_of(io)]


# check 35
async def test_action_that_fails_changes_no_room() -> None:
    async with in_process(Rooms, Greeter, gateway=LISTED) as all_, all_.connected() as io:
        assert await io.code("rooms.fail", {"room": "a"}) == 400
        assert await io.call("rooms.list") == [id_of(io)]


# check 35
async def test_lists_and_nested_actions_join_rooms() -> None:
    async with in_process(Rooms, Greeter, gateway=LISTED) as all_, all_.connected() as io:
        await io.call("rooms.join", {"room": ["a", "b"]})
        await io.call("rooms.nested", {"room": "c"})
        assert await io.call("rooms.list") == [id_of(io), "a", "b", "c"]
        nothing: list[Any] = ["", [], None]
        for empty in nothing:
            await io.call("rooms.join", {"room": empty})
        await io.call("rooms.leave", {"room": ["a", "unknown"]})
        assert await io.call("rooms.list") == [id_of(io), "b", "c"]


@pytest.mark.parametrize("room", [5, ["a", 5], {"a": 1}, [["a"]], True], ids=repr)
async def test_room_that_is_not_text_is_an_error(room: Any) -> None:
    async with in_process(Rooms, Greeter, gateway=LISTED) as all_, all_.connected() as io:
        for name in ("rooms.join", "rooms.leave"):
            error = await io.error(name, {"room": room})
            assert (error["code"], error["type"]) == (422, "ERR_INVALID_ROOM")
            assert "which is not text" in error["message"]
        assert await io.call("rooms.list") == [id_of(io)]


async def test_room_that_is_not_text_saves_no_user() -> None:
    async with in_process(Rooms, Greeter, gateway=LISTED) as all_, all_.connected() as io:
        assert await io.code("rooms.login") == 422
        assert (await io.call("greeter.meta"))["user"] is None


async def test_client_joins_and_leaves_no_room_of_another_connection() -> None:
    async with (
        in_process(Rooms, Greeter, gateway=LISTED) as all_,
        all_.connected() as io,
        all_.connected() as other,
    ):
        error = await io.error("rooms.join", {"room": id_of(other)})
        assert (error["code"], error["type"]) == (422, "ERR_INVALID_ROOM")
        await io.call("rooms.leave", {"room": [id_of(other), id_of(io)]})
        for each in (io, other):
            await each.call("io.broadcast", {"event": "hello", "rooms": [id_of(each)]})
            assert each.connection.emitted == [("hello", ())]  # type: ignore[union-attr]


async def received(io: Client, params: dict[str, Any]) -> list[list[Any]]:
    """Broadcast with *params* to three clients: two in rooms, one in another namespace."""
    async with io.connected() as a, io.connected() as b, io.connected("/chat") as c:
        await a.call("rooms.join", {"room": ["x", "y"]})
        await b.call("rooms.join", {"room": "y"})
        clients = (a, b, c)
        if "rooms" in params:
            ids = {"id:a": id_of(a), "id:b": id_of(b)}
            params = {**params, "rooms": [ids.get(room, room) for room in params["rooms"]]}
        assert await a.emit("call", "io.broadcast", params) == [None, None]
        return [one.connection.emitted for one in clients]  # type: ignore[union-attr]


class Chat(Gateway):
    namespaces = {
        "/": {"events": {"call": {"whitelist": ["rooms.*", "io.*"]}}},
        "/chat": {"events": {"call": {}}},
    }


HELLO = ("hello", (1, {"b": [2]}))


# check 36
@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({}, "110"),
        ({"namespace": "/chat"}, "001"),
        ({"rooms": ["x"]}, "100"),
        ({"rooms": ["x", "y"]}, "110"),
        ({"rooms": ["id:b"]}, "010"),
        ({"rooms": ["unknown"]}, "000"),
        ({"rooms": []}, "000"),
        ({"rooms": ["y"], "volatile": True, "local": True}, "110"),
        ({"namespace": "/ghost"}, "000"),
    ],
    ids=repr,
)
async def test_broadcast_reaches_the_union_of_rooms_once(
    params: dict[str, Any], expected: str
) -> None:
    sent = {"event": "hello", "args": [1, {"b": [2]}], **params}
    async with in_process(Rooms, gateway=Chat) as io:
        got = await received(io, sent)
    assert got == [[HELLO] if one == "1" else [] for one in expected]


# check 36
@pytest.mark.parametrize(
    "params",
    [
        {},
        {"event": 5},
        {"event": "connect"},
        {"event": "disconnect"},
        {"event": "a", "rooms": "x"},
        {"event": "a", "args": "x"},
        {"event": "a", "volatile": "maybe"},
        {"event": "a", "namespace": None},
    ],
    ids=repr,
)
async def test_invalid_parameters_of_a_broadcast_are_an_error(params: Any) -> None:
    async with in_process(Rooms, gateway=Chat) as io:
        error = await io.error("io.broadcast", params)
        assert (error["code"], error["type"]) == (422, "VALIDATION_ERROR")
        assert (await io.error("io.get_clients", {}))["code"] == 422


# check 37
@pytest.mark.parametrize("name", ["io.broadcast", "io.get_clients"])
async def test_own_actions_are_refused_by_default(name: str) -> None:
    params = {"event": "spoofed", "room": "a"}
    async with in_process(Math, Greeter) as all_, all_.connected() as io:
        assert await io.code(name, params) == 404
        assert io.connection.emitted == []  # type: ignore[union-attr]
    async with in_process(Rooms, gateway=gateway(call={"whitelist": ["**"]})) as io:
        assert await io.code(name, params) == 404


# check 37
@pytest.mark.parametrize("name", ["$node.health", "$node.services", "$node.actions"])
async def test_node_actions_are_refused_unless_they_are_listed(name: str) -> None:
    async with in_process(Math) as io:
        assert await io.code(name) == 404
    async with in_process(Math, gateway=gateway(call={"whitelist": ["**"]})) as io:
        assert await io.code(name) == 404
    async with in_process(Math, gateway=gateway(call={"whitelist": ["$node.*"]})) as io:
        assert await io.call(name)


async def test_gateway_with_a_name_has_it_in_its_own_actions() -> None:
    class Site(Gateway):
        name = "site"
        namespaces = {"/": {"events": {"call": {"whitelist": ["site.get_clients"]}}}}

    async with in_process(gateway=Site) as io:
        assert await io.call("site.get_clients", {"room": "a", "namespace": "/"}) == []
        assert await io.code("site.broadcast", {"event": "a"}) == 404
