"""Recovery in one process, over raw websockets and long polling."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from bundles.scale import RecoverySettings, ScaleBundle, ScaleSettings
from rxkernel import Application, Broadcaster, HttpSettings, Settings, SocketioSettings
from tests.bundles.scale.recovery.recovering import Recovering, Rooms, recovering
from tests.servers.socketio.clients import engine_of, opened, over_each_transport
from tests.serving import serving
from tests.waiting import until


class Site:
    def __init__(self, application: Application) -> None:
        self.application = application
        self.broadcaster = application.injector.get(Broadcaster)
        self.rooms = application.injector.get(Rooms)

    async def lost(self, one: Recovering) -> Recovering:
        """End the transport of *one*."""
        await one.hang_up(self.application)
        return one


def application_with(socketio: dict[str, Any] | None = None, **recovery: Any) -> Application:
    settings = Settings(
        http=HttpSettings(port=0),
        request_id_header=None,
        socketio=SocketioSettings(namespaces=("/news",), **(socketio or {})),
        bundles={
            "scale": ScaleSettings(recovery=RecoverySettings(**{"store": "memory", **recovery}))
        },
    )
    return Application(
        bundles=[ScaleBundle], controllers=[Rooms], listeners=[Rooms], settings=settings
    )


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    application = application_with()
    async with serving(application):
        yield Site(application)


@over_each_transport
async def test_client_recovers_id_rooms_attributes_and_missed_events_once(
    site: Site, transport: str
) -> None:
    async with recovering(site.application, transport) as one:
        await one.call("join", "a")
        await one.call("note", {"name": "Ada"})
        await site.broadcaster.emit("first", 1)
        assert await one.event() == ["first", 1]
        await site.lost(one)
    await site.broadcaster.emit("second", {"to": "all"})
    await site.broadcaster.emit("hidden", room="b")
    await site.broadcaster.emit("third", b"\x00\x01", room="a")
    await site.broadcaster.emit("volatile", volatile=True)
    await site.broadcaster.emit("own", room=one.sid)

    async with opened(site.application, transport) as client:
        again = Recovering(client)
        accepted = await again.connect(pid=one.pid, offset=one.offset)
        await site.broadcaster.emit("last", room="a")
        found: list[Any] = [await again.event()]
        text, attachment = str(await again.frame()), await again.frame()
        found += [attachment, await again.event(), await again.event()]

    assert accepted == {"sid": one.sid, "pid": one.pid}
    assert text.startswith('451-["third",{"_placeholder":true,"num":0},"')
    assert attachment in (b"\x00\x01", "bAAE=")
    assert found == [["second", {"to": "all"}], attachment, ["own"], ["last"]]
    assert site.rooms.connected == [
        (False, set(), {}, {}),
        (True, {"a"}, {"name": "Ada"}, None),
    ]


async def test_client_that_has_received_no_event_recovers_without_offset(site: Site) -> None:
    """See issue 5538 of socketio/socket.io: its first versions did not recover such a client."""
    async with recovering(site.application) as one:
        await site.lost(one)
    await site.broadcaster.emit("missed")

    async with recovering(site.application, pid=one.pid) as again:
        assert (again.sid, again.pid) == (one.sid, one.pid)
        assert await again.event() == ["missed"]
        await site.lost(again)

    async with recovering(site.application, pid=one.pid, offset=again.offset) as third:
        assert third.sid == one.sid
        await site.broadcaster.emit("next")
        assert await third.event() == ["next"]


async def test_client_with_the_offset_of_an_earlier_session_recovers_without_offset(
    site: Site,
) -> None:
    """socket.io-client keeps its last offset when it is connected as a new client."""
    await site.broadcaster.emit("before")
    async with recovering(site.application) as one:
        await site.lost(one)
    await site.broadcaster.emit("missed")

    async with recovering(site.application, pid=one.pid, offset="0badcafe.7") as again:
        assert again.sid == one.sid
        assert await again.event() == ["missed"]


async def test_events_of_a_connection_that_has_ended_reach_the_recovered_client(
    site: Site,
) -> None:
    """An action may still run while its client is away."""
    async with recovering(site.application) as one:
        (connection,) = engine_of(site.application).connections.values()
        await site.lost(one)
    await connection.emit("while away")

    async with recovering(site.application, pid=one.pid) as again:
        await connection.emit("when back")
        assert [await again.event(), await again.event()] == [["while away"], ["when back"]]


async def test_client_recovers_before_the_server_has_noticed_the_loss(site: Site) -> None:
    """When a device changes its network, the old connection stays half open."""
    async with recovering(site.application) as one, opened(site.application, "websocket") as new:
        again = Recovering(new)
        await again.connect(pid=one.pid)

        assert again.sid == one.sid
        assert await one.client.receive() is None
        await site.broadcaster.emit("hello")
        assert await again.event() == ["hello"]


async def test_each_namespace_recovers_separately(site: Site) -> None:
    async with recovering(site.application, namespace="/news") as one:
        await site.lost(one)
    await site.broadcaster.emit("main")
    await site.broadcaster.emit("news", namespace="/news")

    async with recovering(site.application, namespace="/news", pid=one.pid) as again:
        assert again.sid == one.sid
        assert await again.event() == ["news"]
        await site.lost(again)
    async with recovering(site.application, pid=one.pid) as other:
        assert other.sid != one.sid


@pytest.mark.parametrize("by", ["client", "server"])
async def test_client_that_was_disconnected_on_purpose_does_not_recover(
    site: Site, by: str
) -> None:
    async with recovering(site.application) as one:
        if by == "client":
            await one.client.send("41")
        else:
            await site.broadcaster.disconnect(one.sid)
        await until(lambda: not engine_of(site.application).connections)

    async with recovering(site.application, pid=one.pid) as again:
        assert again.sid != one.sid
        assert again.pid != one.pid


async def test_two_clients_with_one_private_id_do_not_share_it(site: Site) -> None:
    async with recovering(site.application) as one:
        await site.lost(one)

    async with (
        opened(site.application, "websocket") as a,
        opened(site.application, "polling") as b,
    ):
        await asyncio.gather(*(each.send(f'40{{"pid":"{one.pid}"}}') for each in (a, b)))
        await site.broadcaster.emit("hello", room=one.sid)
        received = [str(await each.receive()) for each in (a, b)]

    assert sum("hello" in text for text in received) == 1


INVALID: list[dict[str, Any]] = [
    {"pid": "unknown"},
    {"pid": ""},
    {"pid": "x" * 1_000_000, "offset": "y"},
    {"pid": 7},
    {"pid": None, "offset": None},
    {"pid": ["a"], "offset": {"b": 1}},
    {"pid": "\ud800"},
    {"pid": {"toString": 1}},
]


@pytest.mark.parametrize("auth", INVALID, ids=range(len(INVALID)))
async def test_invalid_private_id_connects_a_new_client(site: Site, auth: dict[str, Any]) -> None:
    if len(str(auth)) > 900_000:
        auth = {**auth, "pid": "x" * 900_000}
    if auth["pid"] == "\ud800":
        auth = {"pid": "\\ud800"}
    async with recovering(site.application, **auth) as one:
        assert one.sid
        assert site.rooms.connected[-1] == (False, set(), {}, None)


@pytest.mark.parametrize(
    "offset", ["", "x", "-1", "{name}.99999", "{name}.-1", "{name}.1e3", "{name}.٣", 7, [], {}]
)
async def test_invalid_offset_connects_a_new_client(site: Site, offset: Any) -> None:
    async with recovering(site.application) as one:
        await site.broadcaster.emit("hello")
        await one.event()
        await site.lost(one)
    assert one.offset is not None
    if isinstance(offset, str):
        offset = offset.replace("{name}", one.offset.partition(".")[0])

    async with recovering(site.application, pid=one.pid, offset=offset) as again:
        assert again.sid != one.sid


LIMITS: list[dict[str, Any]] = [
    {"max_events": 2},
    {"max_bytes": 1024},
    {"max_session_size": 1024},
    {"max_sessions": 1},
    {"socketio": {"max_outbound_messages": 2}},
]


@pytest.mark.parametrize("limit", LIMITS, ids=lambda limit: next(iter(limit)))
async def test_client_beyond_a_limit_is_connected_as_a_new_one(limit: dict[str, Any]) -> None:
    application = application_with(**limit)
    async with serving(application):
        site = Site(application)
        async with recovering(application) as one, recovering(application) as other:
            await one.call("note", {"text": "x" * 1100})
            await site.lost(one)
            await site.lost(other)
        for number in range(3):
            await site.broadcaster.emit("missed", number, "x" * 400)

        async with recovering(application, pid=one.pid) as again:
            assert again.sid != one.sid
            assert site.rooms.connected[-1][:3] == (False, set(), {})


async def test_log_forgets_events_that_are_too_old() -> None:
    application = application_with(max_disconnection_duration=0.05)
    async with serving(application):
        site = Site(application)
        recovery: Any = site.broadcaster.recovery
        now = [100.0]
        recovery._clock = lambda: now[0]
        async with recovering(application) as one:
            await site.lost(one)
        now[0] += 0.06

        async with recovering(application, pid=one.pid) as again:
            assert again.sid != one.sid


async def test_ping_of_client_without_events_updates_its_position() -> None:
    """A client in a quiet room of a busy site has no recent offset."""
    application = application_with({"ping_interval": 0.05}, max_events=5)
    async with serving(application):
        site = Site(application)
        async with recovering(application) as one:
            for number in range(20):
                await site.broadcaster.emit("busy", number, room="others")
            (session,) = engine_of(application).eio.sockets.values()

            reading = asyncio.create_task(one.frame())  # responds to pings
            await until(lambda: session.received_until == 20)
            await site.lost(one)
            await reading

        async with recovering(application, pid=one.pid) as again:
            assert again.sid == one.sid


async def test_recovery_is_off_by_default() -> None:
    application = application_with(store="off")
    async with serving(application):
        site = Site(application)
        async with opened(application, "websocket") as client:
            one = Recovering(client)
            accepted = await one.connect(pid="x", offset="y")
            await site.broadcaster.emit("hello", 1)
            event = await client.receive()

    assert accepted == {"sid": one.sid}
    assert event == '42["hello",1]'
    assert site.rooms.connected == [(False, set(), {}, {"pid": "x", "offset": "y"})]


async def test_changes_of_rooms_apply_to_clients_that_are_away(site: Site) -> None:
    async with recovering(site.application) as one:
        await site.broadcaster.join(one.sid, "left before")
        await one.call("join", "old")
        (connection,) = engine_of(site.application).connections.values()
        await connection.leave("left before")
        await site.lost(one)
    await site.broadcaster.join("old", "new")
    await site.broadcaster.emit("in both", room=["old", "new"])
    await site.broadcaster.leave(one.sid, "old")
    await site.broadcaster.emit("to new", room="new")
    await site.broadcaster.emit("to old", room="old")
    await site.broadcaster.emit("to left", room="left before")

    async with recovering(site.application, pid=one.pid) as again:
        assert [await again.event(), await again.event()] == [["in both"], ["to new"]]
        (connection,) = engine_of(site.application).connections.values()
        assert connection.rooms == {"new"}


async def test_client_that_is_disconnected_while_away_does_not_recover(site: Site) -> None:
    async with recovering(site.application) as one:
        await one.call("join", "banned")
        await site.lost(one)
    await site.broadcaster.disconnect("banned")

    async with recovering(site.application, pid=one.pid) as again:
        assert again.sid != one.sid
