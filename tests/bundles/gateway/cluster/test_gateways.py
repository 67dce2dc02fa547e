"""Gateways in a cluster: clients call actions of all nodes."""

import asyncio
from typing import Any

import pytest

from bundles.gateway import (
    Call,
    CurrentContext,
    Gateway,
    GatewayBundle,
    MoleculerClientError,
    action,
)
from rxkernel import StreamResponse
from tests.bundles.gateway.cluster.nodes import Node, Nodes, settled
from tests.bundles.gateway.gateways import Client, gateway


class Accounts:
    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.may_end = asyncio.Event()

    @action("accounts.slow", visibility="published")
    async def slow(self) -> str:
        self.begun.set()
        await self.may_end.wait()
        return "done"

    @action("accounts.logout", visibility="published")
    async def logout(self, ctx: CurrentContext) -> None:
        ctx.meta["user"] = None

    @action("accounts.login", visibility="published")
    async def login(self, ctx: CurrentContext, name: str) -> str:
        ctx.meta["user"] = {"name": name}
        ctx.meta["$join"] = "members"
        return f"Hello {name}"

    @action("accounts.me", visibility="published")
    async def me(self, ctx: CurrentContext) -> Any:
        return {"user": ctx.meta["user"], "rooms": ctx.meta["$rooms"][1:]}

    @action("accounts.fail", visibility="published")
    async def fail(self) -> None:
        raise MoleculerClientError("no", 422, "NO", {"a": 1})

    @action("accounts.bug", visibility="published")
    async def bug(self) -> None:
        raise RuntimeError("a secret")

    @action("accounts.file", visibility="published")
    async def file(self) -> StreamResponse:
        return StreamResponse([b"x"])

    @action("accounts.count")
    async def count(self) -> int:
        return 1

    @action("accounts.inner", visibility="protected")
    async def inner(self) -> int:
        return 1


LISTED = gateway(
    call={"whitelist": ["accounts.*", "io.*"], "aliases": {"enter": "accounts.login"}}
)


async def with_gateway(nodes: Nodes, kind: type[Gateway], node_id: str = "io-1") -> Node:
    return await nodes.start(node_id, bundles=[GatewayBundle(kind)])


async def test_client_calls_published_actions_of_other_nodes(nodes: Nodes) -> None:
    await nodes.start("accounts-1", Accounts)
    io = Client((await with_gateway(nodes, gateway(call={}))).client)

    assert await io.call("accounts.login", {"name": "Ada"}) == "Hello Ada"
    assert await io.code("accounts.count") == 404
    assert await io.code("accounts.inner") == 404
    assert await io.code("$node.list") == 404


async def test_whitelist_and_aliases_allow_actions_of_other_nodes(nodes: Nodes) -> None:
    io = Client((await with_gateway(nodes, LISTED)).client)
    assert await io.code("accounts.count") == 404

    await nodes.start("accounts-1", Accounts)

    assert await io.call("accounts.count") == 1
    assert await io.call("enter", {"name": "Ada"}) == "Hello Ada"
    assert await io.code("accounts.inner") == 404


async def test_action_of_a_node_that_has_left_is_not_available(nodes: Nodes) -> None:
    node = await nodes.start("accounts-1", Accounts)
    io = Client((await with_gateway(nodes, LISTED)).client)

    await node.leave()
    await settled()

    assert await io.code("accounts.count") == 404


async def test_meta_of_another_node_logs_in_and_joins(nodes: Nodes) -> None:
    await nodes.start("accounts-1", Accounts)
    io = Client((await with_gateway(nodes, LISTED)).client)

    async with io.connected() as ada:
        await ada.call("enter", {"name": "Ada"})
        me = await ada.call("accounts.me")

    assert me == {"user": {"name": "Ada"}, "rooms": ["members"]}


async def test_call_that_ends_after_a_logout_does_not_log_in_again(nodes: Nodes) -> None:
    """The other node returns the whole meta, with the user from the beginning of the call."""
    node = await nodes.start("accounts-1", Accounts)
    accounts = node.application.injector.get(Accounts)
    io = Client((await with_gateway(nodes, LISTED)).client)

    async with io.connected() as ada:
        await ada.call("enter", {"name": "Ada"})
        slow = asyncio.create_task(ada.call("accounts.slow"))
        await accounts.begun.wait()
        await ada.call("accounts.logout")
        accounts.may_end.set()
        assert await slow == "done"
        me = await ada.call("accounts.me")

    assert me["user"] is None


async def test_errors_of_other_nodes_reach_clients_unchanged(nodes: Nodes) -> None:
    await nodes.start("accounts-1", Accounts)
    io = Client((await with_gateway(nodes, LISTED)).client)

    assert await io.error("accounts.fail") == {
        "name": "MoleculerClientError",
        "message": "no",
        "code": 422,
        "type": "NO",
        "data": {"a": 1},
    }
    assert await io.error("accounts.bug") == {"name": "Error", "message": "Internal Server Error"}
    error = await io.error("accounts.login", {})
    assert (error["name"], error["code"], error["data"][0]["field"]) == (
        "ValidationError",
        422,
        "name",
    )


async def test_stream_is_not_sent_to_a_client(nodes: Nodes) -> None:
    await nodes.start("accounts-1", Accounts)
    io = Client((await with_gateway(nodes, LISTED)).client)

    error = await io.error("accounts.file")

    assert "returned a stream, which cannot be sent over a socket" in error["message"]


async def test_stream_for_a_client_ends_before_hooks_run(nodes: Nodes) -> None:
    """If a hook failed, the stream would stay open."""
    ended: list[str] = []

    class Files:
        @action("files.read", visibility="published")
        async def read(self, ctx: CurrentContext) -> StreamResponse:
            ctx.request.when_ended(lambda: ended.append("message"))
            ctx.meta["$join"] = "readers"
            return StreamResponse([b"x"])

    async def after_call(call: Call, result: Any) -> None:
        raise RuntimeError("not expected")

    kind = gateway(call={"after_call": after_call}, plain={})
    node = await nodes.start("io-1", Files, bundles=[GatewayBundle(kind)])
    io = Client(node.client)

    for event in ("call", "plain"):
        error, *_ = await io.emit(event, "files.read")
        assert "returned a stream, which cannot be sent over a socket" in error["message"]
    assert ended == ["message"] * 2


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"event": "news", "args": ["Tea!"]}, (1, 1)),
        ({"event": "news", "args": ["Tea!"], "rooms": ["members"]}, (0, 1)),
        ({"event": "news", "args": ["Tea!"], "local": True}, (1, 0)),
        ({"event": "news", "args": ["Tea!"], "rooms": []}, (0, 0)),
    ],
)
async def test_broadcast_reaches_clients_of_all_gateways(
    nodes: Nodes, params: dict[str, Any], expected: tuple[int, int]
) -> None:
    await nodes.start("accounts-1", Accounts)
    first = Client((await with_gateway(nodes, LISTED, "io-1")).client)
    second = Client((await with_gateway(nodes, LISTED, "io-2")).client)

    async with first.connected() as ada, second.connected() as bob:
        await bob.call("enter", {"name": "Bob"})
        await ada.call("io.broadcast", params)
        await settled()
        got = [one.connection.emitted for one in (ada, bob)]  # type: ignore[union-attr]

    assert tuple(map(len, got)) == expected
    assert all(event == ("news", ("Tea!",)) for events in got for event in events)


async def test_two_gateways_call_actions_of_each_other(nodes: Nodes) -> None:
    class Left:
        @action("left.name", visibility="published")
        async def name(self, ctx: CurrentContext) -> str:
            return ctx.node_id

    class Right:
        @action("right.name", visibility="published")
        async def name(self, ctx: CurrentContext) -> str:
            return ctx.node_id

    bundle = [GatewayBundle(gateway(call={}))]
    first = Client((await nodes.start("io-1", Left, bundles=bundle)).client)
    second = Client(
        (await nodes.start("io-2", Right, bundles=[GatewayBundle(gateway(call={}))])).client
    )

    for io in (first, second):
        assert await io.call("left.name") == "io-1"
        assert await io.call("right.name") == "io-2"
