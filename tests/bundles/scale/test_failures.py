"""Processes that do not reply, that send invalid messages, or too many."""

import asyncio
import json

import msgspec
import pytest

from bundles.scale import ScaleBundle, subscribe
from bundles.scale.bus.jobs import Jobs
from bundles.scale.bus.load import MOST_BYTES
from bundles.scale.bus.ordered_jobs import OrderedJobs
from bundles.scale.bus.seal import Kind
from bundles.scale.bus.transport import BUS_EVENTS
from rxkernel import Application, ConfigurationError, NotConnectedError, procedure
from tests.bundles.redis_servers import RedisServer
from tests.bundles.scale.conftest import Site, SiteOf
from tests.servers.socketio_clients import raw_socket
from tests.waiting import until


class Slow:
    def __init__(self) -> None:
        self.begun = 0
        self.may_end = asyncio.Event()
        self.ended = 0

    @subscribe("slow")
    async def run(self) -> None:
        self.begun += 1
        await self.may_end.wait()
        self.ended += 1


async def _two(site_of: SiteOf, redis: RedisServer, *controllers: object) -> tuple[Site, Site]:
    scale = {"request_timeout": 0.1, "socketio_channel": "others"}
    here, there = [await site_of(redis, *controllers, scale=scale) for _ in range(2)]
    await here.sees(1)
    await there.sees(1)
    return here, there


async def test_process_that_does_not_reply_is_reported(
    site_of: SiteOf, shared_redis: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    here, there = await _two(site_of, shared_redis)
    there.link.handlers[Kind.REQUEST] = lambda sender, body: None

    assert not await here.broadcaster.disconnect("readers")
    assert await here.broadcaster.connections() == []
    with pytest.raises(TimeoutError, match="no acknowledgement of 'bob' within"):
        await here.broadcaster.call("bob", "ask", timeout=0.1)

    texts = [record.getMessage() for record in caplog.records]
    assert texts == [
        f"other processes that did not reply to {name!r} within 0.1 s: 1; silent before: 0"
        for name in ("change", "connections")
    ]
    assert here.application.servers["bus"].figures == {
        "bus.processes": 1,
        "bus.waiting_bytes": 0,
    }


async def test_call_during_outage_of_redis_raises_not_connected(
    site_of: SiteOf, redis: RedisServer
) -> None:
    here, _ = await _two(site_of, redis)
    redis.kill()
    await until(lambda: here.link.problem is not None)

    with pytest.raises(NotConnectedError):
        await here.broadcaster.call("bob", "ask")


@pytest.mark.parametrize("kind", [Kind.BROADCAST, Kind.EVENT, Kind.REQUEST, Kind.REPLY, Kind.PEER])
@pytest.mark.parametrize(
    "body",
    [b"", b"\xc1", msgspec.msgpack.encode({}), msgspec.msgpack.encode([1])],
    ids=["empty", "not-msgpack", "object", "short"],
)
async def test_invalid_messages_of_another_process_do_not_end_the_link(
    site_of: SiteOf, shared_redis: RedisServer, kind: Kind, body: bytes
) -> None:
    here, there = await _two(site_of, shared_redis)

    here.link.send(kind, body)

    async with raw_socket(there.application) as bob:
        await here.broadcaster.emit("next")
        assert await bob.receive() == '42["next"]'


async def test_reserved_event_of_another_process_is_logged(
    site_of: SiteOf, shared_redis: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    here, _ = await _two(site_of, shared_redis)

    body = msgspec.msgpack.encode(["connect", [], None, "/", [], False])
    here.link.send(Kind.BROADCAST, body)
    await until(lambda: caplog.records)

    assert "handling a broadcast of another process failed" in caplog.text
    assert "'connect' is reserved" in caplog.text


async def test_unknown_method_of_python_socketio_is_ignored(
    site_of: SiteOf, shared_redis: RedisServer, prefix: str
) -> None:
    _, there = await _two(site_of, shared_redis)

    async with raw_socket(there.application) as bob:
        (one,) = await there.broadcaster.connections(local=True)
        await there.broadcaster.join(one.id, "readers")
        for message in (
            {"method": "callback"},
            {"method": "leave_room", "sid": one.id, "room": "readers"},
            {"method": "emit", "event": "unseen", "data": [], "room": "readers"},
            {"method": "emit", "event": "text", "data": "tea"},
        ):
            shared_redis.command("PUBLISH", f"{prefix}others", json.dumps(message))
        assert await bob.receive() == '42["text","tea"]'
    assert there.counts == {}


async def test_messages_beyond_the_limit_are_dropped(
    site_of: SiteOf, shared_redis: RedisServer, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = await _two(site_of, shared_redis, Slow())
    monkeypatch.setattr("bundles.scale.bus.load.MOST", 0)

    await here.bus.publish("slow")
    await here.broadcaster.emit("news")
    await here.broadcaster.connections()
    shared_redis.command("PUBLISH", f"{prefix}others", '{"method":"emit","event":"x","data":[]}')
    await until(lambda: there.counts.get("bus.overloaded") == 4)


@pytest.mark.parametrize("jobs", [Jobs, OrderedJobs])
async def test_bytes_of_messages_that_are_handled_are_limited(
    jobs: type[Jobs | OrderedJobs],
) -> None:
    may_end, bound = asyncio.Event(), jobs()

    assert bound.start("a large one", may_end.wait(), MOST_BYTES + 1)
    assert not bound.start("one more", may_end.wait(), 1)
    may_end.set()
    await bound.drain()

    for size, is_started in ((MOST_BYTES - 1, True), (1, True), (1, False)):
        assert bound.start("the next", may_end.wait(), size) is is_started
    await bound.drain()


async def test_stop_waits_for_subscribers_that_run(site_of: SiteOf) -> None:
    slow = Slow()
    site = await site_of(None, slow)
    await site.bus.publish("slow")
    await until(lambda: slow.begun)

    stopping = asyncio.create_task(site.application.stop())
    await until(lambda: not site.application.servers.is_serving)
    slow.may_end.set()
    await stopping

    assert slow.ended == 1


async def test_procedure_of_the_transport_without_subscribe_fails_at_boot() -> None:
    class Wrong:
        @procedure("wrong", BUS_EVENTS)
        async def run(self) -> None: ...

    application = Application(bundles=[ScaleBundle], controllers=[Wrong])

    with pytest.raises(ConfigurationError, match="use @subscribe"):
        await application.boot()
