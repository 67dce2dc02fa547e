"""The bus while Redis is killed or hangs: H10 to H12 of the table of faults."""

from typing import Any

import aiohttp
import pytest

from bundles.redis.outage import Outage
from bundles.redis.problems import Problem
from bundles.scale import limit
from rxkernel import http
from tests.bundles.redis_servers import RedisServer
from tests.bundles.scale.conftest import Site, SiteOf
from tests.servers.conftest import http_url
from tests.servers.socketio_clients import raw_socket
from tests.waiting import until

BUS = ("&rxkernel.*", "+ping", "+publish", "+subscribe", "+select")
LIMITS = (
    *("~rxkernel:limit:*", "+evalsha", "+script|load", "+time", "+hmget", "+hset", "+pexpire"),
    *("~rxkernel:probe", "+set"),
)
QUICK = {"heartbeat_interval": 0.1, "heartbeat_timeout": 0.5, "request_timeout": 0.5}


async def _two(site_of: SiteOf, redis: RedisServer, **parts: Any) -> tuple[Site, Site]:
    here, there = [await site_of(redis, scale=QUICK, health=True, **parts) for _ in range(2)]
    await here.sees(1)
    await there.sees(1)
    return here, there


async def _readiness(site: Site) -> int:
    async with (
        aiohttp.ClientSession() as session,
        session.get(http_url(site.application, "/readyz")) as response,
    ):
        return response.status


async def test_emit_reaches_own_clients_while_redis_is_killed_and_others_afterwards(
    site_of: SiteOf, redis: RedisServer
) -> None:
    here, there = await _two(site_of, redis)
    assert await _readiness(here) == 200

    async with raw_socket(here.application) as ada, raw_socket(there.application) as bob:
        redis.kill()
        await until(lambda: here.link.problem is not None)
        assert not await here.broadcaster.emit("news", 1)
        assert not await here.bus.publish("news", 1)
        assert not await here.broadcaster.join("readers", "staff")
        assert len(await here.broadcaster.connections()) == 1
        assert await ada.receive() == '42["news",1]'
        assert await _readiness(here) == 503
        assert here.counts["bus.unsent"] >= 3

        redis.start()
        await until(lambda: here.link.problem is None)
        await until(lambda: there.link.problem is None)
        assert await here.broadcaster.emit("news", 2)
        assert await ada.receive() == await bob.receive() == '42["news",2]'
        assert await _readiness(here) == 200


async def test_emit_returns_at_once_while_redis_hangs(site_of: SiteOf, redis: RedisServer) -> None:
    here, _ = await _two(site_of, redis, redis_timeout=0.5)

    async with raw_socket(here.application) as ada:
        with redis.paused():
            for number in range(1000):
                await here.broadcaster.emit("news", number)
            for number in range(1000):
                assert await ada.receive() == f'42["news",{number}]'

            await until(lambda: here.link.problem is not None)
            assert not await here.broadcaster.emit("news")
            assert await _readiness(here) == 503
        await until(lambda: here.link.problem is None)


async def test_process_whose_subscription_is_gone_is_not_ready(
    site_of: SiteOf, redis: RedisServer
) -> None:
    """The worker can send, but receives nothing."""
    here, there = await _two(site_of, redis)

    redis.command("CLIENT", "KILL", "TYPE", "pubsub")
    await until(lambda: here.link.problem is not None)
    await until(lambda: here.link.problem is None and there.link.problem is None)

    async with raw_socket(there.application) as bob:
        assert await here.broadcaster.emit("news")
        assert await bob.receive() == '42["news"]'


async def test_ended_process_is_no_longer_waited_for(site_of: SiteOf, redis: RedisServer) -> None:
    here, there = await _two(site_of, redis)

    await there.application.stop()
    await here.sees(0)

    assert await here.broadcaster.connections() == []


async def test_full_memory_of_redis_does_not_stop_broadcasts(
    site_of: SiteOf, redis: RedisServer
) -> None:
    here, there = await _two(site_of, redis)

    redis.command("CONFIG", "SET", "maxmemory", "1")

    async with raw_socket(there.application) as bob:
        assert await here.broadcaster.emit("news")
        assert await bob.receive() == '42["news"]'


class Limited:
    @http("GET", "/limited", "limited")
    @limit("2/year")
    async def limited(self) -> str:
        return "limited"


async def test_user_of_redis_needs_only_the_commands_and_channels_of_the_pages(
    site_of: SiteOf, redis: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    redis.command("ACL", "SETUSER", "shop", "on", ">secret", "resetchannels", *BUS, *LIMITS)
    user, scale = _As(redis), {"limits": "redis"}

    here, there = [await site_of(user, Limited, redis_prefix="", scale=scale) for _ in range(2)]
    await here.sees(1)

    async with raw_socket(there.application) as bob:
        assert await here.broadcaster.emit("news")
        assert await bob.receive() == '42["news"]'
    async with aiohttp.ClientSession() as session:
        found = []
        for site in (here, there, here):
            async with session.get(http_url(site.application, "/limited")) as response:
                found.append(response.status)
    assert found == [200, 200, 429]
    assert here.counts == {}
    assert not [record for record in caplog.records if record.name.startswith("bundles")]

    outage = here.application.injector.get(Outage)
    outage.report(Problem("its memory is full", is_write_only=True))
    await until(lambda: outage.problem is None)


class _As:
    """*server*, with the user ``shop`` in its URL."""

    def __init__(self, server: RedisServer) -> None:
        self.url = server.url.replace("://", "://shop:secret@")
