"""Timeouts, retries and fallbacks of calls."""

import asyncio
from contextlib import suppress
from typing import Any

import pytest

from bundles.gateway import (
    Context,
    CurrentContext,
    MoleculerError,
    MoleculerRetryableError,
    RequestSkippedError,
    RequestTimeoutError,
    Retries,
    ServiceNotFoundError,
    action,
)
from tests.bundles.gateway.conftest import SiteOf


class Slow:
    def __init__(self) -> None:
        self.cancelled: list[str] = []
        self.error: Exception | None = None

    async def _wait(self, name: str) -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.cancelled.append(name)
            raise

    @action("slow.wait")
    async def wait(self) -> None:
        await self._wait("wait")

    @action("slow.own", timeout=0.01)
    async def own(self) -> None:
        await self._wait("own")

    @action("slow.stubborn", timeout=0.01)
    async def stubborn(self) -> str:
        with suppress(asyncio.CancelledError):
            await self._wait("stubborn")
        return "too late"

    @action("slow.replaced", timeout=0.01)
    async def replaced(self) -> None:
        try:
            await self._wait("replaced")
        except asyncio.CancelledError:
            raise LookupError from None

    @action("slow.late", timeout=0.01)
    async def late(self, ctx: CurrentContext) -> None:
        try:
            await self._wait("late")
        except asyncio.CancelledError:
            try:
                await ctx.call("slow.quick")
            except RequestSkippedError as exc:
                self.error = exc

    @action("slow.quick")
    async def quick(self, ctx: CurrentContext) -> float | None:
        return ctx.remaining

    @action("slow.remaining", timeout=60.0)
    async def remaining(self, ctx: CurrentContext) -> Any:
        inner = await ctx.call("slow.quick", timeout=600.0)
        shorter = await ctx.call("slow.quick", timeout=1.0)
        return [ctx.remaining, inner, shorter]

    @action("slow.none", timeout=0)
    async def none(self, ctx: CurrentContext) -> float | None:
        return ctx.remaining

    @action("slow.raises", timeout=60.0)
    async def raises(self) -> None:
        raise TimeoutError("of the action itself")


# check 20
async def test_call_past_its_timeout_is_cancelled(site_of: SiteOf) -> None:
    slow = Slow()
    site = await site_of(slow)

    with pytest.raises(RequestTimeoutError) as caught:
        await site.broker.call("slow.wait", timeout=0.01)

    error = caught.value
    assert (error.number, error.type) == (504, "REQUEST_TIMEOUT")
    assert error.data == {"action": "slow.wait", "nodeID": "node-1"}
    assert slow.cancelled == ["wait"]


@pytest.mark.parametrize("name", ["slow.own", "slow.stubborn", "slow.replaced"])
async def test_action_past_its_timeout_that_catches_the_cancellation_is_a_timeout(
    site_of: SiteOf, name: str
) -> None:
    """Also if the action returns or raises after the cancellation."""
    site = await site_of(Slow)

    with pytest.raises(RequestTimeoutError):
        await site.broker.call(name)
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0


async def test_timeout_of_the_settings_holds_for_actions_without_one(site_of: SiteOf) -> None:
    site = await site_of(Slow, request_timeout=0.01)

    with pytest.raises(RequestTimeoutError):
        await site.broker.call("slow.wait")
    assert await site.broker.call("slow.none") is None
    assert await site.broker.call("slow.quick", timeout=0) is None


async def test_nested_call_has_the_remaining_time(site_of: SiteOf) -> None:
    site = await site_of(Slow)

    outer, inner, shorter = await site.broker.call("slow.remaining")

    assert 0 < outer <= inner <= 60
    assert shorter <= 1


async def test_nested_call_without_remaining_time_is_skipped(site_of: SiteOf) -> None:
    slow = Slow()
    site = await site_of(slow)

    with pytest.raises(RequestTimeoutError):
        await site.broker.call("slow.late")

    assert isinstance(slow.error, RequestSkippedError)
    assert (slow.error.number, slow.error.type) == (514, "REQUEST_SKIPPED")
    assert slow.error.data == {"action": "slow.quick", "nodeID": "node-1"}


async def test_timeout_error_of_an_action_is_its_own(site_of: SiteOf) -> None:
    site = await site_of(Slow)

    with pytest.raises(TimeoutError, match="of the action itself"):
        await site.broker.call("slow.raises")


class Flaky:
    def __init__(self) -> None:
        self.calls = 0
        self.error = MoleculerRetryableError("try again")

    @action("flaky.fail")
    async def fail(self) -> None:
        self.calls += 1
        raise self.error

    @action("flaky.once")
    async def once(self, ctx: CurrentContext) -> str:
        self.calls += 1
        ctx.meta["attempt"] = self.calls
        if self.calls == 1:
            raise self.error
        return "done"

    @action("flaky.final")
    async def final(self) -> None:
        self.calls += 1
        raise MoleculerError("no")

    @action("flaky.own", retries=2)
    async def own(self) -> None:
        await self.fail()

    @action("flaky.outer", retries=3)
    async def outer(self, ctx: CurrentContext) -> None:
        await ctx.call("flaky.middle")

    @action("flaky.middle")
    async def middle(self, ctx: CurrentContext) -> None:
        await ctx.call("flaky.own")

    @action("flaky.hurried", timeout=0.05)
    async def hurried(self, ctx: CurrentContext) -> None:
        await ctx.call("flaky.fail", retries=5)

    @action("flaky.missing")
    async def missing(self, ctx: CurrentContext) -> None:
        self.calls += 1
        await ctx.call("flaky.nothing")


# check 22
async def test_call_with_two_retries_makes_three_attempts(site_of: SiteOf) -> None:
    flaky = Flaky()
    site = await site_of(flaky)

    with pytest.raises(MoleculerRetryableError) as caught:
        await site.broker.call("flaky.fail", retries=2)

    assert caught.value is flaky.error
    assert flaky.calls == 3
    assert len(site.pauses.seconds) == 2


# check 22
async def test_unknown_action_is_not_repeated(site_of: SiteOf) -> None:
    site = await site_of(Flaky, retries=5)

    with pytest.raises(ServiceNotFoundError):
        await site.broker.call("flaky.nothing", retries=5)

    assert site.pauses.seconds == []


async def test_retries_of_nested_calls_do_not_multiply(site_of: SiteOf) -> None:
    flaky = Flaky()
    site = await site_of(flaky)

    with pytest.raises(MoleculerRetryableError):
        await site.broker.call("flaky.outer")

    assert flaky.calls == 3  # those of flaky.own


async def test_retried_call_that_succeeds_returns_its_result(site_of: SiteOf) -> None:
    site = await site_of(Flaky)
    context = site.broker.context()

    assert await context.call("flaky.once", retries=1) == "done"
    assert context.meta == {"attempt": 2}


@pytest.mark.parametrize(("setting", "calls"), [(0, 1), (2, 3)])
async def test_retries_of_the_settings_hold_for_actions_without_any(
    site_of: SiteOf, setting: int, calls: int
) -> None:
    flaky = Flaky()
    site = await site_of(flaky, retries=setting)

    with pytest.raises(MoleculerRetryableError):
        await site.broker.call("flaky.fail")
    assert flaky.calls == calls

    flaky.error.retryable = True
    with pytest.raises(MoleculerRetryableError):
        await site.broker.call("flaky.fail", retries=0)
    assert flaky.calls == calls + 1


async def test_other_errors_are_not_repeated(site_of: SiteOf) -> None:
    flaky = Flaky()
    site = await site_of(flaky)

    with pytest.raises(MoleculerError):
        await site.broker.call("flaky.final", retries=5)

    assert flaky.calls == 1


async def test_call_is_not_repeated_when_no_time_is_left_for_it(site_of: SiteOf) -> None:
    """The first pause is longer than the remaining time."""
    flaky = Flaky()
    site = await site_of(flaky)

    with pytest.raises(MoleculerRetryableError):
        await site.broker.call("flaky.hurried")

    assert flaky.calls == 1


def test_pauses_double_up_to_the_limit() -> None:
    delays = [Retries().delay(attempt) for attempt in (1, 2, 3, 4, 5, 1000)]

    for delay, longest in zip(delays, (0.1, 0.2, 0.4, 0.8, 1.0, 1.0), strict=True):
        assert longest * 0.75 <= delay <= longest


class Falling:
    @action("falling.fail")
    async def fail(self) -> None:
        raise LookupError("why")

    @action("falling.zero", fallback=0)
    async def zero(self) -> None:
        raise LookupError

    @action("falling.wait", timeout=0.01, fallback="later")
    async def wait(self) -> None:
        await asyncio.Event().wait()


# check 21
@pytest.mark.parametrize("fallback", [0, "", False, None, [], {"a": 1}])
async def test_fallback_of_any_value_is_the_result(site_of: SiteOf, fallback: Any) -> None:
    site = await site_of(Falling)

    assert await site.broker.call("falling.fail", fallback=fallback) == fallback


# check 21
async def test_fallback_of_the_action_is_used_and_overridden(site_of: SiteOf) -> None:
    site = await site_of(Falling)

    assert await site.broker.call("falling.zero") == 0
    assert await site.broker.call("falling.zero", fallback=1) == 1
    assert await site.broker.call("falling.wait") == "later"


# check 21
async def test_fallback_function_gets_the_context_and_the_exception(site_of: SiteOf) -> None:
    site = await site_of(Falling)

    def plain(ctx: Context, exc: Exception) -> Any:
        return [ctx.name, ctx.params, str(exc)]

    async def waiting(ctx: Context, exc: Exception) -> Any:
        return plain(ctx, exc)

    expected = ["falling.fail", {"a": 1}, "why"]
    assert await site.broker.call("falling.fail", {"a": 1}, fallback=plain) == expected
    assert await site.broker.call("falling.fail", {"a": 1}, fallback=waiting) == expected


# check 21
async def test_fallback_is_not_used_for_an_unknown_action(site_of: SiteOf) -> None:
    site = await site_of(Falling)

    with pytest.raises(ServiceNotFoundError):
        await site.broker.call("falling.nothing", fallback=1)
