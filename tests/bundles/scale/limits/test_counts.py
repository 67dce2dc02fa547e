"""Counts of calls: in memory with a limit, and in Redis for several processes."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from math import ceil
from pathlib import Path
from random import Random
from typing import Any

import pytest
from limits import parse
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter

from bundles.redis import RedisBundle, RedisSettings
from bundles.redis.client import create_client
from bundles.redis.outage import Outage
from bundles.scale import ScaleBundle, ScaleSettings, limit
from bundles.scale.limits.counts import Counts
from bundles.scale.limits.memory_counts import MemoryCounts
from bundles.scale.limits.redis_counts import RedisCounts
from rxkernel import (
    Application,
    ConfigurationError,
    HttpSettings,
    KernelClient,
    Settings,
    both,
)
from tests.bundles.redis_servers import RedisServer, running_redis

YEARLY, MANY = parse("2/year"), parse("101/year")


class Search:
    @both("POST", "/search", "search")
    @limit("2/year")
    async def search(self) -> str:
        return "found"


def application_of(url: str, **redis: Any) -> Application:
    settings = {
        "redis": RedisSettings(url=url, **redis),
        "scale": ScaleSettings(limits="redis"),
    }
    return Application(
        bundles=[RedisBundle, ScaleBundle],
        controllers=[Search],
        settings=Settings(bundles=settings),
    )


async def statuses(client: KernelClient, count: int) -> list[int]:
    return [(await client.http("search")).status_code for _ in range(count)]


async def test_memory_of_counts_is_bounded_and_forgets_the_oldest_key() -> None:
    counts = MemoryCounts(max_keys=100)

    for number in range(1000):
        assert await counts.take([(YEARLY, f"key {number}")]) == 0

    assert len(counts) == 100
    assert [await counts.take([(YEARLY, "key 999")]) > 0 for _ in range(2)] == [False, True]
    assert [await counts.take([(YEARLY, "key 0")]) > 0 for _ in range(3)] == [False, False, True]


@pytest.mark.parametrize("rate", ["10/minute", "3/second", "5 per 10 seconds", "1/hour"])
async def test_memory_counts_accept_the_same_calls_as_the_library(
    rate: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1_700_000_000.0
    monkeypatch.setattr("time.time", lambda: now)
    item, chance, ours = parse(rate), Random(1), MemoryCounts()
    theirs = SlidingWindowCounterRateLimiter(MemoryStorage())
    accepted = Counter[bool]()

    for _ in range(2000):
        now += chance.expovariate(1.5 * item.amount / item.get_expiry())
        seconds = await ours.take([(item, "key")])
        is_accepted = await theirs.hit(item, "key")
        assert (seconds == 0) == is_accepted
        if not is_accepted:
            reset = (await theirs.get_window_stats(item, "key")).reset_time
            assert seconds == pytest.approx(reset - now, abs=0.002)
        accepted[is_accepted] += 1

    assert min(accepted[True], accepted[False]) > 100


async def test_call_after_the_reported_seconds_is_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1_700_000_000.0
    monkeypatch.setattr("time.time", lambda: now)
    item, chance, counts = parse("7/minute"), Random(1), MemoryCounts()
    refused = 0

    for _ in range(2000):
        now += chance.expovariate(1.5 * item.amount / item.get_expiry())
        if seconds := await counts.take([(item, "key")]):
            refused += 1
            now += ceil(seconds)
            assert await counts.take([(item, "key")]) == 0

    assert refused > 100


@pytest.mark.parametrize("start", [1_700_000_040.0, 1_700_000_050.0], ids=["border", "inside"])
async def test_call_after_the_reported_whole_seconds_is_allowed_at_a_border(
    start: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A test that moves the clock by ``Retry-After`` stops at the border of two windows."""
    now = start
    monkeypatch.setattr("time.time", lambda: now)
    item, counts = parse("2/minute"), MemoryCounts()
    waits = [await counts.take([(item, "key")]) for _ in range(3)]
    assert waits[:2] == [0, 0]

    now += ceil(waits[2])

    assert await counts.take([(item, "key")]) == 0


async def test_memory_of_counts_drops_an_idle_key_before_a_busy_one() -> None:
    counts = MemoryCounts(max_keys=100)

    await counts.take([(YEARLY, "idle")])
    await counts.take([(MANY, "busy")])
    for number in range(99):
        await counts.take([(MANY, "busy")])
        await counts.take([(YEARLY, f"key {number}")])

    assert [await counts.take([(MANY, "busy")]) > 0 for _ in range(2)] == [False, True]
    assert [await counts.take([(YEARLY, "idle")]) > 0 for _ in range(3)] == [False, False, True]


@pytest.fixture(params=["memory", "redis"])
async def counts(
    request: pytest.FixtureRequest, redis_server: Path, tmp_path: Path
) -> AsyncIterator[Counts]:
    if request.param == "memory":
        yield MemoryCounts()
        return
    with running_redis(redis_server, tmp_path) as server:
        settings = RedisSettings(url=server.url)
        client = create_client(settings)
        async with Outage(client, settings) as outage:
            yield RedisCounts(client, outage, settings)
            assert outage.problem is None
        await client.aclose()


async def test_call_that_one_rate_refuses_is_not_counted_for_the_others(counts: Counts) -> None:
    tenant, address = (parse("4/year"), "tenant"), (parse("2/hour"), "address")

    found = [await counts.take([tenant, address]) for _ in range(6)]

    assert [seconds > 0 for seconds in found] == [False, False, *[True] * 4]
    assert max(found) <= 2 * 3600
    assert [await counts.take([tenant]) > 0 for _ in range(3)] == [False, False, True]


async def test_refused_call_reports_seconds_until_all_rates_allow_it(counts: Counts) -> None:
    short, long = (parse("1/second"), "key"), (parse("1/year"), "key")

    assert await counts.take([short, long]) == 0

    assert await counts.take([short, long]) > 1


async def test_refused_call_is_allowed_after_the_seconds_in_redis(redis: RedisServer) -> None:
    """The test runs in real time, with windows of one second."""
    settings, item = RedisSettings(url=redis.url), parse("5/second")
    client = create_client(settings)
    async with Outage(client, settings) as outage:
        counts = RedisCounts(client, outage, settings)
        refused = 0
        while refused < 2:
            if seconds := await counts.take([(item, "key")]):
                refused += 1
                await asyncio.sleep(seconds)
                assert await counts.take([(item, "key")]) == 0
    await client.aclose()


async def test_calls_of_two_processes_are_counted_together_in_redis(redis: RedisServer) -> None:
    async with AsyncExitStack() as stack:
        one, two = [
            await stack.enter_async_context(KernelClient(application_of(redis.url)))
            for _ in range(2)
        ]
        assert await statuses(one, 1) == [200]
        assert await statuses(two, 1) == [200]
        refused = await one.http("search")

    assert refused.status_code == 429
    assert 1 <= int(refused.headers["Retry-After"]) <= 360 * 24 * 3600
    assert redis.command("DBSIZE") == ":1"


async def test_processes_count_separately_during_outage_of_redis(
    redis: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    async with KernelClient(application_of(redis.url)) as client:
        assert await statuses(client, 1) == [200]
        redis.kill()
        assert await statuses(client, 3) == [200, 200, 429]

    assert [r.message for r in caplog.records if "Redis cannot be used" in r.message]


async def test_calls_do_not_wait_for_redis_that_hangs(
    redis: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    application = application_of(redis.url, command_timeout=60, pool_size=1)
    async with KernelClient(application) as client:
        assert await statuses(client, 1) == [200]
        with redis.paused():
            responses = await asyncio.gather(*(client.http("search") for _ in range(20)))

    assert sorted(r.status_code for r in responses) == [200] * 2 + [429] * 18
    assert "Redis cannot be used: no reply within 0.25 seconds" in caplog.text


async def test_applications_with_databases_of_their_own_count_separately(
    redis: RedisServer,
) -> None:
    for database in range(2):
        url = f"{redis.url.removesuffix('0')}{database}"
        async with KernelClient(application_of(url)) as client:
            assert await statuses(client, 3) == [200, 200, 429]


async def test_limits_in_redis_need_the_bundle_redis() -> None:
    settings = Settings(bundles={"scale": ScaleSettings(limits="redis")})
    application = Application(bundles=[ScaleBundle], controllers=[Search], settings=settings)

    with pytest.raises(ConfigurationError, match=r"scale\.limits is"):
        await application.boot()


async def test_limits_in_memory_are_an_error_with_workers() -> None:
    workers = Settings(http=HttpSettings(reuse_port=True))
    application = Application(bundles=[ScaleBundle], controllers=[Search], settings=workers)

    with pytest.raises(ConfigurationError, match=r"'search' .* each worker would count"):
        await application.boot()
