"""Broadcasts between two applications, over Debian's redis-server, to real sockets."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from rxkernel import NotConnectedError, Request, websocket
from tests.bundles.redis_servers import RedisServer
from tests.bundles.scale.conftest import Site, SiteOf
from tests.servers.socketio_clients import RawSocket, raw_socket


class Readers:
    @websocket("join")
    async def join(self, request: Request) -> None:
        assert request.connection is not None
        await request.connection.join(request.body)


async def _two(site_of: SiteOf, redis: RedisServer) -> tuple[Site, Site]:
    here, there = await site_of(redis, Readers), await site_of(redis, Readers)
    await here.sees(1)
    await there.sees(1)
    return here, there


async def test_broadcast_reaches_clients_of_both_processes_once(
    site_of: SiteOf, shared_redis: RedisServer
) -> None:
    here, there = await _two(site_of, shared_redis)
    emit = here.broadcaster.emit

    async with raw_socket(here.application) as ada, raw_socket(there.application) as bob:
        await bob.send('421["join","readers"]', '422["join","staff"]')
        await bob.acknowledged(1)
        await bob.acknowledged(2)
        (one,) = await there.broadcaster.connections(local=True)

        assert await emit("elsewhere", namespace="/news")
        assert await emit("others", room="authors")
        assert await emit("nobody", room=[])
        assert await emit("skipped", skip=one.id)
        assert await emit("here", local=True)
        assert await emit("news", "tea", {"n": 1}, room=["readers", "staff"])
        assert await emit("end", b"\x01", volatile=True)

        assert [await bob.receive() for _ in range(3)] == [
            '42["news","tea",{"n":1}]',
            '451-["end",{"_placeholder":true,"num":0}]',
            b"\x01",
        ]
        assert [await ada.receive() for _ in range(4)] == [
            '42["skipped"]',
            '42["here"]',
            '451-["end",{"_placeholder":true,"num":0}]',
            b"\x01",
        ]
    assert here.broadcaster.reaches_other_processes
    assert here.counts == there.counts == {}


async def test_broadcasts_arrive_in_order(site_of: SiteOf, shared_redis: RedisServer) -> None:
    here, there = await _two(site_of, shared_redis)

    async with raw_socket(there.application) as bob:
        for number in range(500):
            await here.broadcaster.emit("n", number)

        assert [await bob.receive() for _ in range(500)] == [f'42["n",{n}]' for n in range(500)]


async def test_clients_of_another_process_are_listed_moved_and_disconnected(
    site_of: SiteOf, shared_redis: RedisServer
) -> None:
    here, there = await _two(site_of, shared_redis)
    broadcaster = here.broadcaster

    async with raw_socket(here.application), raw_socket(there.application) as bob:
        (own,) = await broadcaster.connections(local=True)
        (other,) = await there.broadcaster.connections(local=True)
        assert {one.id for one in await broadcaster.connections()} == {own.id, other.id}

        assert await broadcaster.join(other.id, ["readers", "staff"])
        assert await broadcaster.leave("readers", "staff")
        (listed,) = await broadcaster.connections("readers")
        assert (listed.id, listed.rooms) == (other.id, frozenset({"readers"}))
        assert await broadcaster.disconnect(other.id)
        assert await bob.receive() == "41"
        assert [one.id for one in await broadcaster.connections()] == [own.id]


async def test_client_of_another_process_cannot_join_the_room_of_a_client_there(
    site_of: SiteOf, shared_redis: RedisServer
) -> None:
    here, there = await _two(site_of, shared_redis)

    async with raw_socket(there.application), raw_socket(there.application):
        ada, bob = await here.broadcaster.connections()

        with pytest.raises(ValueError, match="the room of another connection"):
            await here.broadcaster.join(ada.id, bob.id)

        assert [one.id for one in await here.broadcaster.connections(bob.id)] == [bob.id]


async def test_call_returns_acknowledgement_of_client_of_another_process(
    site_of: SiteOf, shared_redis: RedisServer
) -> None:
    here, there = await _two(site_of, shared_redis)

    async with raw_socket(there.application) as bob:
        (other,) = await there.broadcaster.connections(local=True)

        for reply, result in (('["tea"]', "tea"), ('["a",1]', ("a", 1)), ("[]", None)):
            call = here.broadcaster.call(other.id, "ask", 1, timeout=20)
            assert (await _acknowledged(call, bob, reply)) == result

        with pytest.raises(TimeoutError, match="no acknowledgement"):
            await here.broadcaster.call(other.id, "ask", timeout=0.05)
        with pytest.raises(NotConnectedError, match="no client has the id 'nobody'"):
            await here.broadcaster.call("nobody", "ask")


async def _acknowledged(call: Coroutine[Any, Any, Any], client: RawSocket, reply: str) -> Any:
    """Send *reply* to the event that *client* receives, and return the result of *call*."""
    calling = asyncio.create_task(call)
    frame = await client.receive()
    assert isinstance(frame, str)
    await client.send(f"43{frame.removeprefix('42').partition('[')[0]}{reply}")
    return await calling
