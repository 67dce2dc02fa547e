"""Recovery in another process: two applications on one redis-server."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from bundles.scale import RecoverySettings
from tests.bundles.redis_servers import RedisServer, running_redis
from tests.bundles.scale.conftest import Site, SiteOf
from tests.bundles.scale.process import QUICK
from tests.bundles.scale.recovery.recovering import Recovering, Rooms, recovering
from tests.servers.socketio.clients import engine_of, opened
from tests.waiting import until


def redis_with(**recovery: Any) -> dict[str, Any]:
    return {**QUICK, "recovery": RecoverySettings(store="redis", **recovery)}


async def two(site_of: SiteOf, redis: RedisServer, **recovery: Any) -> tuple[Site, Site]:
    options = {"scale": redis_with(**recovery), "listeners": [Rooms]}
    a = await site_of(redis, Rooms, **options)
    b = await site_of(redis, Rooms, **options)
    await a.sees(1)
    await b.sees(1)
    return a, b


async def lost(site: Site, one: Recovering) -> None:
    """End the transport of *one*; return when its state is in Redis."""
    await one.hang_up(site.application)
    await engine_of(site.application).shutdown()


async def test_client_recovers_in_another_process_with_each_event_once(
    site_of: SiteOf, shared_redis: RedisServer
) -> None:
    a, b = await two(site_of, shared_redis)
    async with recovering(a.application) as one:
        (connection,) = engine_of(a.application).connections.values()
        await one.call("join", "room")
        await one.call("note", {"name": "Ada", "data": b"\x00".hex()})
        await a.broadcaster.emit("from a", 1)
        assert await one.event() == ["from a", 1]
        await b.broadcaster.emit("from b", 2)
        assert await one.event() == ["from b", 2]
        await a.broadcaster.emit("local to a", local=True)
        await connection.emit("direct")
        await a.broadcaster.emit("shared")
        await lost(a, one)  # it has not read these three
    await b.broadcaster.emit("missed", {"from": "b"}, room="room")
    await a.broadcaster.emit("missed", {"from": "a"}, room=["room", "other"])
    await b.broadcaster.emit("local to b", local=True)
    await b.broadcaster.emit("other", room="other")
    await b.broadcaster.emit("skipped", skip=one.sid)
    await b.broadcaster.emit("volatile", volatile=True)
    await connection.emit("still running")
    await a.broadcaster.emit("after the others", room="room")

    async with opened(b.application, "websocket") as client:
        again = Recovering(client)
        assert await again.connect(pid=one.pid, offset=one.offset) == {
            "sid": one.sid,
            "pid": one.pid,
        }
        await a.broadcaster.emit("live", "a", room="room")
        await b.broadcaster.emit("live", "b", room=one.sid)
        await connection.emit("last")
        found: list[list[Any]] = []
        while not found or found[-1] != ["last"]:
            found.append(await again.event())
        await lost(b, again)

    assert found[:3] == [["local to a"], ["direct"], ["shared"]]
    assert sorted(map(str, found[3:])) == sorted(
        map(
            str,
            [
                ["missed", {"from": "b"}],
                ["missed", {"from": "a"}],
                ["still running"],
                ["after the others"],
                ["live", "a"],
                ["live", "b"],
                ["last"],
            ],
        )
    )
    assert b.application.injector.get(Rooms).connected[-1][:3] == (
        True,
        {"room"},
        {"name": "Ada", "data": "00"},
    )

    async with recovering(a.application, pid=one.pid, offset=again.offset) as third:
        assert third.sid == one.sid
        await b.broadcaster.emit("end")
        assert await third.event() == ["end"]


async def test_client_recovers_once(site_of: SiteOf, shared_redis: RedisServer) -> None:
    a, b = await two(site_of, shared_redis)
    async with recovering(a.application) as one:
        await lost(a, one)

    async with opened(a.application, "websocket") as x, opened(b.application, "websocket") as y:
        clients = Recovering(x), Recovering(y)
        ids = await asyncio.gather(*(each.connect(pid=one.pid) for each in clients))

    assert [each["sid"] for each in ids].count(one.sid) == 1


async def test_no_event_is_lost_or_sent_twice_while_many_are_sent(
    site_of: SiteOf, shared_redis: RedisServer
) -> None:
    """The client moves between the processes while both send."""
    a, b = await two(site_of, shared_redis, max_events=5000)
    sent: dict[str, int] = {"a": 0, "b": 0}

    async def send(site: Site, name: str) -> None:
        while sent[name] < 400:
            sent[name] += 1
            await site.broadcaster.emit("n", name, sent[name])
            await asyncio.sleep(0)
            if sent[name] % 7 == 0:
                await asyncio.sleep(0.001)

    found: list[list[Any]] = []
    async with recovering(a.application) as one:
        sending = asyncio.gather(send(a, "a"), send(b, "b"))
        pid, offset, sid = one.pid, None, one.sid
        for _ in range(10):
            found.append((await one.event())[1:])
        offset = one.offset
        await lost(a, one)
    for site in (b, a, b, b, a):
        async with recovering(site.application, pid=pid, offset=offset) as again:
            assert again.sid == sid
            for _ in range(15):
                found.append((await again.event())[1:])
            offset = again.offset
            await lost(site, again)
    await sending
    async with recovering(a.application, pid=pid, offset=offset) as again:
        assert again.sid == sid
        while len(found) < 800:
            found.append((await again.event())[1:])
        await b.broadcaster.emit("end")
        assert await again.event() == ["end"]

    for name in "ab":
        assert [number for who, number in found if who == name] == list(range(1, 401))


@pytest.mark.parametrize(
    "limit",
    [{"max_events": 2}, {"max_bytes": 1024}, {"max_sessions": 1}],
    ids=lambda limit: next(iter(limit)),
)
async def test_client_beyond_a_limit_does_not_recover(
    site_of: SiteOf, shared_redis: RedisServer, limit: dict[str, int]
) -> None:
    a, b = await two(site_of, shared_redis, **limit)
    async with recovering(a.application) as one, recovering(a.application) as other:
        await lost(a, one)
        await lost(a, other)
    for number in range(4):
        await b.broadcaster.emit("missed", number, "x" * 400)

    async with recovering(b.application, pid=one.pid) as again:
        assert again.sid != one.sid


async def test_clients_recover_when_their_process_stops(
    site_of: SiteOf, shared_redis: RedisServer
) -> None:
    """Workers restart one by one in this way."""
    a, b = await two(site_of, shared_redis)
    async with recovering(a.application) as one:
        await a.broadcaster.emit("before the end")
        await a.application.stop()
    await b.broadcaster.emit("meanwhile")

    async with recovering(b.application, pid=one.pid) as again:
        assert again.sid == one.sid
        assert [await again.event(), await again.event()] == [["before the end"], ["meanwhile"]]


async def test_clients_during_outage_are_new_and_recover_afterwards(
    site_of: SiteOf, redis_server: Path, tmp_path: Path
) -> None:
    with running_redis(redis_server, tmp_path) as redis:
        a, b = await two(site_of, redis)
        async with recovering(a.application) as one, recovering(b.application) as other:
            await lost(a, one)
            before = max(_recovery(site)._log.seen for site in (a, b))
            redis.kill()
            await b.broadcaster.emit("while Redis is away")
            assert await other.event() == ["while Redis is away"]
            async with recovering(b.application, pid=one.pid) as new:
                assert new.sid != one.sid
        redis.start()
        await until(lambda: a.link.problem is None and b.link.problem is None)
        logs = [_recovery(site)._log for site in (a, b)]
        await until(lambda: not any(_recovery(site)._outage.problem for site in (a, b)))
        await until(lambda: not any(log._has_gap or log._writing for log in logs))
        await until(lambda: logs[0].seen == logs[1].seen > before)

        async with recovering(a.application) as one:
            await lost(a, one)
        await b.broadcaster.emit("missed")
        async with recovering(b.application, pid=one.pid) as again:
            assert again.sid == one.sid
            assert await again.event() == ["missed"]


def _recovery(site: Site) -> Any:
    return site.broadcaster.recovery


async def test_changes_by_another_process_apply_to_clients_that_are_away(
    site_of: SiteOf, shared_redis: RedisServer
) -> None:
    a, b = await two(site_of, shared_redis)
    async with recovering(a.application) as one, recovering(a.application) as other:
        await one.call("join", "old")
        await other.call("join", "banned")
        await lost(a, one)
        await lost(a, other)
    await b.broadcaster.join("old", "new")
    await b.broadcaster.leave(one.sid, "old")
    await a.broadcaster.emit("to new", room="new")
    await a.broadcaster.emit("to old", room="old")
    await a.broadcaster.disconnect("banned")

    async with recovering(b.application, pid=one.pid) as again:
        assert again.sid == one.sid
        await b.broadcaster.emit("end", room="new")
        assert [await again.event(), await again.event()] == [["to new"], ["end"]]
    async with recovering(b.application, pid=other.pid) as banned:
        assert banned.sid != other.sid
