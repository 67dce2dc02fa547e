"""Services of one application in several processes send messages to each other."""

from typing import Any

import pytest

from rxkernel import Peers
from tests.bundles.redis_servers import RedisServer
from tests.bundles.scale.conftest import Site, SiteOf
from tests.waiting import until

QUICK = {"heartbeat_interval": 0.1, "heartbeat_timeout": 0.5}


class Service:
    """Records the messages of the other process."""

    def __init__(self, site: Site) -> None:
        self.link = site.link
        self.peers = site.application.injector.get(Peers)
        self.received: list[Any] = []
        self.looked = 0
        self.errors: list[Exception] = []
        self.peers.listen("shop.prices", self.receive)
        self.peers.when_missed(self.look)

    async def receive(self, data: Any) -> None:
        self.received.append(data)

    async def look(self) -> None:
        self.looked += 1
        if self.errors:
            raise self.errors.pop()


async def _two(site_of: SiteOf, redis: RedisServer) -> tuple[Service, Service]:
    sites = [await site_of(redis, scale=QUICK) for _ in range(2)]
    for site in sites:
        await site.sees(1)
    return Service(sites[0]), Service(sites[1])


async def test_message_reaches_the_other_processes_in_order(
    site_of: SiteOf, shared_redis: RedisServer
) -> None:
    here, there = await _two(site_of, shared_redis)
    assert here.peers.are_connected
    assert here.peers.are_heard

    sent = [{"tea": 1}, b"\x00\xff", None, *range(100)]
    for data in sent:
        assert here.peers.send("shop.prices", data)
    assert here.peers.send("unknown", 1)
    with pytest.raises(TypeError):
        here.peers.send("shop.prices", object())

    await until(lambda: len(there.received) == len(sent))
    assert there.received == sent
    assert here.received == []


async def test_handlers_of_missed_messages_are_called_until_they_succeed(
    site_of: SiteOf, redis: RedisServer
) -> None:
    here, there = await _two(site_of, redis)

    redis.kill()
    await until(lambda: not here.peers.are_heard)
    assert not here.peers.send("shop.prices", 1)
    there.looked, there.errors = 0, [RuntimeError("a bug")]
    redis.start()

    await until(lambda: here.peers.are_heard and there.looked >= 2)
    assert there.errors == there.received == []
