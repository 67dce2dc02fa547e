"""Connections of a `KernelClient`: details that a socket does not show.

The behaviour that equals a socket is tested in `tests/servers/test_connection_lifecycle.py`.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import Any

import pytest
from injector import Binder, ProviderOf, inject, singleton

from rxkernel import (
    ApplicationEvents,
    Broadcaster,
    Bundle,
    ConnectionEvent,
    ConnectionRefusedException,
    DisconnectReason,
    ForbiddenException,
    KernelClient,
    KernelEvents,
    RecordingConnection,
    Request,
    RxKernelError,
    ServerEvents,
    Settings,
    ShutdownEvent,
    TerminateEvent,
    Transport,
    connection_scope,
    http,
    observe,
    procedure,
    websocket,
)
from rxkernel.pytest_plugin import ClientOf
from tests.waiting import until


class Seat:
    """A service in `connection_scope`."""

    closed: list[str] = []  # noqa: RUF012 - emptied before each test

    async def aclose(self) -> None:
        Seat.closed.append("seat")


@pytest.fixture(autouse=True)
def _reset_closed_seats() -> None:
    Seat.closed = []


class Door:
    """Records connected and disconnected clients."""

    @inject
    def __init__(self, seat: ProviderOf[Seat]) -> None:
        self.seat = seat
        self.trace: list[Any] = []
        self.release = asyncio.Event()

    @observe(ServerEvents.CONNECTED)
    async def came(self, event: ConnectionEvent) -> None:
        assert event.server is None
        self.seat.get()
        if event.connection.auth == {"as": "stranger"}:
            raise ForbiddenException("not you", headers={"X-Why": "list"})
        self.trace.append("came")

    @observe(ServerEvents.DISCONNECTED)
    async def left(self, event: ConnectionEvent) -> None:
        self.trace.append(str(event.reason))

    @observe(ApplicationEvents.SHUTDOWN)
    async def shutdown(self, event: ShutdownEvent) -> None:
        self.trace += [*Seat.closed, "shutdown"]


class Chat:
    @inject
    def __init__(self, broadcaster: Broadcaster, door: Door) -> None:
        self.broadcaster = broadcaster
        self.door = door

    @http("POST", "/say", "say_http")
    @websocket("say")
    async def say(self, request: Request) -> None:
        await self.broadcaster.emit("said", request.body, skip=request.connection)
        await self.broadcaster.emit("in red", room="red")

    @websocket("join")
    @procedure("join", "RPC")
    async def join(self, request: Request) -> list[str]:
        assert request.connection is not None
        await request.connection.join(request.body)
        return sorted(request.connection.rooms)

    @websocket("ask", namespace="/chat")
    async def ask(self, request: Request) -> Any:
        assert request.connection is not None
        return await request.connection.call("question", 1)

    @websocket("wait")
    @http("GET", "/wait", "wait_http")
    async def wait(self) -> str:
        self.door.trace.append("waits")
        await self.door.release.wait()
        self.door.trace.append("goes on")
        return "done"


class Rpc(Bundle):
    name = "rpc"
    transports = (Transport("RPC"),)


def configure(binder: Binder) -> None:
    binder.bind(Seat, scope=connection_scope)
    binder.bind(Door, scope=singleton)


def make(client_of: ClientOf, shutdown_timeout: float = 20) -> KernelClient:
    settings = Settings(shutdown_timeout=shutdown_timeout)
    return client_of(Chat, listeners=[Door], bundles=[Rpc], modules=[configure], settings=settings)


@pytest.fixture
def client(client_of: ClientOf) -> KernelClient:
    return make(client_of)


@pytest.fixture
async def door(client: KernelClient) -> Door:
    return (await client.application.boot()).get(Door)


class TestRecording:
    async def test_connection_records_received_events(self, client: KernelClient) -> None:
        async with (
            client.connection() as one,
            client.connection() as other,
            client.connection("/chat") as elsewhere,
        ):
            await other.join("red")
            await other.join("blue")
            await other.leave("blue")
            await client.websocket("say", body={"a": (1, b"\x00")}, connection=one)

            assert one.emitted == []
            assert other.emitted == [("said", ({"a": [1, b"\x00"]},)), ("in red", ())]
            assert elsewhere.emitted == []
            assert other.rooms == {"red"}

    async def test_call_returns_value_in_acknowledgements(self, client: KernelClient) -> None:
        async with client.connection("/chat") as connection:
            connection.acknowledgements["question"] = 42

            assert (await client.websocket("/chat:ask", connection=connection)).content == 42
            assert connection.emitted == [("question", (1,))]
            del connection.acknowledgements["question"]
            with pytest.raises(TimeoutError, match=r"set acknowledgements\['question'\]"):
                await connection.call("question")


class TestNotConnected:
    @pytest.mark.parametrize(
        "use",
        [
            lambda connection: connection.emit("x"),
            lambda connection: connection.call("x"),
            lambda connection: connection.join("x"),
            lambda connection: connection.leave("x"),
            lambda connection: connection.disconnect(),
            lambda connection: connection.close(),
        ],
        ids=["emit", "call", "join", "leave", "disconnect", "close"],
    )
    async def test_connection_never_connected_cannot_be_used(
        self, client: KernelClient, use: Callable[[RecordingConnection], Awaitable[None]]
    ) -> None:
        connection = client.connection()

        with pytest.raises(RxKernelError, match="is not connected; write: async with"):
            await use(connection)
        assert not connection.is_connected

    async def test_connection_never_connected_emitted_raises_error(
        self, client: KernelClient
    ) -> None:
        """Without the error, an assertion that it received nothing would always pass."""
        connection = client.connection()

        with pytest.raises(RxKernelError, match="is not connected; write: async with"):
            assert connection.emitted == []

    async def test_connection_is_connected_by_its_first_event(
        self, client: KernelClient, door: Door
    ) -> None:
        connection = client.connection()
        assert door.trace == []

        answers = await asyncio.gather(
            *(client.websocket("join", body=room, connection=connection) for room in "ab")
        )
        await client.http("say_http", body=1)

        assert [answer.status_code for answer in answers] == [200, 200]
        assert (door.trace, connection.is_connected) == (["came"], True)
        assert connection.emitted == [("said", (1,))]
        await client.close()
        assert door.trace == ["came", "shutdown", "seat", "shutdown"]

    async def test_connection_is_connected_by_its_first_procedure(
        self, client: KernelClient, door: Door
    ) -> None:
        connection = client.connection()

        response = await client.call("RPC", "join", body="red", connection=connection)
        assert (response.content, door.trace) == (["red"], ["came"])

    async def test_event_without_connection_connects_and_disconnects_client(
        self, client: KernelClient, door: Door
    ) -> None:
        assert (await client.websocket("join", body="red")).content == ["red"]

        assert door.trace == ["came", "client"]
        assert Seat.closed == ["seat"]

    async def test_connect_twice_connects_once(self, client: KernelClient, door: Door) -> None:
        connection = client.connection()
        await connection.connect()
        async with connection:
            assert door.trace == ["came"]

    async def test_connection_that_has_ended_cannot_be_used_again(
        self, client: KernelClient
    ) -> None:
        async with client.connection() as connection:
            pass

        with pytest.raises(RxKernelError, match="has ended; create another one"):
            await client.websocket("join", body="red", connection=connection)
        with pytest.raises(RxKernelError, match="has ended; create another one"):
            await connection.connect()

    async def test_event_of_another_namespace_raises_value_error(
        self, client: KernelClient
    ) -> None:
        async with client.connection() as connection:
            with pytest.raises(ValueError, match=r"use client\.connection\('/chat'\)"):
                await client.websocket("/chat:ask", connection=connection)


class TestRefusal:
    async def test_connection_rejected_error_has_response_and_cause(
        self, client: KernelClient
    ) -> None:
        connection = client.connection(auth={"as": "stranger"}, headers={"X-Request-ID": "mine"})

        with pytest.raises(ConnectionRefusedException, match="403: not you") as refused:
            async with connection:
                pytest.fail("the connection was accepted")

        response = refused.value.response
        assert response.content == {"statusCode": 403, "message": "not you"}
        assert response.headers["X-Why"] == "list"
        assert response.headers["X-Request-ID"].startswith("mine-")
        assert isinstance(refused.value.__cause__, ForbiddenException)

    async def test_connection_rejected_report_of_pytest_has_no_frames_of_kernel(
        self, client: KernelClient
    ) -> None:
        with pytest.raises(ConnectionRefusedException) as refused:
            await client.connection(auth={"as": "stranger"}).connect()

        report = str(refused.getrepr(style="long"))
        assert "403: not you" in report
        assert "test_client_connections.py" in report
        assert "rxkernel/" not in report

    async def test_connection_rejected_is_ended(self, client: KernelClient, door: Door) -> None:
        connection = client.connection(auth={"as": "stranger"})
        for _ in range(2):
            with pytest.raises(RxKernelError):
                await client.websocket("join", body="red", connection=connection)

        assert (connection.is_connected, connection.is_ended, connection.emitted) == (
            False,
            True,
            [],
        )
        await client.close()
        assert door.trace == ["seat", "shutdown"]


class TestDisconnecting:
    @pytest.mark.parametrize("reason", list(DisconnectReason))
    async def test_close_with_reason_dispatches_that_reason(
        self, client: KernelClient, door: Door, reason: DisconnectReason
    ) -> None:
        connection = client.connection()
        await connection.connect()
        await connection.close(reason)
        await connection.close()

        assert door.trace == ["came", reason]

    async def test_close_with_unknown_reason_raises_error(self, client: KernelClient) -> None:
        async with client.connection() as connection:
            with pytest.raises(ValueError, match="'gone' is not a valid DisconnectReason"):
                await connection.close("gone")

    async def test_async_with_block_that_raises_disconnects(
        self, client: KernelClient, door: Door
    ) -> None:
        with pytest.raises(LookupError):
            async with client.connection():
                raise LookupError

        assert door.trace == ["came", "client"]

    async def test_connection_services_are_closed_after_its_events(
        self, client: KernelClient, door: Door
    ) -> None:
        async with client.connection() as connection:
            waiting = asyncio.ensure_future(client.websocket("wait", connection=connection))
            await until(lambda: "waits" in door.trace)
        assert (door.trace, Seat.closed) == (["came", "waits", "client"], [])
        door.release.set()

        assert (await waiting).content == "done"
        assert Seat.closed == ["seat"]


class TestClosing:
    async def test_close_waits_for_messages_in_flight(
        self, client: KernelClient, door: Door
    ) -> None:
        async with asyncio.TaskGroup() as group:
            calls = [
                group.create_task(client.http("wait_http")),
                group.create_task(client.websocket("wait")),
            ]
            await until(lambda: door.trace.count("waits") == 2)
            closing = group.create_task(client.close())
            await asyncio.sleep(0)
            assert "shutdown" not in door.trace
            door.release.set()

        assert [call.result().content for call in calls] == ["done", "done"]
        assert closing.done()
        assert door.trace[-2:] == ["seat", "shutdown"]

    async def test_close_after_timeout_cancels_messages(self, client_of: ClientOf) -> None:
        client = make(client_of, shutdown_timeout=0.1)
        door = (await client.application.boot()).get(Door)
        waiting = asyncio.ensure_future(client.websocket("wait"))
        await until(lambda: "waits" in door.trace)
        await client.close()

        assert waiting.cancelled()
        assert "goes on" not in door.trace
        assert door.trace[-2:] == ["seat", "shutdown"]

    async def test_application_stop_ends_client_connections(
        self, client: KernelClient, door: Door
    ) -> None:
        connection = client.connection()
        await connection.connect()
        await client.application.stop()

        assert door.trace == ["came", "shutdown", "seat", "shutdown"]
        assert not connection.is_connected

    async def test_clients_of_one_application_share_broadcasts_and_shutdown(
        self, client_of: ClientOf, client: KernelClient, door: Door
    ) -> None:
        other = client_of(client.application)
        async with client.connection() as mine:
            theirs = other.connection()
            await theirs.connect()
            await other.http("say_http", body=1)
            assert mine.emitted == theirs.emitted == [("said", (1,))]

            await client.close()
            assert not theirs.is_connected

        assert door.trace == ["came", "came", *["shutdown"] * 2, "seat", "seat", "shutdown"]

    async def test_application_booted_again_has_no_earlier_connections(
        self, client: KernelClient, door: Door
    ) -> None:
        connection = client.connection()
        await connection.connect()
        await client.close()
        await client.http("say_http", body=1)

        assert connection.emitted == []


number: ContextVar[int] = ContextVar("number", default=0)


class Counting:
    """Every listener and action records a context variable and adds one to it."""

    seen: list[int] = []  # noqa: RUF012 - emptied by the test

    @observe(ServerEvents.CONNECTED)
    @observe(ServerEvents.DISCONNECTED)
    @observe(KernelEvents.KERNEL_REQUEST)
    async def note(self, event: Any) -> None:
        Counting.seen.append(number.get())
        number.set(number.get() + 1)

    @observe(KernelEvents.KERNEL_TERMINATE)
    async def end(self, event: TerminateEvent) -> None:
        await self.note(event)

    @http("GET", "/number", "number")
    @websocket("number")
    @procedure("number", "RPC")
    async def number(self) -> int:
        return number.get()


async def test_each_message_and_connection_has_its_own_context(
    client_of: ClientOf,
) -> None:
    """A message sees the values of the test, and its changes end with it. The changes of CONNECTED
    are visible to DISCONNECTED and to no event."""
    client = client_of(Counting, bundles=[Rpc])
    Counting.seen = []
    number.set(10)

    assert (await client.http("number")).content == 11
    assert (await client.call("RPC", "number")).content == 11
    assert (await client.websocket("number")).content == 11
    assert Counting.seen == [10, 11, 10, 11, 10, 10, 11, 11]
    assert number.get() == 10
