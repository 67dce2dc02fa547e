"""The context of a call: its caller, its level, and the meta that both share."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated, Any

import pytest

from bundles.gateway import (
    Broker,
    CallItem,
    CurrentContext,
    MaxCallLevelError,
    RequestTimeoutError,
    action,
)
from rxkernel import DefinitionEvent, Inject, KernelEvents, Request, observe
from tests.bundles.gateway.conftest import SiteOf


class Chain:
    @action("chain.facts")
    async def facts(self, ctx: CurrentContext) -> dict[str, Any]:
        return {
            "name": ctx.name,
            "level": ctx.level,
            "caller": ctx.caller,
            "node_id": ctx.node_id,
            "remaining": ctx.remaining,
            "cached_result": ctx.cached_result,
        }

    @action("chain.outer")
    async def outer(self, ctx: CurrentContext) -> Any:
        return await ctx.call("chain.facts")

    @action("chain.by_broker")
    async def by_broker(self, broker: Annotated[Broker, Inject()]) -> Any:
        return await broker.call("chain.facts")

    @action("chain.forever")
    async def forever(self, ctx: CurrentContext) -> Any:
        return await ctx.call("chain.forever")

    @action("chain.plain_forever")
    async def plain_forever(self, broker: Annotated[Broker, Inject()]) -> Any:
        return await broker.call("chain.plain_forever")

    @action("chain.timed_forever", timeout=60.0, retries=1)
    async def timed_forever(self, ctx: CurrentContext) -> Any:
        return await ctx.call("chain.timed_forever")


FACTS = {
    "name": "chain.facts",
    "level": 1,
    "caller": None,
    "node_id": "node-1",
    "remaining": None,
    "cached_result": False,
}


@pytest.mark.parametrize(
    ("called", "facts"),
    [
        ("chain.facts", {}),
        ("chain.outer", {"level": 2, "caller": "chain.outer"}),
        ("chain.by_broker", {"level": 2, "caller": "chain.by_broker"}),
    ],
)
async def test_context_has_the_level_and_the_caller(
    site_of: SiteOf, called: str, facts: dict[str, Any]
) -> None:
    site = await site_of(Chain)

    assert await site.broker.call(called) == FACTS | facts


@pytest.mark.parametrize("name", ["chain.forever", "chain.plain_forever", "chain.timed_forever"])
async def test_action_that_calls_itself_without_end_fails_at_the_limit(
    site_of: SiteOf, name: str
) -> None:
    site = await site_of(Chain)

    with pytest.raises(MaxCallLevelError) as caught:
        await site.broker.call(name)

    assert (caught.value.number, caught.value.type) == (500, "MAX_CALL_LEVEL")
    assert caught.value.data == {"nodeID": "node-1", "level": 101}


class Wrapped:
    """Adds frames to the stack of each call."""

    @observe(KernelEvents.KERNEL_DEFINITION)
    async def wrap(self, event: DefinitionEvent) -> None:
        def around(handler: Callable[[Request], Awaitable[Any]]) -> Any:
            async def wrapper(request: Request) -> Any:
                return await handler(request)

            return wrapper

        for _ in range(3):
            event.wrap(around)
            event.wrap_handler(around)


async def test_limit_of_the_level_is_reached_with_wrappers_around_each_call(
    site_of: SiteOf,
) -> None:
    """The limit of the level is reached before Python's limit of the stack."""
    site = await site_of(Chain, listeners=(Wrapped,), request_timeout=60.0)

    with pytest.raises(MaxCallLevelError):
        await site.broker.call("chain.timed_forever")


class Deep:
    def __init__(self) -> None:
        self.cancelled: list[int] = []

    @action("deep.wait")
    async def wait(self, ctx: CurrentContext) -> None:
        try:
            if ctx.level < 45:
                await ctx.call("deep.wait")
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.cancelled.append(ctx.level)
            raise


async def test_cancelled_call_cancels_all_levels(site_of: SiteOf) -> None:
    deep = Deep()
    site = await site_of(deep)

    with pytest.raises(RequestTimeoutError):
        await site.broker.call("deep.wait", timeout=0.05)

    assert deep.cancelled == list(range(45, 0, -1))


async def test_limit_of_the_level_is_a_setting(site_of: SiteOf) -> None:
    site = await site_of(Chain, max_call_level=1)

    assert (await site.broker.call("chain.facts"))["level"] == 1
    with pytest.raises(MaxCallLevelError):
        await site.broker.call("chain.outer")


class Meta:
    @action("meta.set")
    async def set(
        self, ctx: CurrentContext, key: str, value: int | str, fail: bool = False
    ) -> Any:
        before = dict(ctx.meta)
        ctx.meta[key] = value
        if fail:
            raise LookupError
        return before

    @action("meta.nested")
    async def nested(self, ctx: CurrentContext) -> Any:
        ctx.meta["outer"] = 1
        seen = await ctx.call("meta.set", {"key": "$join", "value": "a"})
        assert ctx.meta["$join"] == "a"
        return seen

    @action("meta.failing")
    async def failing(self, ctx: CurrentContext) -> Any:
        with pytest.raises(LookupError):
            await ctx.call("meta.set", {"key": "kept", "value": 1, "fail": True})
        return dict(ctx.meta)

    @action("meta.read")
    async def read(self, ctx: CurrentContext) -> Any:
        return dict(ctx.meta)

    @action("meta.independent")
    async def independent(self, ctx: CurrentContext, broker: Annotated[Broker, Inject()]) -> Any:
        ctx.meta["mine"] = 1
        return await broker.call("meta.read")

    @action("meta.overlapping")
    async def overlapping(self, ctx: CurrentContext) -> Any:
        """The second call ends last and has not set "shared"."""
        ctx.meta["shared"] = "old"
        first: CallItem = {"action": "meta.set", "params": {"key": "shared", "value": "new"}}
        await ctx.mcall([first, {"action": "meta.slow"}])
        return dict(ctx.meta)

    @action("meta.slow")
    async def slow(self, ctx: CurrentContext) -> None:
        ctx.meta["slow"] = True
        for _ in range(5):
            await asyncio.sleep(0)


# check 35
async def test_meta_is_passed_to_nested_calls_and_merged_back(site_of: SiteOf) -> None:
    site = await site_of(Meta)
    context = site.broker.context({"user": "ada"})

    assert await context.call("meta.nested") == {"user": "ada", "outer": 1}

    assert context.meta == {"user": "ada", "outer": 1, "$join": "a"}


# check 35
async def test_meta_of_a_failed_call_is_merged_back(site_of: SiteOf) -> None:
    site = await site_of(Meta)

    assert await site.broker.call("meta.failing") == {"kept": 1}


async def test_call_by_the_broker_does_not_share_the_meta_of_the_message(site_of: SiteOf) -> None:
    site = await site_of(Meta)

    assert await site.broker.call("meta.independent") == {}


async def test_meta_that_is_passed_is_a_copy_and_does_not_come_back(site_of: SiteOf) -> None:
    site = await site_of(Meta)
    context = site.broker.context({"user": "ada"})
    given = {"user": "bob"}

    assert await context.call("meta.read", meta=given) == {"user": "bob"}
    await context.call("meta.set", {"key": "x", "value": 1}, meta=given)
    await site.broker.call("meta.set", {"key": "x", "value": 1}, meta=given)

    assert given == {"user": "bob"}
    assert context.meta == {"user": "ada", "x": 1}


async def test_meta_that_a_call_has_not_set_does_not_replace_a_newer_value(
    site_of: SiteOf,
) -> None:
    site = await site_of(Meta)

    assert await site.broker.call("meta.overlapping") == {"shared": "new", "slow": True}


async def test_context_outside_of_a_message_makes_calls(site_of: SiteOf) -> None:
    site = await site_of(Chain)

    context = site.broker.context()

    assert isinstance(context.request, Request)
    assert await context.call("chain.facts") == FACTS
