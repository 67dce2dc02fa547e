"""The cacher in Redis: sharing by processes, outages, and entries of other programs."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import attrs
import pytest
from redis.exceptions import ConnectionError

from bundles.gateway import Cache, GatewayBundle, GatewaySettings, action
from rxkernel import Application, ConfigurationError, Settings
from tests.bundles.gateway.cached_sites import CachedSiteOf, cached_sites
from tests.bundles.redis_servers import RedisServer
from tests.waiting import until

OUTAGE = "bundles.redis.outage"


@attrs.define
class Sum:
    total: int


class Math:
    def __init__(self) -> None:
        self.runs = 0
        self.begun = asyncio.Event()
        self.released = asyncio.Event()

    @action("math.add", cache=True)
    async def add(self, a: int, b: int) -> Sum | None:
        self.runs += 1
        return Sum(a + b)

    @action("math.runs", cache=Cache(keys=("id",), lock=True))
    async def run(self, id: int) -> int:
        self.runs += 1
        self.begun.set()
        await self.released.wait()
        return self.runs


@pytest.fixture
async def site_of(redis: RedisServer) -> AsyncIterator[CachedSiteOf]:
    """Start applications that share one Redis."""
    async with AsyncExitStack() as stack:
        yield cached_sites(stack, "redis", redis.url)


def logged(caplog: pytest.LogCaptureFixture, name: str = OUTAGE) -> list[str]:
    return [one.getMessage() for one in caplog.records if one.name == name]


async def test_redis_result_is_shared_by_processes(site_of: CachedSiteOf) -> None:
    first, second = Math(), Math()
    one, other = await site_of(first), await site_of(second)

    assert await one.call("math.add", {"a": 1, "b": 2}) == Sum(3)
    assert await other.call("math.add", {"a": 1, "b": 2}) == Sum(3)

    assert (first.runs, second.runs) == (1, 0)


async def test_redis_keys_begin_with_the_prefix(site_of: CachedSiteOf, redis: RedisServer) -> None:
    """As in Moleculer: ``MOL-``, and ``MOL-<namespace>-`` with a namespace."""
    default, other = await site_of(Math()), await site_of(Math(), cache_prefix="MOL-[a*]-")

    for site in (default, other):
        await site.call("math.add", {"a": 1, "b": 2})
    assert redis.command("EXISTS", "MOL-math.add:a|1|b|2") == ":1"
    assert redis.command("EXISTS", "MOL-[a*]-math.add:a|1|b|2") == ":1"

    await other.cacher.clean()
    assert redis.command("EXISTS", "MOL-math.add:a|1|b|2") == ":1"
    assert redis.command("EXISTS", "MOL-[a*]-math.add:a|1|b|2") == ":0"


async def test_redis_clean_removes_thousands_of_results(
    site_of: CachedSiteOf, redis: RedisServer
) -> None:
    site = await site_of(Math())
    for number in range(1200):
        await site.cacher.set(f"math.add:{number}", 1)

    await site.cacher.clean("math.*")

    assert redis.command("DBSIZE") == ":0"


@pytest.mark.parametrize("written", ["{", '"text"', '{"total":"x"}', '{"other":1}', "null"])
async def test_redis_result_that_does_not_fit_is_replaced(
    site_of: CachedSiteOf, redis: RedisServer, written: str
) -> None:
    math = Math()
    site = await site_of(math)
    redis.command("SET", "MOL-math.add:a|1|b|2", written)

    for _ in range(2):
        assert await site.call("math.add", {"a": 1, "b": 2}) == Sum(3)
    assert math.runs == 1


async def test_redis_key_of_another_type_does_not_fail_the_call(
    site_of: CachedSiteOf, redis: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    site = await site_of(Math())
    redis.command("LPUSH", "MOL-math.add:a|1|b|2", "x")

    assert await site.call("math.add", {"a": 1, "b": 2}) == Sum(3)
    (line,) = logged(caplog, "bundles.gateway.cachers.redis_cacher")
    assert line.startswith("the cache in Redis was not used: WRONGTYPE")


async def test_redis_killed_and_restarted_calls_go_through_and_are_cached_again(
    site_of: CachedSiteOf, redis: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    math = Math()
    math.released.set()
    site = await site_of(math)

    redis.kill()
    for runs in (1, 3):
        assert await site.call("math.add", {"a": 1, "b": 2}) == Sum(3)
        assert await site.call("math.runs", {"id": 1}) == runs + 1
    with pytest.raises(ConnectionError):
        await site.cacher.clean("math.*")
    (line,) = logged(caplog)
    assert line.startswith("Redis cannot be used: ")

    redis.start()
    await until(lambda: len(logged(caplog)) == 2)
    for _ in range(2):
        await site.call("math.add", {"a": 1, "b": 2})
    assert math.runs == 5


async def test_redis_paused_calls_wait_for_one_timeout_only(
    site_of: CachedSiteOf, redis: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    """The timeout is half a second; 200 calls would take 100."""
    site = await site_of(Math(), redis_timeout=0.5)
    await site.call("math.add", {"a": 0, "b": 0})

    with redis.paused():
        async with asyncio.timeout(20):
            for number in range(200):
                assert await site.call("math.add", {"a": number, "b": 0}) == Sum(number)
        assert len(logged(caplog)) == 1


async def test_redis_with_full_memory_is_read(
    site_of: CachedSiteOf, redis: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    math = Math()
    site = await site_of(math)
    await site.call("math.add", {"a": 1, "b": 2})
    redis.command("CONFIG", "SET", "maxmemory", "1")

    for _ in range(3):
        assert await site.call("math.add", {"a": 2, "b": 2}) == Sum(4)
    assert math.runs == 4
    assert await site.call("math.add", {"a": 1, "b": 2}) == Sum(3)
    assert math.runs == 4
    assert [line.partition(":")[0] for line in logged(caplog)] == ["Redis cannot be used"]


async def test_redis_lock_makes_other_processes_wait(
    site_of: CachedSiteOf, redis: RedisServer
) -> None:
    first, second = Math(), Math()
    one, other = await site_of(first), await site_of(second)
    lock = "MOL-math.runs:1-lock"

    async with asyncio.TaskGroup() as tasks:
        calls = [tasks.create_task(one.call("math.runs", {"id": 1}))]
        await first.begun.wait()
        calls += [tasks.create_task(other.call("math.runs", {"id": 1})) for _ in range(3)]
        assert redis.command("EXISTS", lock) == ":1"
        first.released.set()

    assert [call.result() for call in calls] == [1] * 4
    assert (first.runs, second.runs) == (1, 0)
    assert redis.command("EXISTS", lock) == ":0"


async def test_redis_lock_of_a_process_that_has_ended_expires(
    site_of: CachedSiteOf, redis: RedisServer
) -> None:
    math = Math()
    math.released.set()
    site = await site_of(math)
    redis.command("SET", "MOL-math.runs:1-lock", "another", "PX", "100")

    assert await site.call("math.runs", {"id": 1}) == 1


async def test_redis_lock_that_is_never_released_is_not_waited_for(
    site_of: CachedSiteOf, redis: RedisServer
) -> None:
    math = Math()
    math.released.set()
    site = await site_of(math)
    site.cacher.longest_wait = 0.05
    redis.command("SET", "MOL-math.runs:1-lock", "another")

    assert await site.call("math.runs", {"id": 1}) == 1


async def test_redis_lock_that_another_process_has_taken_over_stays(
    site_of: CachedSiteOf, redis: RedisServer
) -> None:
    math = Math()
    site = await site_of(math)
    lock = "MOL-math.runs:1-lock"

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(site.call("math.runs", {"id": 1}))
        await math.begun.wait()
        redis.command("SET", lock, "another")
        math.released.set()

    assert redis.command("EXISTS", lock) == ":1"


async def test_redis_cacher_without_the_bundle_is_an_error_at_boot() -> None:
    settings = Settings(bundles={"gateway": GatewaySettings(cacher="redis")})
    application = Application(bundles=[GatewayBundle], settings=settings)

    with pytest.raises(ConfigurationError, match=r'gateway\.cacher is "redis", and the bundle'):
        await application.boot()
