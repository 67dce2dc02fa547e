"""`server.accepted` and the services of connection events, over sockets and in process."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import pytest_asyncio
from injector import Binder, ProviderOf, inject

from rxkernel import (
    Application,
    Broadcaster,
    Connection,
    ConnectionEvent,
    HttpSettings,
    RecordingConnection,
    Request,
    RxKernelError,
    ServerEvents,
    Settings,
    UnauthorizedException,
    connection_scope,
    observe,
    request_scope,
    websocket,
)
from tests.servers.sides import SIDES, InProcess, RefusedError, Side, side_of
from tests.waiting import until


class Ticket:
    """A service in `request_scope`."""


class Transaction:
    """A context manager in `request_scope`."""


class Seat:
    """A service in `connection_scope` with an async provider."""


Work = Callable[[ConnectionEvent], Awaitable[None]]


async def _nothing(event: ConnectionEvent) -> None: ...


class Trace:
    """Records events; tests replace *connected*, *accepted* and *disconnected*."""

    def __init__(self) -> None:
        self.lines: list[Any] = []
        self.connected: Work = _nothing
        self.accepted: Work = _nothing
        self.disconnected: Work = _nothing
        self.hold = asyncio.Event()
        self.fails_to_commit = False

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        self.lines.append("begin")
        try:
            yield Transaction()
        except BaseException as exc:
            self.lines.append(f"rollback {type(exc).__name__}")
            raise
        if self.fails_to_commit:
            raise RuntimeError("the commit failed")
        self.lines.append("commit")

    async def seat(self) -> Seat:
        await asyncio.sleep(0)
        return Seat()

    def configure(self, binder: Binder) -> None:
        binder.bind(Trace, to=self)
        binder.bind(Ticket, scope=request_scope)
        binder.bind(Transaction, to=self.transaction, scope=request_scope)  # type: ignore[arg-type]
        binder.bind(Seat, to=self.seat, scope=connection_scope)  # type: ignore[arg-type]


class Guests:
    @inject
    def __init__(self, trace: Trace, ticket: ProviderOf[Ticket], request: ProviderOf[Request]):
        self.trace = trace
        self.ticket = ticket
        self.request = request

    @observe(ServerEvents.CONNECTED)
    async def connected(self, event: ConnectionEvent) -> None:
        self.trace.lines.append("connected")
        assert self.request.get() is event.request
        assert self.ticket.get() is self.ticket.get()
        await self.trace.connected(event)

    @observe(ServerEvents.ACCEPTED)
    async def accepted(self, event: ConnectionEvent) -> None:
        self.trace.lines.append("accepted")
        assert event.reason is None
        assert self.request.get() is event.request
        assert self.ticket.get() is await event.request.get(Ticket)
        await self.trace.accepted(event)
        self.trace.lines.append("accepted ends")

    @observe(ServerEvents.DISCONNECTED)
    async def disconnected(self, event: ConnectionEvent) -> None:
        self.trace.lines.append(f"disconnected {event.reason}")
        assert self.ticket.get() is self.ticket.get()
        await self.trace.disconnected(event)

    @websocket("nothing")
    async def nothing(self) -> None: ...

    @websocket("release")
    async def release(self) -> None:
        self.trace.hold.set()


def application_of(trace: Trace, shutdown_timeout: float) -> Application:
    settings = Settings(http=HttpSettings(port=0), shutdown_timeout=shutdown_timeout)
    return Application(controllers=[Guests], modules=[trace.configure], settings=settings)


@pytest.fixture
def trace() -> Trace:
    return Trace()


@pytest_asyncio.fixture(params=SIDES)
async def side(request: pytest.FixtureRequest, trace: Trace) -> AsyncIterator[Side]:
    async with side_of(request.param, application_of(trace, shutdown_timeout=20)) as side:
        yield side


class TestAccepted:
    async def test_accepted_follows_connected_and_precedes_disconnected(
        self, side: Side, trace: Trace
    ) -> None:
        client = await side.connect()
        await client.received()
        assert trace.lines == ["connected", "accepted", "accepted ends"]

        await client.leave()
        await until(lambda: "disconnected client" in trace.lines)
        assert trace.lines[3:] == ["disconnected client"]

    async def test_accepted_rejected_connection_does_not_run(
        self, side: Side, trace: Trace
    ) -> None:
        async def reject(event: ConnectionEvent) -> None:
            await event.connection.disconnect()

        trace.connected = reject
        with pytest.raises(RefusedError):
            await side.connect()

        assert trace.lines == ["connected"]

    async def test_call_in_accepted_returns_acknowledgement(
        self, side: Side, trace: Trace
    ) -> None:
        answers = []

        async def ask(event: ConnectionEvent) -> None:
            answers.append(await event.connection.call("who", 1))

        trace.accepted = ask
        client = await side.connect(acknowledgements={"who": "Ada"})

        assert await client.received() == [("who", [1])]
        await until(lambda: answers == ["Ada"])

    @pytest.mark.parametrize("room", [None, "everyone", ["everyone", "x"]])
    async def test_broadcast_in_accepted_reaches_the_client(
        self, side: Side, trace: Trace, room: Any
    ) -> None:
        broadcaster = side.application.injector.get(Broadcaster)

        async def greet(event: ConnectionEvent) -> None:
            await event.connection.join("everyone")
            await broadcaster.emit("welcome", room=room)

        trace.accepted = greet

        assert await (await side.connect()).received() == [("welcome", [])]

    async def test_accepted_listener_that_raises_is_logged_and_client_stays(
        self, side: Side, trace: Trace, caplog: pytest.LogCaptureFixture
    ) -> None:
        async def fail(event: ConnectionEvent) -> None:
            await event.request.get(Transaction)
            raise RuntimeError("in accepted")

        trace.accepted = fail
        client = await side.connect()

        assert await client.received() == []
        await until(
            lambda: trace.lines == ["connected", "accepted", "begin", "rollback RuntimeError"]
        )
        assert "of server.accepted failed" in caplog.text

    async def test_disconnect_in_accepted_dispatches_disconnected_after_it(
        self, side: Side, trace: Trace
    ) -> None:
        async def kick(event: ConnectionEvent) -> None:
            await event.connection.disconnect()
            trace.lines.append("kicked")

        trace.accepted = kick
        await side.connect()

        await until(lambda: "disconnected server" in trace.lines)
        assert trace.lines == [
            "connected",
            "accepted",
            "kicked",
            "accepted ends",
            "disconnected server",
        ]

    async def test_connection_that_ends_during_accepted_is_disconnected_after_it(
        self, side: Side, trace: Trace
    ) -> None:
        connections: list[Connection] = []

        async def wait(event: ConnectionEvent) -> None:
            connections.append(event.connection)
            await trace.hold.wait()

        trace.accepted = wait
        connecting = asyncio.ensure_future(side.connect())
        await until(lambda: connections)
        await connections[0].disconnect()
        await connections[0].disconnect()
        assert trace.lines == ["connected", "accepted"]
        trace.hold.set()

        await until(lambda: "disconnected server" in trace.lines)
        assert trace.lines[2:] == ["accepted ends", "disconnected server"]
        await connecting

    async def test_event_of_client_during_accepted_is_handled(
        self, side: Side, trace: Trace
    ) -> None:
        connections: list[Connection] = []

        async def wait(event: ConnectionEvent) -> None:
            connections.append(event.connection)
            await trace.hold.wait()

        trace.accepted = wait
        connecting = asyncio.ensure_future(side.connect())
        await until(lambda: connections)
        if isinstance(side, InProcess):
            connection = connections[0]
            assert isinstance(connection, RecordingConnection)
            await side.client.websocket("release", connection=connection)
        else:
            await (await connecting).send("release")

        await until(lambda: "accepted ends" in trace.lines)
        await connecting


@pytest.mark.parametrize("kind", SIDES)
async def test_stop_while_accepted_hangs_cancels_it_and_dispatches_disconnected(
    kind: str, trace: Trace
) -> None:
    async def hang(event: ConnectionEvent) -> None:
        await event.request.get(Transaction)
        await asyncio.Event().wait()

    trace.accepted = hang
    async with side_of(kind, application_of(trace, shutdown_timeout=0.1)) as side:
        connecting = asyncio.ensure_future(side.connect())
        await until(lambda: "begin" in trace.lines)
        await side.application.stop()
        await connecting

    assert trace.lines == [
        "connected",
        "accepted",
        "begin",
        "rollback CancelledError",
        "disconnected shutdown",
    ]


class TestServices:
    async def test_cookies_of_handshake_are_read_in_every_event(
        self, side: Side, trace: Trace
    ) -> None:
        seen: list[Any] = []

        async def read(event: ConnectionEvent) -> None:
            seen.append((event.connection.cookies["sid"], event.request.cookies["sid"]))

        trace.connected = trace.accepted = trace.disconnected = read
        client = await side.connect(headers={"Cookie": "a=1; sid=abc"})
        await client.leave()

        await until(lambda: seen == [("abc", "abc")] * 3)

    async def test_cookies_without_header_are_empty(self, side: Side, trace: Trace) -> None:
        async def read(event: ConnectionEvent) -> None:
            assert dict(event.connection.cookies) == {}

        trace.connected = read
        await side.connect()

    async def test_async_services_are_opened_and_closed_with_each_event(
        self, side: Side, trace: Trace
    ) -> None:
        """Services of the connection are shared by its events, services of a message are not."""
        seats: set[Seat] = set()
        transactions: list[Transaction] = []

        async def use(event: ConnectionEvent) -> None:
            seats.add(await event.request.get(Seat))
            transactions.append(await event.request.get(Transaction))
            assert await event.request.get(Transaction) is transactions[-1]

        trace.connected = trace.accepted = trace.disconnected = use
        client = await side.connect()
        await client.received()
        await client.leave()

        await until(lambda: trace.lines.count("commit") == 3)
        assert len(seats) == 1
        assert len({*transactions}) == 3
        assert trace.lines == [
            *("connected", "begin", "commit"),
            *("accepted", "begin", "accepted ends", "commit"),
            *("disconnected client", "begin", "commit"),
        ]

    async def test_transaction_of_connected_that_rejects_is_rolled_back(
        self, side: Side, trace: Trace
    ) -> None:
        async def reject(event: ConnectionEvent) -> None:
            await event.request.get(Transaction)
            raise UnauthorizedException("who are you?")

        trace.connected = reject
        with pytest.raises(RefusedError) as refused:
            await side.connect()

        assert refused.value.body["statusCode"] == 401
        assert trace.lines == ["connected", "begin", "rollback UnauthorizedException"]

    async def test_transaction_of_connected_disconnected_is_rolled_back(
        self, side: Side, trace: Trace
    ) -> None:
        async def reject(event: ConnectionEvent) -> None:
            await event.request.get(Transaction)
            await event.connection.disconnect()

        trace.connected = reject
        with pytest.raises(RefusedError):
            await side.connect()

        assert trace.lines == ["connected", "begin", "rollback ForbiddenException"]

    async def test_commit_of_connected_that_fails_rejects_the_connection(
        self, side: Side, trace: Trace
    ) -> None:
        async def use(event: ConnectionEvent) -> None:
            await event.request.get(Transaction)

        trace.connected, trace.fails_to_commit = use, True
        with pytest.raises(RefusedError) as refused:
            await side.connect()

        assert refused.value.body["statusCode"] == 500
        assert trace.lines == ["connected", "begin"]

    async def test_manager_entered_by_request_is_exited_before_acceptance(
        self, side: Side, trace: Trace
    ) -> None:
        async def enter(event: ConnectionEvent) -> None:
            await event.request.enter(trace.transaction())

        trace.connected = enter
        await side.connect()

        assert trace.lines[:3] == ["connected", "begin", "commit"]

    async def test_request_of_ended_event_has_no_services(self, side: Side, trace: Trace) -> None:
        requests: list[Request] = []

        async def keep(event: ConnectionEvent) -> None:
            requests.append(event.request)

        trace.connected = keep
        await side.connect()

        with pytest.raises(RxKernelError, match="has ended"):
            await requests[0].get(Transaction)
