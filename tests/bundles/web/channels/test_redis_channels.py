"""Channels of two processes with one Redis: two applications, or two logs of the events."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from typing import Any

import aiohttp
import attrs
import pytest
from redis.exceptions import OutOfMemoryError, RedisError, ResponseError

from bundles.autoload import create_application
from bundles.redis import Redis, RedisSettings
from bundles.redis.client import create_client
from bundles.redis.outage import Outage
from bundles.web.channels.event_log import LogReceiver
from bundles.web.channels.redis_event_log import RedisEventLog
from bundles.web.channels.settings import ChannelSettings
from tests.bundles.redis_servers import RedisServer
from tests.bundles.web.channels.conftest import LiveSite
from tests.bundles.web.conftest import Site
from tests.required_tools import ROOT
from tests.waiting import until

FILES = {
    "app/chat.sse/get.py": "async def get(client): return 'chat'",
    "app/two.sse/get.py": "async def get(client): return ['chat', 'news']",
    "app/chat.ws/get.py": """
        async def get(client):
            await client.websocket.accept()
            client.subscribe("chat")
            await client.websocket.receive()
        """,
    "app/chat.json/post.py": """
        from bundles.web import Channels

        async def post(client, channels: Channels):
            await channels.send("chat", "say", client.fields["text"])
        """,
}

Start = Callable[..., Any]


@pytest.fixture
async def start(site: Site, prefix: str) -> AsyncIterator[Start]:
    """``await start(redis, {"web.channels.replay_age": 1})`` serves the files in another
    application, which stands for another process."""
    site.write(FILES)
    async with AsyncExitStack() as stack:

        async def serve(redis: RedisServer, settings: dict[str, Any] | None = None) -> LiveSite:
            application = create_application(site.root, bundles=["redis"])
            application.load_settings(
                {
                    **{"http.port": 0, "http.host": "127.0.0.1", "redis.url": redis.url},
                    **{"web.channels.store": "redis", "redis.prefix": prefix},
                    **(settings or {}),
                }
            )
            await application.start()
            stack.push_async_callback(application.stop)
            session = aiohttp.ClientSession(application.servers["http"].url)
            return LiveSite(application, await stack.enter_async_context(session))

        yield serve


async def test_event_reaches_the_subscribers_of_both_processes(
    start: Start, shared_redis: RedisServer
) -> None:
    one, two = await start(shared_redis), await start(shared_redis)

    async with (
        one.events("/chat.sse") as first,
        two.events("/two.sse") as second,
        two.websocket("/chat.ws") as socket,
    ):
        position = await first.opened()
        assert await second.opened() == position
        await until(lambda: two.channels.count("chat") == 2)
        await one.channels.send("chat", "say", 1)
        await two.channels.send("news", "say", 2)
        await two.channels.send_global("say", 3)
        got = [await first.event() for _ in range(2)]
        also = [await second.event() for _ in range(3)]
        sent = await socket.receive_json(timeout=20)

    run = position.removesuffix("-0")
    assert [(event["data"], event["id"]) for event in got] == [
        ("1", f"{run}-1"),
        ("3", f"{run}-3"),
    ]
    assert [event["data"] for event in also] == ["1", "2", "3"]
    assert sent == {"event": "say", "data": 1, "id": f"{run}-1"}


async def test_client_continues_at_another_process_without_gaps_and_duplicates(
    start: Start, shared_redis: RedisServer
) -> None:
    """Both processes send all the time, and the client changes between them, and to one that has
    started later."""
    sites = [await start(shared_redis), await start(shared_redis)]
    seen: list[int] = []
    last = ""

    async def send(site: LiveSite, begin: int) -> None:
        for number in range(begin, 200, 2):
            await site.channels.send("chat", "say", number)

    turn = 0
    async with asyncio.TaskGroup() as sending:
        while len(seen) < 200:
            if turn == 3:
                sites.append(await start(shared_redis))
            headers = {"Last-Event-ID": last} if last else {}
            async with sites[turn % len(sites)].events("/chat.sse", headers=headers) as reader:
                if not last:  # a client receives what is sent after it has subscribed
                    last = await reader.opened()
                    for begin in (0, 1):
                        sending.create_task(send(sites[begin], begin))
                for _ in range(min(23, 200 - len(seen))):
                    event = await reader.event()
                    assert event["event"] == "say", event
                    seen.append(int(event["data"]))
                    last = event["id"]
            turn += 1

    assert sorted(seen) == list(range(200))
    for begin in (0, 1):  # the order of each sender
        own = [number for number in seen if number % 2 == begin]
        assert own == sorted(own)


@pytest.mark.parametrize("last", ["old-1", "x"])
async def test_unknown_id_gets_a_reset_from_each_process(
    start: Start, shared_redis: RedisServer, last: str
) -> None:
    one, two = await start(shared_redis), await start(shared_redis)
    await one.channels.send("chat", "say", 1)
    await until(lambda: two.subscribers.position.endswith("-1"))

    for site in (one, two):
        async with site.events("/chat.sse", headers={"Last-Event-ID": last}) as reader:
            assert (await reader.event())["event"] == "reset"


async def test_id_older_than_the_events_of_a_new_process_gets_a_reset(
    start: Start, shared_redis: RedisServer
) -> None:
    settings = {"web.channels.max_stored": 2}
    one = await start(shared_redis, settings)
    run = one.subscribers.position.removesuffix("0")
    for number in range(5):
        await one.channels.send("chat", "say", number)
        await until(lambda number=number: one.subscribers.position == f"{run}{number + 1}")  # type: ignore[misc]
    two = await start(shared_redis, settings)

    async with two.events("/chat.sse", headers={"Last-Event-ID": f"{run}2"}) as reader:
        assert (await reader.event())["event"] == "reset"
    async with two.events("/chat.sse", headers={"Last-Event-ID": f"{run}3"}) as reader:
        assert [(await reader.event())["data"] for _ in range(2)] == ["3", "4"]
    async with one.events("/chat.sse", headers={"Last-Event-ID": f"{run}2"}) as reader:
        assert [(await reader.event())["data"] for _ in range(3)] == ["2", "3", "4"]


async def test_process_with_fewer_events_does_not_repeat_events(
    start: Start, shared_redis: RedisServer
) -> None:
    """A client comes from a process that has read more events, and requests the events since
    then."""
    one = await start(shared_redis)
    run = one.subscribers.position.removesuffix("0")

    async with one.events("/chat.sse", headers={"Last-Event-ID": f"{run}2"}) as reader:
        assert await reader.opened() == f"{run}2"
        for number in range(1, 4):
            await one.channels.send("chat", "say", number)
        assert (await reader.event())["data"] == "3"


async def test_killed_redis_that_lost_events_sends_a_reset_to_all_subscribers(
    start: Start, redis: RedisServer
) -> None:
    """Clients do not get an event that is not stored, and the streams stay open."""
    one, two = await start(redis), await start(redis)
    async with two.events("/chat.sse") as reader:
        await reader.opened()
        await one.channels.send("chat", "say", 1)
        last = (await reader.event())["id"]
        redis.kill()
        for site in (one, two):
            with pytest.raises(RedisError):
                await site.channels.send("chat", "say", "lost")
        async with one.session.post("/chat.json", json={"text": "lost"}) as response:
            assert response.status == 503
        async with two.events("/chat.sse", headers={"Last-Event-ID": last}) as other:
            assert await other.opened() == last  # from the memory of the process
        redis.start()
        await send_again(one)
        reset, after = await reader.event(), await reader.event()

    assert reset["event"] == "reset"
    assert after["data"] == '"again"'
    async with one.events("/chat.sse", headers={"Last-Event-ID": last}) as reader:
        assert (await reader.event())["event"] == "reset"
    async with one.events("/chat.sse", headers={"Last-Event-ID": reset["id"]}) as reader:
        assert (await reader.event())["data"] == '"again"'


async def test_redis_that_hangs_loses_no_event(start: Start, redis: RedisServer) -> None:
    """Redis may execute commands that it had received before. The sender cannot know it."""
    settings = {"redis.command_timeout": 0.5}
    one, two = await start(redis, settings), await start(redis, settings)
    async with two.events("/chat.sse") as reader:
        await reader.opened()
        with redis.paused(), pytest.raises(RedisError):
            await one.channels.send("chat", "say", "maybe")
        await send_again(one)
        events = [await reader.event()]
        while events[-1]["data"] != '"again"':
            events.append(await reader.event())

    assert {event["data"] for event in events} <= {'"maybe"', '"again"'}


async def test_process_that_starts_without_redis_sends_a_reset_when_it_is_there(
    start: Start, redis: RedisServer
) -> None:
    """The clients could have missed events of other processes."""
    redis.kill()
    site = await start(redis)

    async with site.events("/chat.sse") as reader:
        await reader.opened()
        redis.start()
        assert (await reader.event())["event"] == "reset"
        await send_again(site)
        assert (await reader.event())["data"] == '"again"'


async def send_again(site: LiveSite) -> None:
    """Send an event as soon as Redis can be used."""
    async with asyncio.timeout(20):
        while True:
            try:
                await site.channels.send("chat", "say", "again")
            except RedisError:
                await asyncio.sleep(0.02)
            else:
                return


# --- one process, without an application


@attrs.define(eq=False)
class Receiver(LogReceiver):
    """Records the events; *resets* are the positions of restarts."""

    bodies: list[bytes] = attrs.field(factory=list)
    ages: list[float] = attrs.field(factory=list)
    resets: list[int] = attrs.field(factory=list)
    log: Any = None

    def received(
        self, key: str, event: str, body: bytes, *, sequence: int, sent_at: float
    ) -> None:
        if event == "bad":
            raise ValueError(event)
        assert sequence == self.log.ids.last + 1
        self.bodies.append(body)
        self.ages.append(asyncio.get_running_loop().time() - sent_at)

    def restarted(self) -> None:
        self.resets.append(self.log.ids.last)


class Reader:
    """A log that is read, and its received events."""

    def __init__(self, url: str, prefix: str, **settings: Any) -> None:
        redis = RedisSettings(url=url, prefix=prefix, command_timeout=1)
        self.client: Redis = create_client(redis)
        channels = ChannelSettings(store="redis", **settings)
        self.outage = Outage(self.client, redis)
        self.log = RedisEventLog(self.client, redis, self.outage, channels)
        self.got = self.log.receiver = Receiver(log=self.log)
        self.stream, self.hash = [
            redis.key(f"{{rxkernel:channels}}:{name}") for name in ("events", "log")
        ]

    async def send(self, *bodies: bytes, event: str = "say") -> None:
        for body in bodies:
            await self.log.append("channel chat", event, body)

    async def reads(self, number: int) -> None:
        """Wait until it has read the event *number*."""
        await until(lambda: self.log.ids.last == number)

    async def __aenter__(self) -> "Reader":
        await self.log.__aenter__()
        return self

    async def __aexit__(self, *exc: Any) -> None:
        await self.log.__aexit__(None, None, None)
        await self.outage.__aexit__(None, None, None)
        await self.client.aclose()


@pytest.fixture
def reader_of(shared_redis: RedisServer, prefix: str) -> Callable[..., Reader]:
    def make(**settings: Any) -> Reader:
        return Reader(shared_redis.url, prefix, **settings)

    return make


@pytest.mark.parametrize(
    ("settings", "kept"),
    [
        ({}, [b"1", b"2", b"3", b"4" * 50]),
        ({"max_stored": 2}, [b"3", b"4" * 50]),
        ({"max_stored_size": 150}, [b"2", b"3", b"4" * 50]),
        ({"max_stored_size": 1}, [b"4" * 50]),
    ],
    ids=["all", "events", "size", "one-large-event"],
)
async def test_redis_drops_events_beyond_the_settings(
    reader_of: Callable[..., Reader], settings: dict[str, int], kept: list[bytes]
) -> None:
    """A process that has read the events before they were dropped has all of them."""
    async with reader_of(**settings) as one:
        for number, body in enumerate((b"1", b"2", b"3", b"4" * 50), 1):
            await one.send(body)
            await one.reads(number)
        assert len(one.got.bodies) == 4
        async with reader_of(**settings) as two:
            assert two.got.bodies == kept
            assert two.got.resets == [4 - len(kept)]
        size = await one.client.hget(one.hash, "size")
        assert int(size or -1) == sum(len(b"channel chat" + b"say" + body) + 13 for body in kept)


async def test_redis_removes_old_events_and_forgets_all_when_none_is_sent(
    reader_of: Callable[..., Reader],
) -> None:
    async with reader_of() as one:
        one.log._limits[2] = 1  # milliseconds; the setting counts from a minute on
        await one.send(b"1")
        await asyncio.sleep(0.01)
        await one.send(b"2")
        await one.reads(2)
        await asyncio.sleep(0.01)
        assert await one.client.xlen(one.stream) == 0
        async with reader_of() as two:
            assert two.got.bodies == []
            assert two.log.ids.last == 2
            await one.send(b"3")
            await two.reads(3)


async def test_age_of_an_event_is_that_by_the_clock_of_redis(
    reader_of: Callable[..., Reader],
) -> None:
    async with reader_of() as one:
        await one.send(b"1")
        await until(lambda: one.got.bodies)

    assert 0 <= one.got.ages[0] < 10


async def test_data_of_redis_that_is_removed_is_a_restart_for_each_reader(
    reader_of: Callable[..., Reader], shared_redis: RedisServer
) -> None:
    async with reader_of() as one, reader_of() as two:
        await one.send(b"1", b"2")
        await two.reads(2)
        await one.client.delete(one.stream, one.hash)
        await one.send(b"3")
        await until(lambda: [one.got.bodies, two.got.bodies] == [[b"1", b"2", b"3"]] * 2)

        assert one.log.ids.run == two.log.ids.run
        assert one.got.resets == two.got.resets == [0, 0]


async def test_events_that_were_removed_before_they_were_read_are_a_restart(
    reader_of: Callable[..., Reader],
) -> None:
    async with reader_of() as one:
        await one.send(b"1")
        await one.reads(1)
        await one.log.__aexit__(None, None, None)  # like a paused process
        await one.send(b"2", b"3", b"4")
        await one.client.xdel(one.stream, "0-3")
        await one.log.__aenter__()

        assert one.got.bodies == [b"1", b"2", b"4"]
        assert one.got.resets == [0, 3]


async def test_restored_data_in_another_redis_begins_a_new_run(
    reader_of: Callable[..., Reader],
) -> None:
    """After a restart, or in a replica that takes over, the last events may be missing."""
    async with reader_of() as one:
        await one.send(b"1", b"2")
        await one.reads(2)
        run = one.log.ids.run
        await one.client.hset(one.hash, "server", "another")
        await one.send(b"3")
        await until(lambda: one.got.bodies[2:])

        assert one.log.ids.run != run
        assert one.log.ids.last == 3
        assert one.got.resets[1:] == [2]


@pytest.mark.parametrize("name", ["a\nid: 9", "a\rb", "a\0"], ids=["lf", "cr", "nul"])
async def test_event_with_an_invalid_name_is_not_stored(
    reader_of: Callable[..., Reader], name: str
) -> None:
    async with reader_of() as one:
        with pytest.raises(ValueError, match="event"):
            await one.send(b"1", event=name)
        assert not await one.client.exists(one.stream)


async def test_invalid_event_in_redis_is_logged_and_skipped(
    reader_of: Callable[..., Reader], caplog: pytest.LogCaptureFixture
) -> None:
    async with reader_of() as one:
        await one.send(b"1", event="bad")
        await one.send(b"2")
        await one.reads(2)

    assert one.got.bodies == [b"2"]
    assert one.got.resets == [0]
    assert "an event of a channel in Redis is invalid" in caplog.text


async def test_redis_without_memory_refuses_events_until_it_has_memory(
    reader_of: Callable[..., Reader], shared_redis: RedisServer
) -> None:
    async with reader_of() as one:
        await one.send(b"1")
        await one.reads(1)
        shared_redis.command("CONFIG", "SET", "maxmemory", "1")
        try:
            with pytest.raises(OutOfMemoryError):
                await one.send(b"2")
        finally:
            shared_redis.command("CONFIG", "SET", "maxmemory", "0")
        await one.send(b"3")
        await until(lambda: one.got.bodies == [b"1", b"3"])

    assert one.got.resets == [0]


async def test_user_with_the_documented_permissions_can_send_and_read(
    shared_redis: RedisServer,
) -> None:
    page = (ROOT / "docs" / "bundles" / "web-events.md").read_text(encoding="utf-8")
    [rule] = re.findall(r"`(~\{rxkernel:channels\}:\* [^`]*)`", page)
    shared_redis.command("ACL", "SETUSER", "talk", "reset", "on", ">secret", *rule.split())
    url = shared_redis.url.replace("://", "://talk:secret@")

    async with Reader(url, "", max_stored=1) as one:
        await one.send(b"1", b"2")
        await one.reads(2)


async def test_event_that_is_sent_again_is_one_event(reader_of: Callable[..., Reader]) -> None:
    """redis-py repeats a command whose reply was lost with its connection."""
    async with reader_of() as one:
        append = one.log._append

        async def twice(**arguments: Any) -> None:
            for _ in range(2):
                await append(**arguments)

        one.log._append = twice  # type: ignore[assignment] # the call is the same
        await one.send(b"1", b"2")
        await one.reads(2)

    assert one.got.bodies == [b"1", b"2"]


async def test_connections_that_redis_closes_lose_no_event(
    reader_of: Callable[..., Reader], shared_redis: RedisServer
) -> None:
    async with reader_of() as one, reader_of() as two:
        for number in range(10):
            shared_redis.command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
            await two.send(b"%d" % number)
        await one.reads(10)

    assert one.got.bodies == [b"%d" % number for number in range(10)]
    assert one.got.resets == [0]


async def test_command_that_redis_rejects_is_logged_and_sent_again(
    reader_of: Callable[..., Reader], caplog: pytest.LogCaptureFixture
) -> None:
    async with reader_of() as one:
        await one.client.set(one.hash, "the key of something else")
        await until(lambda: "Redis rejects a command of the channels" in caplog.text)
        with pytest.raises(ResponseError, match="WRONGTYPE"):
            await one.send(b"1")
        await one.client.delete(one.hash)
        await one.send(b"2")
        await until(lambda: one.got.bodies)
