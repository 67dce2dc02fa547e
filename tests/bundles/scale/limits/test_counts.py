"""What counts calls: in memory with a bound, and in Redis for several processes."""

from collections import Counter
from contextlib import AsyncExitStack
from math import ceil
from random import Random
from typing import Any

import pytest
from limits import parse
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter

from bundles.redis import RedisBundle, RedisSettings
from bundles.scale import ScaleBundle, ScaleSettings, limit
from bundles.scale.limits.memory_counts import BoundedStorage, MemoryCounts
from rxkernel import (
    Application,
    ConfigurationError,
    HttpSettings,
    KernelClient,
    Settings,
    both,
)
from tests.bundles.redis_servers import RedisServer

YEARLY = parse("2/year")


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
        assert await counts.take(YEARLY, f"key {number}") == 0

    storage = counts.storage
    assert (len(storage.storage), len(storage.expirations), len(storage.locks)) == (100, 100, 0)
    assert [await counts.take(YEARLY, "key 999") > 0 for _ in range(2)] == [False, True]
    assert [await counts.take(YEARLY, "key 0") > 0 for _ in range(3)] == [False, False, True]


@pytest.mark.parametrize("rate", ["10/minute", "3/second", "5 per 10 seconds", "1/hour"])
async def test_memory_counts_decide_as_the_storage_of_the_library(
    rate: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1_700_000_000.0
    monkeypatch.setattr("time.time", lambda: now)
    item, chance = parse(rate), Random(1)
    ours = SlidingWindowCounterRateLimiter(BoundedStorage(100))
    theirs = SlidingWindowCounterRateLimiter(MemoryStorage())
    accepted = Counter[bool]()

    for _ in range(2000):
        now += chance.expovariate(1.5 * item.amount / item.get_expiry())
        is_accepted = await ours.hit(item, "key")
        assert is_accepted == await theirs.hit(item, "key")
        found, expected = [
            await limiter.get_window_stats(item, "key") for limiter in (ours, theirs)
        ]
        assert found == expected
        accepted[is_accepted] += 1

    assert min(accepted[True], accepted[False]) > 100


async def test_call_after_the_reported_seconds_is_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1_700_000_000.0
    monkeypatch.setattr("time.time", lambda: now)
    item, chance, counts = parse("7/minute"), Random(1), MemoryCounts()
    refused = 0

    for _ in range(2000):
        now += chance.expovariate(1.5 * item.amount / item.get_expiry())
        if seconds := await counts.take(item, "key"):
            refused += 1
            now += ceil(seconds)
            assert await counts.take(item, "key") == 0

    assert refused > 100


async def test_memory_of_counts_drops_an_idle_key_before_a_busy_one() -> None:
    counts = MemoryCounts(max_keys=100)

    await counts.take(YEARLY, "idle")
    await counts.take(parse("1000/year"), "busy")
    for number in range(99):
        await counts.take(parse("1000/year"), "busy")
        await counts.take(YEARLY, f"key {number}")

    assert counts.storage.storage.total() == 100 + 99
    assert [await counts.take(YEARLY, "idle") > 0 for _ in range(3)] == [False, False, True]


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


async def test_without_redis_each_process_counts_until_it_is_back(
    redis: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    async with KernelClient(application_of(redis.url)) as client:
        assert await statuses(client, 1) == [200]
        redis.kill()
        assert await statuses(client, 3) == [200, 200, 429]

    assert [r.message for r in caplog.records if "Redis cannot be used" in r.message]


async def test_redis_that_hangs_delays_the_first_call_only(redis: RedisServer) -> None:
    application = application_of(redis.url, command_timeout=0.1)
    async with KernelClient(application) as client:
        assert await statuses(client, 1) == [200]
        with redis.paused():
            assert await statuses(client, 3) == [200, 200, 429]


async def test_limits_in_redis_need_the_bundle_redis() -> None:
    settings = Settings(bundles={"scale": ScaleSettings(limits="redis")})
    application = Application(bundles=[ScaleBundle], controllers=[Search], settings=settings)

    with pytest.raises(ConfigurationError, match=r"scale\.limits is"):
        await application.boot()


async def test_limits_in_memory_are_an_error_with_workers() -> None:
    workers = Settings(http=HttpSettings(reuse_port=True))
    application = Application(bundles=[ScaleBundle], controllers=[Search], settings=workers)

    with pytest.raises(ConfigurationError, match=r"'search' .* each worker would allow it"):
        await application.boot()
