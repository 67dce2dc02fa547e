"""One context per event of a socket, and one per connection for CONNECTED and DISCONNECTED."""

from contextvars import ContextVar
from functools import partial

import pytest
from injector import Binder, ProviderOf, inject
from socketio.exceptions import ConnectionError as Refused

from rxkernel import (
    Connection,
    ConnectionEvent,
    ForbiddenException,
    Request,
    ServerEvents,
    connection_scope,
    observe,
    websocket,
)
from tests.context_probe import FAILED, PHASES, Probe, Steps, parts
from tests.servers.conftest import Serve
from tests.servers.socketio.clients import connected, over_each_transport
from tests.servers.socketio_clients import client
from tests.waiting import until

room: ContextVar[str] = ContextVar("room", default="none")
seat: ContextVar[str] = ContextVar("seat", default="none")


@over_each_transport
@pytest.mark.parametrize(("event", "phases"), [("steps", PHASES), ("fails", FAILED)])
async def test_context_of_event_lasts_from_first_listener_to_services(
    serve: Serve,
    caplog: pytest.LogCaptureFixture,
    transport: str,
    event: str,
    phases: list[str],
) -> None:
    probe = Probe()
    application = await serve(Steps, socketio={"concurrency": 2}, **parts(probe))
    names = [f"n{number}" for number in range(6)]

    async with connected(application, transport) as socket:
        await socket.send(*(f'42["{event}",{{"params":{{"name":"{name}"}}}}]' for name in names))
        await until(lambda: probe.is_done(*names))

    assert all(probe.seen[name] == [(phase, name) for phase in phases] for name in names)
    assert set(probe.before.values()) == {"nobody"}
    assert not caplog.records


class Seat:
    """A service of one connection; when it is closed, it resets the variable that it has set."""

    @inject
    def __init__(self, door: "Door", connection: Connection) -> None:
        self.door = door
        self.connection = connection
        self.token = seat.set(connection.auth["name"])

    async def aclose(self) -> None:
        self.door.seen.append(f"closed {seat.get()}")
        seat.reset(self.token)


class Door:
    def __init__(self) -> None:
        self.seen: list[str] = []
        self.seats: ProviderOf[Seat] | None = None

    def has_closed(self, name: str) -> bool:
        return self.seen[-1:] == [f"closed {name}"]

    @observe(ServerEvents.CONNECTED)
    async def came(self, event: ConnectionEvent) -> None:
        assert self.seats is not None
        self.seats.get()
        event.connection.attributes["token"] = room.set(f"{room.get()}, {seat.get()}")
        if event.connection.auth["name"] == "eve":
            raise ForbiddenException

    @observe(ServerEvents.DISCONNECTED)
    async def left(self, event: ConnectionEvent) -> None:
        self.seen.append(f"left {room.get()}")
        room.reset(event.connection.attributes["token"])


class Rooms:
    @inject
    def __init__(self, door: Door, seats: ProviderOf[Seat]) -> None:
        door.seats = seats

    @websocket("room")
    async def room(self, request: Request) -> str:
        return f"{room.get()}, {seat.get()}"


async def test_context_of_connection_is_not_visible_to_events(
    serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    """It lasts from CONNECTED to the end of the services. Events use `Connection.attributes`."""
    door = Door()

    def configure(binder: Binder) -> None:
        binder.bind(Door, to=door)
        binder.bind(Seat, scope=connection_scope)

    application = await serve(Rooms, listeners=[door], modules=[configure])
    for name in ("ann", "bob"):
        async with client(application, auth={"name": name}) as socket:
            assert (await socket.call("room"))["content"] == "none, none"
        await until(partial(door.has_closed, name))
    with pytest.raises(Refused):
        async with client(application, auth={"name": "eve"}):
            pytest.fail("eve was accepted")

    assert door.seen == [
        "left none, ann",
        "closed ann",
        "left none, bob",
        "closed bob",
        "closed eve",
    ]
    assert not caplog.records
