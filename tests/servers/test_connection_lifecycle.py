"""The life of a connection is the same over a real socket and in a `KernelClient`."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextvars import ContextVar
from typing import Any

import pytest
import pytest_asyncio
from injector import Binder, ProviderOf, inject

from rxkernel import (
    Application,
    ApplicationEvents,
    Broadcaster,
    Connection,
    ConnectionEvent,
    ExceptionEvent,
    HttpSettings,
    KernelEvents,
    Request,
    Response,
    RxKernelError,
    ServerEvents,
    Settings,
    ShutdownEvent,
    UnauthorizedException,
    connection_scope,
    observe,
    request_scope,
    websocket,
)
from tests.servers.sides import SIDES, RefusedError, Side, side_of
from tests.waiting import until

seen_by_context: ContextVar[str | None] = ContextVar("seen_by_context", default=None)


class Seat:
    """A service in `connection_scope`; records in `Guests` that it was closed."""

    @inject
    def __init__(self, connection: Connection, guests: "Guests") -> None:
        self._connection = connection
        self._guests = guests

    async def aclose(self) -> None:
        self._guests.trace.append("seat closed")


class Ticket:
    """A service in `request_scope`; records in `Guests` that it was closed."""

    @inject
    def __init__(self, guests: "Guests") -> None:
        self._guests = guests

    async def aclose(self) -> None:
        self._guests.tickets_closed += 1


class Guests:
    """Records connected and disconnected clients; ``do`` in ``auth`` selects what happens."""

    def __init__(self) -> None:
        self.trace: list[Any] = []
        self.connections: list[Connection] = []
        self.hold = asyncio.Event()
        self.is_shaped = False
        self.tickets_closed = 0

    @property
    def last(self) -> Connection:
        return self.connections[-1]


class Listener:
    @inject
    def __init__(
        self,
        guests: Guests,
        seat: ProviderOf[Seat],
        ticket: ProviderOf[Ticket],
        broadcaster: Broadcaster,
    ) -> None:
        self.guests = guests
        self.seat = seat
        self.ticket = ticket
        self.broadcaster = broadcaster

    @observe(ServerEvents.CONNECTED)
    async def came(self, event: ConnectionEvent) -> None:
        connection, trace = event.connection, self.guests.trace
        self.guests.connections.append(connection)
        self.seat.get()
        seen_by_context.set("connected")
        assert event.reason is None
        trace.append("came")
        await connection.join("everyone")
        await connection.emit("welcome", 1)
        match (connection.auth or {}).get("do"):
            case "refuse":
                raise UnauthorizedException("who are you?", code="unknown")
            case "break":
                raise RuntimeError("secret")
            case "exit":
                raise SystemExit(3)
            case "cancel":
                raise asyncio.CancelledError
            case "unsendable":
                raise UnauthorizedException("unknown \udcff")
            case "disconnect":
                await connection.disconnect()
            case "call":
                await connection.call("question")
            case "wait":
                await self.guests.hold.wait()

    @observe(ServerEvents.DISCONNECTED)
    async def left(self, event: ConnectionEvent) -> None:
        self.guests.trace.append(("left", event.reason, (*sorted(event.connection.rooms),)))
        self.seat.get()
        match (event.connection.auth or {}).get("do"):
            case "fail to leave":
                raise RuntimeError("on leaving")
            case "cancel on leaving":
                raise asyncio.CancelledError

    @observe(KernelEvents.KERNEL_EXCEPTION)
    async def shape(self, event: ExceptionEvent) -> None:
        self.ticket.get()
        if self.guests.is_shaped:
            event.set_response(Response({"error": str(event.exception)}, 418))

    @observe(ApplicationEvents.SHUTDOWN)
    async def shutdown(self, event: ShutdownEvent) -> None:
        self.guests.trace.append("shutdown")

    @websocket("nothing")
    @websocket("nothing", namespace="/chat")
    async def nothing(self) -> None: ...

    @websocket("join")
    async def join(self, request: Request) -> list[str]:
        assert request.connection is not None
        await request.connection.join(request.body)
        return sorted(request.connection.rooms)

    @websocket("leave")
    async def leave(self, request: Request) -> list[str]:
        assert request.connection is not None
        await request.connection.leave(request.body)
        return sorted(request.connection.rooms)

    @websocket("kick")
    async def kick(self, request: Request) -> None:
        assert request.connection is not None
        await request.connection.disconnect()
        await request.connection.disconnect()
        self.guests.trace.append("event ends")

    @websocket("context")
    async def context(self) -> str | None:
        before = seen_by_context.get()
        seen_by_context.set("event")
        return before


def configure(binder: Binder) -> None:
    binder.bind(Guests, to=Guests())
    binder.bind(Seat, scope=connection_scope)
    binder.bind(Ticket, scope=request_scope)


SETTINGS = Settings(http=HttpSettings(port=0), request_id_header=None, shutdown_timeout=20)


@pytest_asyncio.fixture(params=SIDES)
async def side(request: pytest.FixtureRequest) -> AsyncIterator[Side]:
    application = Application(controllers=[Listener], modules=[configure], settings=SETTINGS)
    async with side_of(request.param, application) as side:
        yield side


@pytest.fixture
def guests(side: Side) -> Guests:
    return side.application.injector.get(Guests)


@pytest.fixture
def broadcaster(side: Side) -> Broadcaster:
    return side.application.injector.get(Broadcaster)


class TestConnecting:
    async def test_connection_accepted_then_closed_has_one_pair_of_events(
        self, side: Side, guests: Guests
    ) -> None:
        client = await side.connect()
        assert await client.ask("join", "red") == {
            "statusCode": 200,
            "headers": {},
            "content": ["everyone", "red"],
        }
        assert guests.trace == ["came"]
        await client.leave()

        await until(lambda: "seat closed" in guests.trace)
        assert guests.trace == ["came", ("left", "client", ("everyone", "red")), "seat closed"]

    async def test_emit_in_connected_arrives_once_accepted(self, side: Side) -> None:
        client = await side.connect()

        assert await client.received() == [("welcome", [1])]

    async def test_call_in_connected_rejects_connection(self, side: Side) -> None:
        with pytest.raises(RefusedError) as refused:
            await side.connect({"do": "call"})

        assert refused.value.body["statusCode"] == 500

    async def test_context_of_connected_is_not_visible_to_events(self, side: Side) -> None:
        client = await side.connect()

        assert [(await client.ask("context"))["content"] for _ in range(2)] == [None, None]
        assert seen_by_context.get() is None

    async def test_auth_is_passed_as_plain_json(self, side: Side, guests: Guests) -> None:
        await side.connect({"roles": ("a", "b")})

        assert guests.last.auth == {"roles": ["a", "b"]}


class TestRejection:
    @pytest.mark.parametrize(
        ("auth", "body"),
        [
            ({"do": "refuse"}, {"statusCode": 401, "message": "who are you?", "code": "unknown"}),
            ({"do": "break"}, {"statusCode": 500, "message": "Internal Server Error"}),
            ({"do": "exit"}, {"statusCode": 500, "message": "Internal Server Error"}),
            ({"do": "cancel"}, {"statusCode": 500, "message": "Internal Server Error"}),
            ({"do": "unsendable"}, {"statusCode": 500, "message": "Internal Server Error"}),
            (
                {"do": "disconnect"},
                {"statusCode": 403, "message": "disconnected before it was connected"},
            ),
        ],
        ids=lambda value: value.get("do") if isinstance(value, dict) else None,
    )
    async def test_rejected_connection_gets_error_body_and_no_disconnected(
        self,
        side: Side,
        guests: Guests,
        broadcaster: Broadcaster,
        auth: dict[str, str],
        body: dict[str, Any],
    ) -> None:
        with pytest.raises(RefusedError) as refused:
            await side.connect(auth)

        assert refused.value.body == body
        assert guests.trace == ["came", "seat closed"]
        await broadcaster.emit("news", room="everyone")
        await side.application.stop()
        assert guests.trace == ["came", "seat closed", "shutdown"]

    async def test_auth_not_an_object_rejects_before_connected(
        self, side: Side, guests: Guests
    ) -> None:
        with pytest.raises(RefusedError) as refused:
            await side.connect([1])

        assert refused.value.body == {"statusCode": 400, "message": "auth must be a JSON object"}
        assert guests.trace == []

    async def test_namespace_unknown_rejects_without_connected(
        self, side: Side, guests: Guests
    ) -> None:
        with pytest.raises(RefusedError) as refused:
            await side.connect(namespace="/nowhere")

        assert refused.value.body == {"message": "Invalid namespace"}
        assert guests.trace == []

    async def test_exception_listener_shapes_rejection(self, side: Side, guests: Guests) -> None:
        guests.is_shaped = True

        with pytest.raises(RefusedError) as refused:
            await side.connect({"do": "refuse"})

        assert refused.value.body == {"statusCode": 418, "error": "who are you?"}

    async def test_rejected_connection_closes_services_of_the_exception_phase(
        self, side: Side, guests: Guests
    ) -> None:
        with pytest.raises(RefusedError):
            await side.connect({"do": "refuse"})

        await until(lambda: guests.tickets_closed == 1)


class TestDisconnecting:
    async def test_disconnect_by_event_closes_services_after_event(
        self, side: Side, guests: Guests
    ) -> None:
        client = await side.connect()
        asking = asyncio.ensure_future(client.ask("kick"))

        await until(lambda: "seat closed" in guests.trace)
        assert guests.trace == [
            "came",
            ("left", "server", ("everyone",)),
            "event ends",
            "seat closed",
        ]
        asking.cancel()  # a disconnected client gets no acknowledgement
        await asyncio.gather(asking, return_exceptions=True)

    async def test_disconnected_listener_that_raises_is_logged_and_services_end(
        self, side: Side, guests: Guests, caplog: pytest.LogCaptureFixture
    ) -> None:
        client = await side.connect({"do": "fail to leave"})
        await client.leave()

        await until(lambda: "seat closed" in guests.trace)
        assert "of server.disconnected failed" in caplog.text
        assert "on leaving" in caplog.text

    async def test_disconnected_listener_that_raises_cancelled_error_is_logged_and_services_end(
        self, side: Side, guests: Guests, caplog: pytest.LogCaptureFixture
    ) -> None:
        client = await side.connect({"do": "cancel on leaving"})
        await client.leave()

        await until(lambda: "seat closed" in guests.trace)
        assert "of server.disconnected failed" in caplog.text

    async def test_stop_ends_every_connection_before_the_application_shuts_down(
        self, side: Side, guests: Guests
    ) -> None:
        for _ in range(2):
            await side.connect()
        await side.application.stop()

        left = ("left", "shutdown", ("everyone",))
        assert guests.trace[:2] == ["came", "came"]
        assert Counter(guests.trace[2:-1]) == {left: 2, "seat closed": 2}
        assert guests.trace[-1] == "shutdown"

    async def test_connection_ended_receives_and_joins_nothing(
        self, side: Side, guests: Guests, broadcaster: Broadcaster
    ) -> None:
        client = await side.connect()
        await client.leave()
        await until(lambda: "seat closed" in guests.trace)
        left = guests.last

        await left.emit("too late")
        await left.join("red")
        await left.leave("everyone")
        await left.disconnect()
        await broadcaster.emit("news", room=left.id)
        with pytest.raises(TimeoutError, match="the client has disconnected"):
            await left.call("question")
        with pytest.raises(ValueError, match=r"is reserved by Socket\.IO"):
            await left.emit("connect")
        assert left.rooms == {"everyone"}
        assert guests.trace.count("seat closed") == 1


class TestRooms:
    async def test_broadcast_to_several_rooms_reaches_each_client_once(
        self, side: Side, guests: Guests, broadcaster: Broadcaster
    ) -> None:
        clients = {name: await side.connect() for name in ("both", "red", "blue", "neither")}
        own = dict(zip(clients, guests.connections, strict=True))
        await clients["both"].ask("join", "red")
        await clients["both"].ask("join", "blue")
        await clients["red"].ask("join", "red")
        await clients["blue"].ask("join", "blue")

        await broadcaster.emit("rooms", 1, room=["red", "blue", "none"])
        await broadcaster.emit("rooms", 2, room=("blue", own["neither"].id, own["neither"].id))
        await broadcaster.emit("rooms", 3, room=["red", own["both"].id], skip=own["red"])
        await broadcaster.emit("rooms", 4, room=[])
        await broadcaster.emit("rooms", 5, room="red")
        await broadcaster.emit("rooms", 6, room=["red"], namespace="/chat")

        got = {
            name: [args[0] for event, args in await client.received() if event == "rooms"]
            for name, client in clients.items()
        }
        assert got == {"both": [1, 2, 3, 5], "red": [1, 5], "blue": [1, 2], "neither": [2]}

    async def test_broadcast_room_not_a_str_raises(
        self, side: Side, broadcaster: Broadcaster
    ) -> None:
        """None among several rooms could be read as all clients."""
        client = await side.connect()

        with pytest.raises(TypeError, match=r"room is .*pass a str, several of them, or None"):
            await broadcaster.emit("secret", room=["red", None])  # type: ignore[list-item]
        with pytest.raises(TypeError, match=r"room is 5; pass a str, several of them, or None"):
            await broadcaster.emit("secret", room=5)  # type: ignore[arg-type]
        assert await client.received() == [("welcome", [1])]

    async def test_broadcast_to_room_that_was_left_is_not_received(
        self, side: Side, broadcaster: Broadcaster
    ) -> None:
        client = await side.connect()
        assert (await client.ask("join", "red"))["content"] == ["everyone", "red"]
        assert (await client.ask("leave", "red"))["content"] == ["everyone"]
        assert (await client.ask("leave", "never joined"))["content"] == ["everyone"]

        await broadcaster.emit("news", room="red")

        assert await client.received() == [("welcome", [1])]

    @pytest.mark.parametrize("event", ["join", "leave"])
    @pytest.mark.parametrize("room", [None, 7, ["red"], {"a": 1}, True])
    async def test_room_not_a_str_raises_and_connection_is_unchanged(
        self, side: Side, guests: Guests, broadcaster: Broadcaster, event: str, room: Any
    ) -> None:
        """python-socketio addresses all clients by room None; a client must not leave it."""
        client = await side.connect()

        assert (await client.ask(event, room))["statusCode"] == 500
        connection = guests.last
        with pytest.raises(TypeError, match=r"room is .*; pass a str"):
            await getattr(connection, event)(room)

        assert connection.rooms == {"everyone"}
        await broadcaster.emit("news")
        assert await client.received() == [("welcome", [1]), ("news", [])]
        await connection.disconnect()
        await until(lambda: "seat closed" in guests.trace)

    async def test_leave_own_id_has_no_effect(
        self, side: Side, guests: Guests, broadcaster: Broadcaster
    ) -> None:
        client = await side.connect()

        await guests.last.leave(guests.last.id)

        await broadcaster.emit("news", room=guests.last.id)
        assert await client.received() == [("welcome", [1]), ("news", [])]

    async def test_connection_id_is_room_of_that_connection_only(
        self, side: Side, guests: Guests
    ) -> None:
        one = await side.connect()
        other = await side.connect()

        assert (await one.ask("join", guests.last.id))["statusCode"] == 500
        assert (await other.ask("join", guests.last.id))["content"] == ["everyone"]

    async def test_connection_not_accepted_receives_only_events_to_its_id(
        self, side: Side, guests: Guests, broadcaster: Broadcaster
    ) -> None:
        connecting = asyncio.ensure_future(side.connect({"do": "wait"}))
        await until(lambda: guests.trace == ["came"])

        await broadcaster.emit("news", 1)
        await broadcaster.emit("news", 2, room="everyone")
        await broadcaster.emit("news", 3, room=["everyone", guests.last.id])
        guests.hold.set()

        client = await connecting
        assert await client.received() == [("welcome", [1]), ("news", [3])]

    async def test_broadcast_that_cannot_be_encoded_raises(
        self, side: Side, broadcaster: Broadcaster
    ) -> None:
        await (await side.connect()).leave()

        with pytest.raises(TypeError):
            await broadcaster.emit("news", object())
        with pytest.raises(ValueError, match=r"is reserved by Socket\.IO"):
            await broadcaster.emit("disconnect")


async def test_call_before_connection_is_accepted_raises(side: Side, guests: Guests) -> None:
    connecting = asyncio.ensure_future(side.connect({"do": "wait"}))
    await until(lambda: guests.trace == ["came"])

    with pytest.raises(
        RxKernelError, match=r"call\(.*\) is not possible before the connection is accepted"
    ):
        await guests.last.call("question")
    guests.hold.set()
    await connecting
