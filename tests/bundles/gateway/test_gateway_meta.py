"""Calls of clients save and share their meta, but not if they fail."""

from typing import Any

import pytest

from bundles.gateway import (
    Call,
    Context,
    CurrentContext,
    GatewayEvent,
    MoleculerClientError,
    MoleculerRetryableError,
    action,
)
from tests.bundles.gateway.gateways import Greeter, gateway, in_process


class Accounts:
    """Actions that set the user, and then fail."""

    def __init__(self) -> None:
        self.calls = 0

    @action("accounts.login", visibility="published")
    async def login(self, ctx: CurrentContext) -> None:
        ctx.meta["user"] = "eve"
        raise MoleculerClientError("a wrong code", 401)

    @action("accounts.retry", visibility="published")
    async def retry(self, ctx: CurrentContext) -> Any:
        self.calls += 1
        if self.calls == 1:
            ctx.meta["user"] = "eve"
            raise MoleculerRetryableError("busy")
        ctx.meta["tries"] = self.calls
        return ctx.meta.get("user")

    @action("accounts.outer", visibility="published")
    async def outer(self, ctx: CurrentContext) -> Any:
        result = await ctx.call("accounts.login", fallback="none")
        return [result, ctx.meta.get("user")]

    @action("accounts.enter", visibility="published")
    async def enter(self, ctx: CurrentContext, room: str) -> None:
        ctx.meta["user"] = "eve"
        ctx.meta["$join"] = room


@pytest.mark.parametrize(
    "fallback", ["no", lambda ctx, exception: "no"], ids=["value", "function"]
)
async def test_call_with_the_result_of_a_fallback_saves_nothing(fallback: Any) -> None:
    options: GatewayEvent = {"call_options": {"fallback": fallback}}
    cls = gateway(call=options)
    async with in_process(Accounts, Greeter, gateway=cls) as all_, all_.connected() as io:
        assert await io.call("accounts.login") == "no"
        assert (await io.call("greeter.meta"))["user"] is None
        assert await io.call("accounts.outer") == ["none", None]


async def test_fallback_reads_the_meta_of_the_last_attempt() -> None:
    def fallback(ctx: Context, exception: Exception) -> Any:
        return ctx.meta["user"]

    options: GatewayEvent = {"call_options": {"fallback": fallback}}
    async with in_process(Accounts, gateway=gateway(call=options)) as io:
        assert await io.call("accounts.login") == "eve"


async def test_attempt_that_was_repeated_saves_nothing() -> None:
    options: GatewayEvent = {"call_options": {"retries": 1}}
    cls = gateway(call=options)
    async with in_process(Accounts, Greeter, gateway=cls) as all_, all_.connected() as io:
        assert await io.call("accounts.retry") is None
        assert (await io.call("greeter.meta"))["user"] is None


async def test_call_whose_room_is_refused_saves_nothing() -> None:
    async with (
        in_process(Accounts, Greeter) as all_,
        all_.connected() as other,
        all_.connected() as io,
    ):
        assert other.connection is not None
        error = await io.error("accounts.enter", {"room": other.connection.id})
        assert error["type"] == "ERR_INVALID_ROOM"
        assert (await io.call("greeter.meta"))["user"] is None


async def test_meta_of_the_options_lasts_for_one_call() -> None:
    async def mark(call: Call) -> None:
        meta: Any = call.options["meta"]
        meta[call.params["key"]] = True

    options: GatewayEvent = {"call_options": {"meta": {"tenant": "one"}}, "before_call": mark}
    async with in_process(gateway=gateway(call=options)) as io:
        assert (await io.call("greeter.meta", {"key": "a"}))["a"]
        assert "a" not in await io.call("greeter.meta", {"key": "b"})
