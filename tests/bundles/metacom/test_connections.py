"""Connections: their events, their limits, and how they end."""

import asyncio
import logging
from typing import Annotated, Any

import aiohttp
import pytest
from injector import Binder

from bundles.contracts import contract
from bundles.metacom import METACOM, MetacomConnection
from rxkernel import (
    Broadcaster,
    Bundle,
    ConfigurationError,
    Connection,
    ConnectionEvent,
    DisconnectReason,
    ForbiddenException,
    Inject,
    LoggingSettings,
    ProcedureMetadata,
    Request,
    RxKernelError,
    ServerEvents,
    connection_scope,
    observe,
    procedure,
)
from tests.bundles.metacom.conftest import SiteOf
from tests.bundles.metacom.example import Example
from tests.waiting import until


class Log:
    """Listens to the events of connections."""

    def __init__(self) -> None:
        self.events: list[Any] = []
        self.connections: list[Connection] = []

    @observe(ServerEvents.CONNECTED)
    async def connected(self, event: ConnectionEvent) -> None:
        self.events.append("connected")
        self.connections.append(event.connection)
        await event.connection.emit("log/early", 1)

    @observe(ServerEvents.ACCEPTED)
    async def accepted(self, event: ConnectionEvent) -> None:
        self.events.append("accepted")
        await event.connection.emit("log/accepted", 1)

    @observe(ServerEvents.DISCONNECTED)
    async def disconnected(self, event: ConnectionEvent) -> None:
        self.events.append(event.reason)
        self.events.append(sorted(event.connection.rooms))


class Steps:
    """Methods that wait for the test."""

    def __init__(self) -> None:
        self.started = asyncio.Event()
        self.released = asyncio.Event()
        self.cancelled = 0
        self.left = 0

    @procedure("steps/wait", METACOM)
    async def wait(self) -> str:
        self.started.set()
        await self.released.wait()
        return "done"

    @procedure("steps/stop", METACOM)
    @contract(cancel_on_disconnect=True)
    async def stop(self) -> None:
        self.started.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.cancelled += 1

    @procedure("steps/leave", METACOM)
    async def leave(self, request: Request) -> str:
        request.when_disconnected(self._count)
        self.started.set()
        await self.released.wait()
        return "late"

    def _count(self) -> None:
        self.left += 1

    @procedure("steps/join", METACOM, arguments="value")
    async def join(self, room: str, connection: Connection) -> None:
        await connection.join(room)

    @procedure("steps/close", METACOM, arguments="value")
    async def close(self, code: int, connection: MetacomConnection) -> None:
        await connection.close(code, "enough")


# T34
async def test_subscriber_that_leaves_is_disconnected_and_its_room_is_dropped(
    site_of: SiteOf,
) -> None:
    log, steps = Log(), Steps()
    site = await site_of(steps, listeners=(log,))
    broadcaster = site.application.injector.get(Broadcaster)
    async with site.client() as client:
        assert (await client.receive())["name"] == "log/early"
        assert (await client.receive())["name"] == "log/accepted"
        await client.call("steps/join", {"room": "R"})
        assert [one.rooms for one in await broadcaster.connections("R")] == [frozenset("R")]
    await until(lambda: len(log.events) == 4)

    assert log.events == ["connected", "accepted", DisconnectReason.CLIENT, ["R"]]
    assert await broadcaster.connections() == []
    await log.connections[0].emit("log/late")
    with pytest.raises(RxKernelError, match="acknowledge"):
        await log.connections[0].call("log/late")


async def test_connection_that_is_lost_has_reason_transport_close(site_of: SiteOf) -> None:
    log = Log()
    site = await site_of(listeners=(log,))
    async with site.client() as client:
        await client.receive()
        client.websocket._response.connection.transport.abort()
        await until(lambda: len(log.events) == 4)

    assert log.events[2] == DisconnectReason.TRANSPORT_CLOSE


async def test_disconnect_ends_call_that_has_cancel_on_disconnect(site_of: SiteOf) -> None:
    steps = Steps()
    site = await site_of(steps)
    async with site.client() as client:
        await client.send({"type": "call", "id": 1, "method": "steps/stop"})
        await steps.started.wait()

    await until(lambda: steps.cancelled)
    await until(lambda: not len(site.server.engine))


async def test_disconnect_notifies_running_call_and_does_not_cancel_it(site_of: SiteOf) -> None:
    steps, log = Steps(), Log()
    site = await site_of(steps, listeners=(log,))
    async with site.client() as client:
        await client.send({"type": "call", "id": 1, "method": "steps/leave"})
        await steps.started.wait()
    await until(lambda: steps.left)
    await until(lambda: len(log.events) == 4)
    steps.released.set()

    await until(lambda: not log.connections[0].calls)  # type: ignore[attr-defined]


async def test_method_that_closes_the_connection_closes_it_with_its_code(site_of: SiteOf) -> None:
    log = Log()
    site = await site_of(Steps(), listeners=(log,))
    async with site.client() as client:
        call = {"type": "call", "id": 1, "method": "steps/close", "args": {"code": 4001}}
        await client.send(call)

        assert await client.closed() == 4001
    await until(lambda: len(log.events) == 4)
    assert log.events[2] == DisconnectReason.SERVER


async def test_stop_sends_callbacks_of_running_calls_then_1001(site_of: SiteOf) -> None:
    steps, log = Steps(), Log()
    site = await site_of(steps, Example, listeners=(log,))
    async with site.client() as client:
        await client.receive()
        await client.receive()
        await client.send({"type": "call", "id": 1, "method": "steps/wait"})
        await steps.started.wait()
        stopping = asyncio.create_task(site.application.stop())
        await until(lambda: site.server._calls.is_draining)
        late = await client.call("example/hello", id=2)
        with pytest.raises((aiohttp.ClientError, OSError)):
            async with site.client():
                pass
        steps.released.set()

        assert late["error"]["code"] == 503
        assert await client.receive() == {"type": "callback", "id": 1, "result": "done"}
        assert await client.closed() == 1001
        assert await stopping is not False
    assert log.events[2] == DisconnectReason.SHUTDOWN


async def test_stop_closes_with_1001_although_a_call_does_not_end(site_of: SiteOf) -> None:
    steps = Steps()
    site = await site_of(steps, shutdown_timeout=0.2)
    async with site.client() as client:
        await client.send({"type": "call", "id": 1, "method": "steps/wait"})
        await steps.started.wait()
        stopping = asyncio.create_task(site.application.stop())

        message = await client.websocket.receive(timeout=20)
        assert (message.type, message.data) == (aiohttp.WSMsgType.CLOSE, 1001)
        await stopping


async def test_calls_above_max_calls_get_429(site_of: SiteOf) -> None:
    steps = Steps()
    site = await site_of(steps, max_calls=2)
    async with site.client() as client:
        for id in (1, 2, 3):
            await client.send({"type": "call", "id": id, "method": "steps/wait"})
        rejected = await client.receive()
        steps.released.set()
        others = [await client.receive(), await client.receive()]

    assert (rejected["id"], rejected["error"]["code"]) == (3, 429)
    assert [one["id"] for one in others] == [1, 2]
    assert site.server.counts["metacom.max_calls"] == 1


async def test_packets_above_max_rate_get_429_then_1008(site_of: SiteOf) -> None:
    log = Log()
    site = await site_of(Example, max_rate=2, listeners=(log,))
    codes = []
    async with site.client() as client:
        await client.receive()
        await client.receive()
        for id in range(1, 20):
            await client.send({"type": "call", "id": id, "method": "example/hello"})
        while (message := await client.websocket.receive()).type is aiohttp.WSMsgType.TEXT:
            packet = message.json()
            codes.append(packet.get("error", {}).get("code"))
        assert message.data == 1008
    await until(lambda: len(log.events) == 4)

    assert codes.count(None) >= 2
    assert codes.count(429) >= 3
    assert log.events[2] == DisconnectReason.LIMIT
    assert site.server.counts["metacom.max_rate"] >= 3


async def test_client_that_does_not_read_events_is_closed(site_of: SiteOf) -> None:
    log = Log()
    site = await site_of(max_buffered=100_000, listeners=(log,))
    broadcaster = site.application.injector.get(Broadcaster)
    async with site.client(max_msg_size=0) as client:
        await client.receive()
        client.websocket._reader._protocol.transport.pause_reading()
        while "metacom.max_buffered" not in site.server.counts:
            await broadcaster.emit("log/much", "x" * 50_000)
            await asyncio.sleep(0)
        await until(lambda: len(log.events) == 4)
        client.websocket._reader._protocol.transport.abort()  # it would wait for a close frame

    assert log.events[2] == DisconnectReason.LIMIT


async def test_volatile_event_is_skipped_by_slow_client(site_of: SiteOf) -> None:
    log = Log()
    site = await site_of(listeners=(log,))
    broadcaster = site.application.injector.get(Broadcaster)
    async with site.client(max_msg_size=0) as client:
        await client.receive()
        client.websocket._reader._protocol.transport.pause_reading()
        connection = log.connections[0]
        assert isinstance(connection, MetacomConnection)
        while not connection.is_congested:
            await broadcaster.emit("log/much", "x" * 50_000)
        await broadcaster.emit("log/volatile", volatile=True)
        await broadcaster.emit("log/last")
        client.websocket._reader._protocol.transport.resume_reading()
        names = []
        while "log/last" not in names:
            names.append((await client.receive())["name"])

    assert "log/volatile" not in names


async def test_access_log_has_a_line_for_each_call(
    site_of: SiteOf, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "rxkernel.access")
    site = await site_of(Example, logging=LoggingSettings(access=True), max_rate=3)
    async with site.client() as client:
        await client.call("example/hello")
        await client.call("example/nope")
        await client.exchange("wrong")
        while '"code":429' not in await client.exchange("above max_rate"):
            pass  # the process paused, which allowed another packet
        lines = [
            (r.method, r.path, r.route, r.status)  # type: ignore[attr-defined]
            for r in caplog.records
            if r.name == "rxkernel.access"
        ]

    assert lines[:3] == [
        ("CALL", "example/hello", "example/hello", 200),
        ("CALL", "example/nope", None, 404),
        ("CALL", "", None, 400),
    ]
    assert lines[-1] == ("CALL", "", None, 429)


async def test_rooms_of_connections_do_not_mix(site_of: SiteOf) -> None:
    log = Log()
    site = await site_of(Steps(), listeners=(log,))
    broadcaster = site.application.injector.get(Broadcaster)
    async with site.client() as first, site.client() as second:
        for client in (first, second):
            await client.receive()
            await client.receive()
        one, other = log.connections
        await broadcaster.join(one.id, "R")
        await broadcaster.emit("log/room", room=["R", one.id])
        await broadcaster.emit("log/skipped", skip=one)
        await broadcaster.emit("log/elsewhere", namespace="/chat")
        with pytest.raises(ValueError, match="the own room of another connection"):
            await one.join(other.id)
        with pytest.raises(TypeError):
            await one.join(None)  # type: ignore[arg-type]
        await broadcaster.leave("R", "R")
        await broadcaster.emit("log/left", room="R")
        await broadcaster.emit("log/end")

        assert [(await first.receive())["name"] for _ in range(2)] == ["log/room", "log/end"]
        assert [(await second.receive())["name"] for _ in range(2)] == ["log/skipped", "log/end"]
        await broadcaster.disconnect(one.id)
        assert await first.closed() == 1000


async def test_client_that_does_not_read_callbacks_is_not_read(site_of: SiteOf) -> None:
    """A client cannot fill the memory of the server: TCP slows it down."""
    log = Log()
    site = await site_of(Example, listeners=(log,), max_rate=1e6)
    async with site.client(max_msg_size=0) as client:
        await client.receive()
        await client.receive()
        transport = client.websocket._reader._protocol.transport
        transport.pause_reading()
        connection = log.connections[0]
        assert isinstance(connection, MetacomConnection)
        is_seen = False

        async def flood() -> int:
            number = 0
            text = "x" * 100_000
            while not is_seen:
                number += 1
                args = {"method": "example/echo", "args": {"text": text}}
                await client.send({"type": "call", "id": number, **args})
            return number

        async def receive() -> None:
            while True:
                ids.append((await client.receive())["id"])

        ids: list[int] = []
        flooding = asyncio.create_task(flood())  # it waits once the server does not read
        await until(lambda: connection.is_congested)
        is_seen = True
        transport.resume_reading()
        receiving = asyncio.create_task(receive())
        sent = await flooding
        await until(lambda: len(ids) == sent)
        receiving.cancel()

    assert sorted(ids) == list(range(1, sent + 1))


async def test_emit_before_accepted_and_after_end_is_safe(site_of: SiteOf) -> None:
    log = Log()
    site = await site_of(listeners=(log,))
    async with site.client() as client:
        assert (await client.receive())["name"] == "log/early"
        with pytest.raises(TypeError, match="event"):
            await log.connections[0].emit(1)  # type: ignore[arg-type]
    await until(lambda: len(log.events) == 4)
    await log.connections[0].join("late")
    await log.connections[0].emit("log/late")
    await log.connections[0].disconnect()

    assert log.connections[0].rooms == frozenset()


async def test_reload_changes_methods_without_closing_connections(site_of: SiteOf) -> None:
    class Late:
        async def hello(self) -> str:
            return "late"

    site = await site_of(Example)
    added = ProcedureMetadata(Late(), "late/hello", "hello", METACOM)
    async with site.client() as client:
        before = await client.call("late/hello")
        await site.application.reload(add=[added])
        after = await client.call("late/hello", id=2)
        await site.application.reload(remove=[added])
        removed = await client.call("late.1/hello", id=3)

        wrong = ProcedureMetadata(Late(), "wrong", "hello", METACOM)
        with pytest.raises(ConfigurationError, match="'unit/method'"):
            await site.application.reload(add=[wrong])

    assert before["error"]["code"] == 404
    assert after["result"] == "late"
    assert removed["error"]["code"] == 404


async def test_stop_cancels_listener_of_accepted_that_waits(site_of: SiteOf) -> None:
    cancelled = asyncio.Event()

    async def wait(event: ConnectionEvent) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    accepted = observe(ServerEvents.ACCEPTED)(wait)
    site = await site_of(Example, listeners=(accepted,), shutdown_timeout=0.2)
    async with site.client() as client:
        await client.call("example/hello")
        await site.application.stop()

    assert cancelled.is_set()


async def test_connection_that_is_rejected_ends(site_of: SiteOf) -> None:
    rejected: list[Connection] = []
    left: list[str] = []

    async def reject(event: ConnectionEvent) -> None:
        await event.connection.join("before")
        event.connection.when_disconnected(lambda: left.append("called"))
        rejected.append(event.connection)
        raise ForbiddenException

    site = await site_of(listeners=(observe(ServerEvents.CONNECTED)(reject),))
    broadcaster = site.application.injector.get(Broadcaster)
    with pytest.raises(aiohttp.WSServerHandshakeError):
        async with site.client():
            pass
    (connection,) = rejected
    await until(lambda: left == ["called"])
    await connection.join("after")
    await connection.emit("x/y", 1)

    assert "after" not in connection.rooms
    assert await broadcaster.connections("after") == []


async def test_packets_before_the_handshake_above_max_buffered_reject_the_connection(
    site_of: SiteOf,
) -> None:
    async def emit(event: ConnectionEvent) -> None:
        for _ in range(5):
            await event.connection.emit("x/y", "x" * 300)

    site = await site_of(max_buffered=1_000, listeners=(observe(ServerEvents.CONNECTED)(emit),))
    with pytest.raises(aiohttp.WSServerHandshakeError) as error:
        async with site.client():
            pass

    assert error.value.status == 403
    assert site.server.counts["metacom.max_buffered"] == 1


async def test_listener_of_connected_that_disconnects_rejects_with_403(site_of: SiteOf) -> None:
    ended: list[Any] = []

    async def disconnect(event: ConnectionEvent) -> None:
        await event.connection.disconnect()

    async def disconnected(event: ConnectionEvent) -> None:
        ended.append(event)

    site = await site_of(
        listeners=(
            observe(ServerEvents.CONNECTED)(disconnect),
            observe(ServerEvents.DISCONNECTED)(disconnected),
        )
    )
    with pytest.raises(aiohttp.WSServerHandshakeError) as error:
        async with site.client():
            pass

    assert error.value.status == 403
    assert not len(site.server.engine)
    assert ended == []


async def test_service_of_connection_is_closed_after_its_last_call(site_of: SiteOf) -> None:
    steps = Steps()
    closed: list[str] = []

    class Basket:
        def close(self) -> None:
            closed.append("closed")

    class Shop:
        @procedure("shop/wait", METACOM)
        async def wait(self, basket: Annotated[Basket, Inject()]) -> None:
            steps.started.set()
            await steps.released.wait()
            closed.append("call")

    class Services(Bundle):
        name = "services"

        def configure(self, binder: Binder) -> None:
            binder.bind(Basket, scope=connection_scope)

    site = await site_of(Shop, bundles=(Services,))
    async with site.client() as client:
        await client.send({"type": "call", "id": 1, "method": "shop/wait"})
        await steps.started.wait()
    await until(lambda: not len(site.server.engine))
    steps.released.set()
    await until(lambda: len(closed) == 2)

    assert closed == ["call", "closed"]
