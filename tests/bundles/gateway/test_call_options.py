"""Options of calls, and hooks: checks 20 to 26 of moleculer-io."""

import asyncio
from typing import Any

import pytest

from bundles.gateway import (
    Call,
    Context,
    CurrentContext,
    Gateway,
    GatewayEvent,
    MoleculerClientError,
    MoleculerRetryableError,
    Packet,
    action,
)
from rxkernel import Connection
from tests.bundles.gateway.gateways import Greeter, gateway, in_process


class Slow:
    def __init__(self) -> None:
        self.calls = 0
        self.ended: list[str] = []

    @action("slow.wait", visibility="published")
    async def wait(self) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            self.ended.append("cancelled")

    @action("slow.fail", visibility="published")
    async def fail(self) -> None:
        self.calls += 1
        raise MoleculerRetryableError("busy", 503, "BUSY")

    @action("slow.refuse", visibility="published")
    async def refuse(self) -> None:
        self.calls += 1
        raise MoleculerClientError("no", 400, "NO")


# check 20
async def test_timeout_is_an_error_with_action_and_node() -> None:
    slow = Slow()
    async with in_process(slow, gateway=gateway(call={"call_options": {"timeout": 0.05}})) as io:
        assert await io.error("slow.wait") == {
            "name": "RequestTimeoutError",
            "message": "Request is timed out when call 'slow.wait' action on 'node-1' node.",
            "code": 504,
            "type": "REQUEST_TIMEOUT",
            "data": {"action": "slow.wait", "nodeID": "node-1"},
        }
    assert slow.ended == ["cancelled"]


# check 21
@pytest.mark.parametrize("value", ["no data", 0, "", False, None, []], ids=repr)
async def test_fallback_is_the_result_of_a_call_that_fails(value: Any) -> None:
    options: GatewayEvent = {"call_options": {"fallback": value, "timeout": 0.05}}
    async with in_process(Slow, gateway=gateway(call=options)) as io:
        assert await io.emit("call", "slow.refuse") == [None, value]
        assert await io.emit("call", "slow.wait") == [None, value]
        assert await io.code("slow.unknown") == 404


# check 21
async def test_fallback_function_returns_the_result() -> None:
    async def fallback(ctx: Context, exception: Exception) -> list[Any]:
        return [ctx.params, str(exception)]

    options: GatewayEvent = {"call_options": {"fallback": fallback}}
    async with in_process(Slow, gateway=gateway(call=options)) as io:
        assert await io.call("slow.refuse", {"a": 1}) == [{"a": 1}, "no"]


# check 22
async def test_retries_repeat_retryable_errors_only() -> None:
    slow = Slow()
    async with in_process(slow, gateway=gateway(call={"call_options": {"retries": 2}})) as io:
        assert await io.error("slow.fail") == {
            "name": "MoleculerRetryableError",
            "message": "busy",
            "code": 503,
            "type": "BUSY",
        }
        assert slow.calls == 3
        assert await io.code("slow.refuse") == 400
        assert slow.calls == 4
        assert await io.code("slow.unknown") == 404


class Accounts:
    @action("accounts.login", visibility="published")
    async def login(self, ctx: CurrentContext, name: str) -> str:
        ctx.meta["user"] = {"name": name}
        return name


# check 23
async def test_meta_of_the_options_is_merged_and_the_user_survives() -> None:
    class Io(Gateway):
        namespaces = {
            "/": {
                "events": {
                    "call": {},
                    "as_robot": {"call_options": {"meta": {"user": "robot", "tenant": 7}}},
                }
            }
        }

    async with in_process(Greeter, Accounts, gateway=Io) as client, client.connected() as io:
        await io.call("accounts.login", {"name": "Ada"})
        error, seen = await io.emit("as_robot", "greeter.meta")
        assert error is None
        assert (seen["user"], seen["tenant"]) == ("robot", 7)
        assert set(seen) == {"user", "tenant", "$rooms", "$socketId"}
        after = await io.call("greeter.meta")
        assert after["user"] == {"name": "Ada"}
        assert "tenant" not in after


class Ordered(Gateway):
    """Records the hooks and actions that run."""

    namespaces = {
        "/": {
            "middlewares": ["connecting"],
            "packet_middlewares": ["packet"],
            "events": {"call": {"before_call": "before", "after_call": "after"}},
        }
    }

    def __init__(self) -> None:
        self.ran: list[Any] = []

    async def connecting(self, connection: Connection) -> None:
        self.ran.append("middleware")

    async def packet(self, packet: Packet) -> None:
        self.ran.append(["packet", packet.event, list(packet.args)])

    async def before(self, call: Call) -> None:
        self.ran.append(["before", call.action, call.params, sorted(call.meta), call.options])
        assert call.gateway is self
        assert call.connection.id == call.meta["$socketId"]
        call.meta["ran"] = self.ran

    async def after(self, call: Call, result: Any) -> None:
        self.ran.append(["after", result])


class Noting:
    @action("noting.run", visibility="published")
    async def run(self, ctx: CurrentContext) -> str:
        ctx.meta["ran"].append("action")
        return "done"


# check 24
async def test_middlewares_and_hooks_of_a_call_run_in_order() -> None:
    async with in_process(Noting, gateway=Ordered) as io:
        assert await io.call("noting.run", {"a": 1}) == "done"
        gateway = io.kernel_client.application.injector.get(Ordered)
    assert gateway.ran == [
        "middleware",
        ["packet", "call", ["noting.run", {"a": 1}]],
        ["before", "noting.run", {"a": 1}, ["$rooms", "$socketId", "user"], {}],
        "action",
        ["after", "done"],
    ]


# check 24
async def test_hook_may_replace_action_parameters_and_options() -> None:
    async def before(call: Call) -> None:
        call.action, call.params = "greeter.meta", None
        call.options["meta"] = {"tenant": 1}

    async with in_process(Greeter, gateway=gateway(call={"before_call": before})) as io:
        seen = await io.call("greeter.echo", {"a": 1})
        assert seen["tenant"] == 1
        assert await io.code("greeter.nope") == 404


# check 25
async def test_before_hook_that_raises_prevents_the_action() -> None:
    slow, ran = Slow(), []

    async def before(call: Call) -> None:
        raise MoleculerClientError("not now", 403, "NOT_NOW")

    async def after(call: Call, result: Any) -> None:
        ran.append(result)

    events: GatewayEvent = {"before_call": before, "after_call": after}
    async with in_process(slow, gateway=gateway(call=events)) as io:
        error = await io.error("slow.fail")
    assert (error["code"], error["type"], slow.calls, ran) == (403, "NOT_NOW", 0, [])


# check 25
@pytest.mark.parametrize("value", [0, "", False, [], "new"], ids=repr)
async def test_after_hook_replaces_the_result(value: Any) -> None:
    async def after(call: Call, result: Any) -> Any:
        return value

    async with in_process(Greeter, gateway=gateway(call={"after_call": after})) as io:
        assert await io.emit("call", "greeter.hello") == [None, value]


# check 25
async def test_after_hook_is_skipped_after_an_error() -> None:
    ran: list[Any] = []

    async def after(call: Call, result: Any) -> None:
        ran.append(result)

    async with in_process(Slow, gateway=gateway(call={"after_call": after})) as io:
        assert await io.code("slow.refuse") == 400
    assert ran == []


# check 25
async def test_after_hook_that_raises_saves_nothing() -> None:
    async def after(call: Call, result: Any) -> None:
        if call.action == "accounts.login":
            raise MoleculerClientError("too late", 409, "LATE")

    events: GatewayEvent = {"after_call": after}
    async with (
        in_process(Greeter, Accounts, gateway=gateway(call=events)) as client,
        client.connected() as io,
    ):
        assert await io.code("accounts.login", {"name": "Ada"}) == 409
        assert (await io.call("greeter.meta"))["user"] is None


# check 26
async def test_action_sees_the_user_that_the_before_hook_has_set() -> None:
    async def before(call: Call) -> None:
        call.meta["user"] = "from the hook"

    async with in_process(Greeter, gateway=gateway(call={"before_call": before})) as io:
        assert (await io.call("greeter.meta"))["user"] == "from the hook"
