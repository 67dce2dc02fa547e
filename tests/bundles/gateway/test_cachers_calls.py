"""Cached calls, with every cacher."""

import asyncio
from datetime import date
from decimal import Decimal
from typing import Any

import attrs
import pytest
from injector import inject

from bundles.contracts import DomainError
from bundles.gateway import Broker, Cache, Context, CurrentContext, action
from rxkernel import (
    ForbiddenException,
    HeadEvent,
    KernelEvents,
    Request,
    RequestEvent,
    Response,
    Transport,
    http,
    observe,
)
from tests.bundles.gateway.cached_sites import CachedSiteOf
from tests.bundles.gateway.cached_sites import cached_site as cached_site
from tests.bundles.gateway.cached_sites import cacher as cacher
from tests.waiting import until


@attrs.define
class Line:
    count: int
    price: Decimal


@attrs.define
class Order:
    id: int
    day: date
    lines: list[Line]


@attrs.frozen
class User:
    id: str


@attrs.frozen
class Token:
    user: User


class Orders:
    """Counts how often its actions run."""

    def __init__(self) -> None:
        self.runs = 0
        self.begun = asyncio.Event()
        self.released = asyncio.Event()

    @action("orders.find", cache=True)
    async def find(self, id: int, ctx: CurrentContext) -> Order:
        self.runs += 1
        ctx.meta["ran"] = True
        return Order(id, date(2024, 1, 2), [Line(2, Decimal("1.50"))])

    @action("orders.raw", cache=Cache(keys=("a",)))
    async def raw(self, ctx: CurrentContext) -> Any:
        self.runs += 1
        return {"a": ctx.params["a"], "b": [ctx.params["b"]]}

    @action("orders.any", cache=Cache())
    async def any(self, given: str) -> Any:
        self.runs += 1
        return {"none": None, "date": date(2024, 1, 2), "tuple": (1, 2), "given": given}[given]

    @action("orders.mine", cache=Cache(keys=("#user.id",)))
    async def mine(self, ctx: CurrentContext) -> str:
        self.runs += 1
        return f"of {ctx.meta['user']['id']}"

    @action("orders.short", cache=Cache(ttl=0.05))
    async def short(self) -> int:
        self.runs += 1
        return self.runs

    @action("orders.long", cache=True)
    async def long(self, id: int = 0) -> int:
        self.runs += 1
        return self.runs

    @action("orders.some", cache=Cache(enabled=lambda ctx: ctx.params["id"] > 0))
    async def some(self, id: int) -> int:
        self.runs += 1
        return self.runs

    @action("orders.off", cache=Cache(enabled=False))
    async def off(self) -> int:
        self.runs += 1
        return self.runs

    @action("orders.response", cache=True)
    async def response(self) -> Response:
        self.runs += 1
        return Response(self.runs)

    @action("orders.fails", cache=True)
    async def fails(self) -> Any:
        self.runs += 1
        raise ForbiddenException(f"run {self.runs}")

    @action("orders.error", cache=True)
    async def error(self) -> Any:
        self.runs += 1
        return DomainError("sold_out", f"run {self.runs}", status_code=409)

    @action("orders.object", cache=True)
    async def object(self) -> Any:
        self.runs += 1
        return {1: asyncio.current_task()}

    @action("orders.locked", cache=Cache(keys=("id",), lock=True))
    async def locked(self, id: int, fail: int = 0) -> Any:
        self.runs += 1
        run = self.runs
        self.begun.set()
        await self.released.wait()
        if run <= fail:
            raise ForbiddenException(f"run {run}")
        return None if id < 0 else [run]

    @action("orders.slow", cache=True)
    async def slow(self) -> int:
        self.runs += 1
        run = self.runs
        self.begun.set()
        await self.released.wait()
        return run


async def test_cached_result_is_returned_without_a_run(cached_site: CachedSiteOf) -> None:
    orders = Orders()
    site = await cached_site(orders)

    missed = await site.call("orders.find", {"id": 1})
    found = await site.call("orders.find", {"id": 1})
    other = await site.call("orders.find", {"id": 2})

    assert orders.runs == 2
    assert missed == found == Order(1, date(2024, 1, 2), [Line(2, Decimal("1.50"))])
    assert type(found.lines[0].price) is Decimal
    assert other.id == 2


async def test_cached_result_of_any_has_the_same_type_on_a_hit_and_on_a_miss(
    cached_site: CachedSiteOf,
) -> None:
    site = await cached_site(Orders())

    for given in ("date", "tuple", "given"):
        missed = await site.call("orders.any", {"given": given})
        found = await site.call("orders.any", {"given": given})
        assert type(missed) is type(found)
        assert missed == found


async def test_cached_result_that_a_caller_changes_stays(cached_site: CachedSiteOf) -> None:
    site = await cached_site(Orders())

    for _ in range(3):
        result = await site.call("orders.raw", {"a": 1, "b": 2})
        assert result == {"a": 1, "b": [2]}
        result["a"] = "changed"
        result["b"].append("changed")


async def test_cached_result_is_by_the_listed_keys_only(cached_site: CachedSiteOf) -> None:
    orders = Orders()
    site = await cached_site(orders)

    assert (await site.call("orders.raw", {"a": 1, "b": 2}))["b"] == [2]
    assert (await site.call("orders.raw", {"a": 1, "b": 3}))["b"] == [2]
    assert (await site.call("orders.raw", {"a": "1", "b": 4}))["b"] == [4]
    assert orders.runs == 2


async def test_cached_result_by_meta_is_of_one_user(cached_site: CachedSiteOf) -> None:
    orders = Orders()
    site = await cached_site(orders)

    results = [await site.call("orders.mine", meta={"user": {"id": id}}) for id in (1, 2, 1, 2)]
    assert results == ["of 1", "of 2", "of 1", "of 2"]
    assert orders.runs == 2


async def test_cached_result_by_user_reads_the_token_of_the_message(
    cached_site: CachedSiteOf,
) -> None:
    """A call from an HTTP action has the token in its meta, but no user."""

    class Profiles:
        @inject
        def __init__(self, broker: Broker) -> None:
            self.broker = broker

        @http("GET", "/profile/{name}", "profile")
        async def show(self, name: str) -> Any:
            return await self.broker.call("profiles.show")

        @action("profiles.show", cache=Cache(keys=("#user.id",)))
        async def load(self, request: Request) -> str:
            return f"of {request.user.id}"

    class Login:
        @observe(KernelEvents.KERNEL_HEAD)
        async def login(self, event: HeadEvent) -> None:
            if event.request.transport is Transport.HTTP:
                event.request.token = Token(User(event.request.params["name"]))

    site = await cached_site(Profiles, listeners=(Login,))

    for name in ("ada", "bob", "ada"):
        response = await site.client.http("profile", params={"name": name})
        assert response.content == f"of {name}"


async def test_cached_none_runs_again(cached_site: CachedSiteOf) -> None:
    orders = Orders()
    site = await cached_site(orders)

    assert [await site.call("orders.any", {"given": "none"}) for _ in range(2)] == [None, None]
    assert orders.runs == 2


async def test_call_with_cache_false_in_the_meta_skips_the_cache(
    cached_site: CachedSiteOf,
) -> None:
    orders = Orders()
    site = await cached_site(orders)

    assert await site.call("orders.long") == 1
    assert await site.call("orders.long", meta={"$cache": False}) == 2
    assert await site.call("orders.long") == 1


async def test_cache_is_enabled_by_a_function_of_the_context(cached_site: CachedSiteOf) -> None:
    site = await cached_site(Orders())

    assert [await site.call("orders.some", {"id": id}) for id in (1, 1, 0, 0)] == [1, 1, 2, 3]
    assert [await site.call("orders.off") for _ in range(2)] == [4, 5]


async def test_cached_result_past_its_lifetime_is_computed_again(
    cached_site: CachedSiteOf,
) -> None:
    """Redis has its own clock; 50 milliseconds pass there."""
    site = await cached_site(Orders())
    key = "orders.short:"

    assert await site.call("orders.short") == 1
    site.clock.time += 0.049
    assert await site.call("orders.short") == 1
    site.clock.time += 0.001
    async with asyncio.timeout(20):
        while await site.cacher.get(key) is not None:  # noqa: ASYNC110 - Redis is a process
            await asyncio.sleep(0.005)
    assert await site.call("orders.short") == 2


async def test_cached_result_expires_after_the_setting(cached_site: CachedSiteOf) -> None:
    site = await cached_site(Orders(), cache_ttl=0.05)

    assert await site.call("orders.long") == 1
    site.clock.time += 0.05
    async with asyncio.timeout(20):
        while await site.cacher.get("orders.long:") is not None:  # noqa: ASYNC110 - as above
            await asyncio.sleep(0.005)
    assert await site.call("orders.long") == 2


async def test_cached_results_are_cleaned_by_patterns(cached_site: CachedSiteOf) -> None:
    site = await cached_site(Orders())

    async def all_runs() -> list[int]:
        return [await site.call("orders.long", {"id": id}) for id in (1, 2)]

    assert await all_runs() == [1, 2]
    await site.cacher.clean("orders")
    await site.cacher.clean("users.*", "*")
    assert await all_runs() == [1, 2]
    await site.cacher.clean("orders.long:id|1*")
    assert await all_runs() == [3, 2]
    await site.cacher.clean("orders.*")
    assert await all_runs() == [4, 5]
    await site.cacher.delete("orders.long:id|2")
    assert await all_runs() == [4, 6]
    await site.cacher.clean()
    assert await all_runs() == [7, 8]


async def test_cacher_of_the_broker_gets_and_sets_values(cached_site: CachedSiteOf) -> None:
    site = await cached_site(Orders())

    await site.cacher.set("orders.long:", 17)
    assert await site.call("orders.long") == 17
    assert await site.cacher.get("orders.long:") == 17
    assert await site.cacher.get("orders.long:id|1") is None


async def test_result_that_began_before_a_clean_is_not_cached(cached_site: CachedSiteOf) -> None:
    orders = Orders()
    site = await cached_site(orders)

    async with asyncio.TaskGroup() as tasks:
        first = tasks.create_task(site.call("orders.slow"))
        await orders.begun.wait()
        await site.cacher.clean("orders.*")
        orders.released.set()

    assert first.result() == 1
    assert await site.call("orders.slow") == 2


async def test_cached_result_is_marked_in_the_context(cached_site: CachedSiteOf) -> None:
    contexts: list[Context] = []

    class Watch:
        @observe(KernelEvents.KERNEL_REQUEST)
        async def watch(self, event: RequestEvent) -> None:
            contexts.append(event.request.native)

    site = await cached_site(Orders(), listeners=(Watch,))

    for _ in range(2):
        await site.call("orders.find", {"id": 1})

    assert [context.cached_result for context in contexts] == [False, True]
    assert [context.meta for context in contexts] == [{"ran": True}, {}]


async def test_cached_result_is_found_after_the_access_rules(cached_site: CachedSiteOf) -> None:
    class Rule:
        is_open = True

        @observe(KernelEvents.KERNEL_HEAD)
        async def check(self, event: HeadEvent) -> None:
            if not self.is_open:
                raise ForbiddenException

    rule = Rule()
    site = await cached_site(Orders(), listeners=(rule,))

    assert await site.call("orders.long") == 1
    rule.is_open = False
    with pytest.raises(ForbiddenException):
        await site.call("orders.long")


@pytest.mark.parametrize("name", ["orders.fails", "orders.error"])
async def test_error_is_not_cached(cached_site: CachedSiteOf, name: str) -> None:
    orders = Orders()
    site = await cached_site(orders, with_bundles=("contracts",))

    for run in (1, 2):
        with pytest.raises(Exception, match=f"run {run}"):
            await site.call(name)


async def test_response_is_not_cached(cached_site: CachedSiteOf) -> None:
    site = await cached_site(Orders())

    assert [await site.call("orders.response") for _ in range(2)] == [1, 2]


async def test_result_that_cannot_be_cached_is_returned_and_logged_once(
    cached_site: CachedSiteOf, caplog: pytest.LogCaptureFixture
) -> None:
    orders = Orders()
    site = await cached_site(orders)

    for _ in range(2):
        assert await site.call("orders.object") == {1: asyncio.current_task()}

    assert orders.runs == 2
    (record,) = caplog.records
    assert record.getMessage().startswith("the result orders.object: cannot be cached: ")


async def test_calls_with_a_lock_wait_for_the_first(cached_site: CachedSiteOf) -> None:
    orders = Orders()
    site = await cached_site(orders)

    async with asyncio.TaskGroup() as tasks:
        calls = [tasks.create_task(site.call("orders.locked", {"id": 1})) for _ in range(20)]
        await orders.begun.wait()
        orders.released.set()

    assert [call.result() for call in calls] == [[1]] * 20
    assert len({id(call.result()) for call in calls}) == 20  # no list is shared
    assert orders.runs == 1


async def test_calls_with_a_lock_for_other_keys_do_not_wait(cached_site: CachedSiteOf) -> None:
    orders = Orders()
    site = await cached_site(orders)

    async with asyncio.TaskGroup() as tasks:
        for id in range(3):
            tasks.create_task(site.call("orders.locked", {"id": id}))
        await until(lambda: orders.runs == 3)
        orders.released.set()


async def test_calls_with_a_lock_whose_result_is_none_share_one_run(
    cached_site: CachedSiteOf,
) -> None:
    orders = Orders()
    site = await cached_site(orders)

    async with asyncio.TaskGroup() as tasks:
        calls = [tasks.create_task(site.call("orders.locked", {"id": -1})) for _ in range(5)]
        await orders.begun.wait()
        orders.released.set()

    assert [call.result() for call in calls] == [None] * 5
    assert await site.call("orders.locked", {"id": -1}) is None
    assert orders.runs == 2


async def test_call_with_a_lock_that_fails_is_followed_by_the_next(
    cached_site: CachedSiteOf,
) -> None:
    orders = Orders()
    site = await cached_site(orders)
    orders.released.set()

    results = await asyncio.gather(
        *(site.call("orders.locked", {"id": 1, "fail": 2}) for _ in range(5)),
        return_exceptions=True,
    )

    assert sorted(map(str, results)) == ["[3]", "[3]", "[3]", "run 1", "run 2"]


async def test_call_with_a_lock_that_has_waited_too_long_runs(cached_site: CachedSiteOf) -> None:
    orders = Orders()
    site = await cached_site(orders)
    site.cacher.longest_wait = 0.05

    async with asyncio.TaskGroup() as tasks:
        for _ in range(2):
            tasks.create_task(site.call("orders.locked", {"id": 1}))
        await until(lambda: orders.runs == 2)
        orders.released.set()


async def test_call_with_a_lock_that_is_cancelled_is_followed_by_the_next(
    cached_site: CachedSiteOf,
) -> None:
    orders = Orders()
    site = await cached_site(orders)

    async with asyncio.TaskGroup() as tasks:
        first = tasks.create_task(site.call("orders.locked", {"id": 1}))
        await orders.begun.wait()
        second = tasks.create_task(site.call("orders.locked", {"id": 1}))
        await asyncio.sleep(0)
        first.cancel()
        orders.released.set()

    assert second.result() == [2]
