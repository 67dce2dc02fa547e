"""Events that a program sends with python-socketio's Redis manager."""

import asyncio
import json

import pytest
from socketio import AsyncRedisManager

from bundles.scale.bus.counted import REASONS
from rxkernel import ConnectionEvent, ServerEvents, observe
from tests.bundles.redis_servers import RedisServer
from tests.bundles.scale.conftest import SiteOf
from tests.servers.socketio_clients import raw_socket
from tests.waiting import until

CHANNEL = {"socketio_channel": "socketio"}


async def test_events_and_changes_of_python_socketio_reach_clients_of_all_processes(
    site_of: SiteOf, shared_redis: RedisServer, prefix: str
) -> None:
    here, there = [await site_of(shared_redis, scale=CHANNEL) for _ in range(2)]
    manager = AsyncRedisManager(shared_redis.url, channel=f"{prefix}socketio", write_only=True)

    async with raw_socket(here.application) as ada, raw_socket(there.application) as bob:
        (one,) = await there.broadcaster.connections(local=True)
        await manager.emit("news", {"title": "Tea"})
        await manager.emit("two", ("a", 1), skip_sid=one.id)
        await manager.emit("bytes", {"content": b"\x01"}, to=one.id)

        assert [await ada.receive() for _ in range(2)] == [
            '42["news",{"title":"Tea"}]',
            '42["two","a",1]',
        ]
        assert [await bob.receive() for _ in range(3)] == [
            '42["news",{"title":"Tea"}]',
            '451-["bytes",{"content":{"_placeholder":true,"num":0}}]',
            b"\x01",
        ]

        await manager.enter_room(one.id, "/", "readers")
        await manager.emit("joined", room="readers", data=None)
        assert await bob.receive() == '42["joined",null]'
        await manager.close_room("readers")
        await manager.emit("unseen", room="readers", data=None)
        await manager.can_disconnect(one.id, "/")
        assert await bob.receive() == "41"
    await manager.redis.connection_pool.disconnect()
    assert here.counts == there.counts == {}


class Slow:
    """A listener that waits until the test ends it."""

    def __init__(self) -> None:
        self.may_end = asyncio.Event()

    @observe(ServerEvents.DISCONNECTED)
    async def wait(self, event: ConnectionEvent) -> None:
        await self.may_end.wait()


async def test_broadcasts_do_not_wait_for_listeners_of_a_client_that_is_disconnected(
    site_of: SiteOf, shared_redis: RedisServer, prefix: str
) -> None:
    slow = Slow()
    here = await site_of(shared_redis, scale=CHANNEL, listeners=[slow])
    there = await site_of(shared_redis)
    await there.sees(1)

    async with raw_socket(here.application) as ada:
        (one,) = await here.broadcaster.connections(local=True)
        async with raw_socket(here.application) as bob:
            for message in (
                {"method": "emit", "event": "bye", "data": [], "room": one.id},
                {"method": "disconnect", "sid": one.id},
            ):
                shared_redis.command("PUBLISH", f"{prefix}socketio", json.dumps(message))
            assert [await ada.receive() for _ in range(2)] == ['42["bye"]', "41"]
            await there.broadcaster.emit("news")
            assert await bob.receive() == '42["news"]'
            slow.may_end.set()


@pytest.mark.parametrize(
    "message",
    [
        "\x80pickle",
        "[]",
        "{}",
        json.dumps({"method": "emit"}),
        json.dumps({"method": "emit", "event": "x", "data": [[{}], "?"], "binary": True}),
        json.dumps({"method": "disconnect"}),
    ],
    ids=["pickle", "list", "empty", "no-event", "not-base64", "no-id"],
)
async def test_invalid_message_of_another_program_is_dropped(
    site_of: SiteOf, shared_redis: RedisServer, prefix: str, message: str
) -> None:
    site = await site_of(shared_redis, scale={"socketio_channel": "hostile"})

    shared_redis.command("PUBLISH", f"{prefix}hostile", message)
    await until(lambda: site.counts)

    assert site.counts == {"bus.invalid": 1}
    assert "invalid" in REASONS
