"""`Broadcaster` with connected clients, over sockets and in process."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
import pytest_asyncio
from injector import inject

from rxkernel import (
    Application,
    Broadcaster,
    Connection,
    ConnectionEvent,
    ConnectionInfo,
    HttpSettings,
    NotConnectedError,
    Request,
    RxKernelError,
    ServerEvents,
    Settings,
    observe,
    websocket,
)
from tests.servers.sides import SIDES, Client, Side, side_of
from tests.waiting import until


class Hall:
    @inject
    def __init__(self, broadcaster: Broadcaster) -> None:
        self.broadcaster = broadcaster
        self.left: list[str] = []

    @observe(ServerEvents.CONNECTED)
    async def connected(self, event: ConnectionEvent) -> None:
        """Before it is accepted, a connection can be addressed by its id."""
        if event.connection.auth is not None:
            await self.broadcaster.join(event.connection.id, event.connection.auth["room"])

    @observe(ServerEvents.DISCONNECTED)
    async def disconnected(self, event: ConnectionEvent) -> None:
        self.left.append(f"{event.connection.id} {event.reason}")

    @websocket("nothing")
    @websocket("nothing", namespace="/chat")
    async def nothing(self) -> None: ...

    @websocket("say in thread")
    def say_in_thread(self, request: Request) -> bool:
        sent = self.broadcaster.emit_threadsafe("news", request.body, skip=request.connection)
        return sent.result(timeout=20)

    @websocket("numbered event")
    async def numbered_event(self, connection: Connection) -> list[str]:
        name: Any = 5
        errors = []
        for send in (connection.emit(name), connection.call(name)):
            try:
                await send
            except (TypeError, ValueError) as exc:
                errors.append(type(exc).__name__)
        return errors

    @websocket("foreign loop")
    def foreign_loop(self, request: Request) -> list[str]:
        """Each use of a connection in the event loop of a thread is an error."""
        connection = request.connection
        assert connection is not None
        errors = []
        for use in _USES:
            try:
                asyncio.run(_awaited(use(connection)))
            except RxKernelError as exc:
                errors.append(str(exc).split()[0])
        return errors


async def _awaited(coming: Awaitable[Any]) -> Any:
    return await coming


_USES: tuple[Callable[[Connection], Awaitable[Any]], ...] = (
    lambda connection: connection.emit("news"),
    lambda connection: connection.call("news"),
    lambda connection: connection.join("red"),
    lambda connection: connection.leave("red"),
    lambda connection: connection.disconnect(),
)


@pytest_asyncio.fixture(params=SIDES)
async def side(request: pytest.FixtureRequest) -> AsyncIterator[Side]:
    settings = Settings(http=HttpSettings(port=0), shutdown_timeout=20)
    async with side_of(request.param, Application(controllers=[Hall], settings=settings)) as side:
        yield side


@pytest.fixture
def broadcaster(side: Side) -> Broadcaster:
    return side.application.injector.get(Broadcaster)


@pytest.fixture
def hall(side: Side) -> Hall:
    return side.application.injector.get(Hall)


async def rooms_of(broadcaster: Broadcaster, client: Client) -> frozenset[str]:
    (found,) = await broadcaster.connections(client.id)
    return found.rooms


async def test_connections_lists_clients_with_their_rooms(
    side: Side, broadcaster: Broadcaster
) -> None:
    red = await side.connect({"room": "red"})
    blue = await side.connect({"room": "blue"})
    chat = await side.connect(namespace="/chat")

    one = ConnectionInfo(red.id, "/", frozenset(("red",)))
    two = ConnectionInfo(blue.id, "/", frozenset(("blue",)))
    assert await broadcaster.connections() == [one, two]
    assert await broadcaster.connections("red") == [one]
    assert await broadcaster.connections(["blue", blue.id]) == [two]
    assert await broadcaster.connections(["red", "blue", "none"]) == [one, two]
    assert await broadcaster.connections([]) == []
    assert await broadcaster.connections("none") == []
    assert [c.id for c in await broadcaster.connections(namespace="/chat")] == [chat.id]
    assert await broadcaster.connections(chat.id) == []
    await red.leave()
    await until_left(broadcaster, red)


async def until_left(broadcaster: Broadcaster, client: Client) -> None:
    async with asyncio.timeout(20):
        while await broadcaster.connections(client.id):  # noqa: ASYNC110
            await asyncio.sleep(0)


async def test_join_and_leave_change_rooms_of_others(side: Side, broadcaster: Broadcaster) -> None:
    one, two, other = [await side.connect({"room": name}) for name in ("a", "a", "b")]

    assert await broadcaster.join("a", ["x", "y"])
    assert await broadcaster.join([one.id, "b"], "z")
    assert await broadcaster.leave([one.id, "none"], "x")
    assert await broadcaster.leave("a", ["a", "never joined"])

    assert await rooms_of(broadcaster, one) == {"y", "z"}
    assert await rooms_of(broadcaster, two) == {"x", "y"}
    assert await rooms_of(broadcaster, other) == {"b", "z"}
    await broadcaster.emit("news", room="z")
    assert await one.received() == await other.received() == [("news", [])]
    assert await two.received() == []


async def test_join_in_another_namespace_changes_nothing(
    side: Side, broadcaster: Broadcaster
) -> None:
    client = await side.connect()

    await broadcaster.join(client.id, "red", namespace="/chat")
    await broadcaster.disconnect(client.id, namespace="/chat")

    assert await rooms_of(broadcaster, client) == frozenset()


async def test_join_id_of_another_client_raises(side: Side, broadcaster: Broadcaster) -> None:
    one, other = await side.connect(), await side.connect()

    with pytest.raises(ValueError, match="is the room of another connection"):
        await broadcaster.join(one.id, other.id)


async def test_disconnect_ends_the_connections_of_a_room(
    side: Side, broadcaster: Broadcaster, hall: Hall
) -> None:
    one, two, other = [await side.connect({"room": name}) for name in ("a", "a", "b")]

    assert await broadcaster.disconnect("a")
    assert await broadcaster.disconnect("none")

    await until(lambda: len(hall.left) == 2)
    assert sorted(hall.left) == sorted(f"{client.id} server" for client in (one, two))
    assert [found.id for found in await broadcaster.connections()] == [other.id]


async def test_call_returns_acknowledgement_of_the_client(
    side: Side, broadcaster: Broadcaster
) -> None:
    client = await side.connect(acknowledgements={"who": "Ada"})

    calling = asyncio.ensure_future(broadcaster.call(client.id, "who", 1))
    await until(calling.done) if side.is_in_process else await client.received()

    assert await calling == "Ada"


async def test_call_without_connection_raises_not_connected(
    side: Side, broadcaster: Broadcaster
) -> None:
    """It is a TimeoutError, like the error for a client that disconnects during the call."""
    client = await side.connect({"room": "red"})

    for id, namespace in (("nobody", "/"), ("red", "/"), (client.id, "/chat")):
        with pytest.raises(NotConnectedError, match="no client has the id"):
            await broadcaster.call(id, "who", namespace=namespace)
    await client.leave()
    await until_left(broadcaster, client)
    with pytest.raises(TimeoutError):
        await broadcaster.call(client.id, "who")


async def test_emit_volatile_and_local_reaches_clients_that_read(
    side: Side, broadcaster: Broadcaster
) -> None:
    client = await side.connect()

    assert await broadcaster.emit("news", 1, volatile=True)
    assert await broadcaster.emit("news", 2, volatile=True, local=True)

    assert await client.received() == [("news", [1]), ("news", [2])]


async def test_emit_threadsafe_in_plain_def_reaches_others(side: Side) -> None:
    one, other = await side.connect(), await side.connect()

    assert (await one.ask("say in thread", "tea"))["content"] is True

    assert await other.received() == [("news", ["tea"])]
    assert await one.received() == []


async def test_emit_threadsafe_sends_the_arguments_as_they_were(
    side: Side, broadcaster: Broadcaster
) -> None:
    client = await side.connect()
    state: dict[str, Any] = {"done": 50}

    sent = [broadcaster.emit_threadsafe("progress", state)]
    state["done"] = 100
    sent.append(broadcaster.emit_threadsafe("progress", state))
    state["done"] = None
    await asyncio.gather(*map(asyncio.wrap_future, sent))

    assert await client.received() == [("progress", [{"done": 50}]), ("progress", [{"done": 100}])]


async def test_emit_threadsafe_unencodable_argument_raises_to_the_caller(
    side: Side, broadcaster: Broadcaster
) -> None:
    with pytest.raises(TypeError, match=r"object cannot be encoded as JSON"):
        broadcaster.emit_threadsafe("news", object())


async def test_emit_sends_the_arguments_as_they_were(side: Side, broadcaster: Broadcaster) -> None:
    client = await side.connect()
    state = {"done": [50]}

    await broadcaster.emit("progress", state)
    await broadcaster.emit("progress", state, volatile=True)
    state["done"].append(100)

    assert await client.received() == [("progress", [{"done": [50]}])] * 2


async def test_event_whose_name_is_not_a_str_raises(side: Side) -> None:
    client = await side.connect()

    assert (await client.ask("numbered event"))["content"] == ["TypeError", "TypeError"]
    assert await client.received() == []


async def test_join_room_of_another_client_changes_nothing(
    side: Side, broadcaster: Broadcaster
) -> None:
    one, other, third = [await side.connect() for _ in range(3)]
    await broadcaster.join([one.id, third.id], "both")

    with pytest.raises(ValueError, match=f"'{other.id}' is the room of another connection"):
        await broadcaster.join("both", ["red", other.id, "blue"])
    with pytest.raises(ValueError, match="is the room of another connection"):
        await broadcaster.join([one.id, other.id], ["red", one.id])

    assert await rooms_of(broadcaster, one) == await rooms_of(broadcaster, third) == {"both"}
    assert await rooms_of(broadcaster, other) == set()
    await broadcaster.join(one.id, ["red", one.id])
    assert await rooms_of(broadcaster, one) == {"both", "red"}


async def test_connection_in_another_event_loop_raises(side: Side) -> None:
    client = await side.connect()

    assert (await client.ask("foreign loop"))["content"] == [
        *("Connection.emit()", "Connection.call()", "Connection.join()"),
        *("Connection.leave()", "Connection.disconnect()"),
    ]
    assert await client.received() == []
