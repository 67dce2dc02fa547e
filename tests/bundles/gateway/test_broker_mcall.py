"""Several calls at the same time."""

import asyncio
from typing import Any

import pytest

from bundles.gateway import CallItem, CurrentContext, ServiceNotFoundError, action
from tests.bundles.gateway.conftest import SiteOf


class Pair:
    """Two actions that wait for each other."""

    def __init__(self) -> None:
        self.events = {name: asyncio.Event() for name in "ab"}
        self.cancelled = False

    @action("pair.meet")
    async def meet(self, name: str, other: str) -> str:
        self.events[name].set()
        await self.events[other].wait()
        return name

    @action("pair.fail")
    async def fail(self) -> None:
        await self.events["a"].wait()
        raise LookupError

    @action("pair.wait")
    async def wait(self) -> None:
        self.events["a"].set()
        try:
            await asyncio.Event().wait()
        finally:
            self.cancelled = True

    @action("pair.remaining")
    async def remaining(self, ctx: CurrentContext) -> Any:
        return ctx.remaining

    @action("pair.nested")
    async def nested(self, ctx: CurrentContext) -> Any:
        return await ctx.mcall([_meet("a", "b"), _meet("b", "a")])


def _meet(name: str, other: str) -> CallItem:
    return {"action": "pair.meet", "params": {"name": name, "other": other}}


async def test_mcall_runs_all_calls_at_the_same_time(site_of: SiteOf) -> None:
    site = await site_of(Pair)

    assert await site.broker.mcall([_meet("a", "b"), _meet("b", "a")]) == ["a", "b"]
    assert await site.broker.mcall({"x": _meet("a", "b")}) == {"x": "a"}
    assert await site.broker.call("pair.nested") == ["a", "b"]
    assert await site.broker.mcall([]) == []


async def test_mcall_with_a_failing_call_cancels_the_others(site_of: SiteOf) -> None:
    pair = Pair()
    site = await site_of(pair)

    with pytest.raises(LookupError):
        await site.broker.mcall([{"action": "pair.wait"}, {"action": "pair.fail"}])

    assert pair.cancelled


async def test_cancelled_mcall_cancels_its_calls(site_of: SiteOf) -> None:
    pair = Pair()
    site = await site_of(pair)
    task = asyncio.create_task(site.broker.mcall([{"action": "pair.wait"}]))
    await pair.events["a"].wait()

    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
    assert pair.cancelled


async def test_settled_mcall_has_exceptions_among_its_results(site_of: SiteOf) -> None:
    pair = Pair()
    pair.events["a"].set()
    site = await site_of(pair)

    results = await site.broker.mcall(
        {"x": {"action": "pair.fail"}, "y": {"action": "no.action"}, "z": _meet("b", "a")},
        settled=True,
    )

    assert isinstance(results["x"], LookupError)
    assert isinstance(results["y"], ServiceNotFoundError)
    assert results["z"] == "b"


async def test_options_of_a_call_override_the_options_of_mcall(site_of: SiteOf) -> None:
    site = await site_of(Pair)

    first, second = await site.broker.mcall(
        [{"action": "pair.remaining"}, {"action": "pair.remaining", "options": {"timeout": 0}}],
        timeout=60,
    )

    assert 0 < first <= 60
    assert second is None


@pytest.mark.parametrize(
    "item",
    [
        {},
        {"name": "pair.meet"},
        {"action": 1},
        {"action": "pair.meet", "param": 1},
        {"action": "pair.meet", "options": None},
    ],
)
async def test_mcall_with_an_invalid_item_is_a_type_error(site_of: SiteOf, item: Any) -> None:
    site = await site_of(Pair)

    with pytest.raises(TypeError, match="a call of mcall is"):
        await site.broker.mcall([item])
