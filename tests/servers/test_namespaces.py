"""Namespaces with parameters, over sockets and in process."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio

from rxkernel import (
    Application,
    Broadcaster,
    ConfigurationError,
    ConnectionEvent,
    ForbiddenException,
    HttpSettings,
    KernelClient,
    Request,
    ServerEvents,
    Settings,
    SocketioSettings,
    WebSocketMetadata,
    controller,
    observe,
    websocket,
)
from rxkernel.pytest_plugin import ClientOf
from tests.servers.sides import SIDES, RefusedError, Side, side_of

UNIT = "00000000-0000-0000-0000-000000000001"


@controller(namespace="/rooms/{id:int}")
class Room:
    @observe(ServerEvents.CONNECTED)
    async def connected(self, event: ConnectionEvent) -> None:
        if event.connection.params.get("id") == 13:
            raise ForbiddenException("unlucky")

    @websocket("say")
    async def say(self, id: int, text: str = "", times: int = 1) -> list[Any]:
        return [id, text, times]

    @websocket("params")
    async def params(self, request: Request) -> list[Any]:
        connection = request.connection
        assert connection is not None
        return [
            connection.namespace,
            dict(connection.params),
            [*map(list, request.params.items())],
        ]

    @websocket("nothing")
    async def nothing(self) -> None: ...


class Others:
    @websocket("where", namespace="/rooms/lobby")
    async def lobby(self) -> str:
        return "lobby"

    @websocket("where", namespace="/rooms/{name}")
    async def named(self, name: str) -> str:
        return f"named {name}"

    @websocket("where", namespace="/files/{path:path}")
    async def file(self, path: str) -> str:
        return f"file {path}"

    @websocket("where", namespace="/units/{id:uuid}/{part}")
    async def unit(self, id: UUID, part: str) -> str:
        return f"unit {id} {part}"

    @websocket("where", namespace=r"/years/{year:/[0-9]+/}")
    async def year(self, year: str) -> str:
        return f"year {year}"

    @websocket("where", namespace="/plain:a%b")
    async def plain(self) -> str:
        return "plain"


@pytest_asyncio.fixture(params=SIDES)
async def side(request: pytest.FixtureRequest) -> AsyncIterator[Side]:
    settings = Settings(
        http=HttpSettings(port=0),
        socketio=SocketioSettings(namespaces=("/rooms/listed",)),
        shutdown_timeout=20,
    )
    application = Application(controllers=[Room, Others], settings=settings)
    async with side_of(request.param, application) as side:
        yield side


async def content(side: Side, namespace: str, event: str, body: Any = None) -> Any:
    client = await side.connect(namespace=namespace)
    return (await client.ask(event, body))["content"]


async def test_namespace_parameter_is_converted_and_bound(side: Side) -> None:
    client = await side.connect(namespace="/rooms/7")

    assert (await client.ask("params"))["content"] == ["/rooms/7", {"id": 7}, [["id", 7]]]
    assert (await client.ask("say"))["content"] == [7, "", 1]


@pytest.mark.parametrize(
    ("namespace", "where"),
    [
        ("/rooms/lobby", "lobby"),
        ("/rooms/tea", "named tea"),
        ("/rooms/caf\u00e9", "named caf\u00e9"),
        ("/rooms/a%20b", "named a b"),
        ("/rooms/{name}", "named {name}"),
        ("/files/a/b.txt", "file a/b.txt"),
        (f"/units/{UNIT}/a", f"unit {UNIT} a"),
        ("/years/2026", "year 2026"),
        ("/plain:a%b", "plain"),
    ],
)
async def test_most_specific_namespace_wins(side: Side, namespace: str, where: str) -> None:
    assert await content(side, namespace, "where") == where


@pytest.mark.parametrize(
    "namespace",
    [
        *("/rooms", "/rooms/", "/rooms/7/", "/rooms/a/b", "/Rooms/7"),
        *("/years/x", "/units/7/a", "/rooms/%zz", "/rooms/%ff", "/files/a/", "/rooms//"),
    ],
)
async def test_namespace_that_no_template_matches_is_rejected(side: Side, namespace: str) -> None:
    with pytest.raises(RefusedError) as refused:
        await side.connect(namespace=namespace)

    assert refused.value.body == {"message": "Invalid namespace"}


async def test_namespace_parameter_is_available_in_connected(side: Side) -> None:
    with pytest.raises(RefusedError) as refused:
        await side.connect(namespace="/rooms/13")

    assert refused.value.body["message"] == "unlucky"


async def test_event_of_another_namespace_is_unknown(side: Side) -> None:
    """`KernelClient` raises an error, because the test is wrong."""
    client = await side.connect(namespace="/rooms/lobby")

    if side.is_in_process:
        with pytest.raises(KeyError, match="no definition '/rooms/lobby:say'"):
            await client.ask("say")
    else:
        assert (await client.ask("say"))["code"] == "unknown_event"


async def test_namespace_parameter_precedes_parameter_of_the_event(side: Side) -> None:
    """A client cannot replace it, like a parameter of the path over HTTP."""
    client = await side.connect(namespace="/rooms/7")

    answer = await client.ask("say", params={"id": 8, "text": "tea", "times": 2})

    assert answer["content"] == [7, "tea", 2]


async def test_broadcast_reaches_one_namespace_of_a_template(side: Side) -> None:
    one, other = [await side.connect(namespace=f"/rooms/{id}") for id in (1, 2)]
    broadcaster = side.application.injector.get(Broadcaster)

    await broadcaster.emit("news", namespace="/rooms/1")
    await broadcaster.emit("news", namespace="/rooms/{id:int}")

    assert await one.received() == [("news", [])]
    assert await other.received() == []
    assert [c.id for c in await broadcaster.connections(namespace="/rooms/2")] == [other.id]


async def test_listed_namespace_that_a_template_matches_has_its_routes(side: Side) -> None:
    assert await content(side, "/rooms/listed", "where") == "named listed"


async def test_kernel_client_fills_the_namespace_from_params(client_of: ClientOf) -> None:
    client = client_of(Room, Others)

    response = await client.websocket("/rooms/{id:int}:say", params={"id": 7, "text": "tea"})
    assert response.content == [7, "tea", 1]
    response = await client.websocket("/files/{path:path}:where", params={"path": "a/b c"})
    assert response.content == "file a/b c"
    with pytest.raises(ValueError, match=r"needs the parameter 'id'"):
        await client.websocket("/rooms/{id:int}:say")
    async with client.connection("/rooms/lobby") as lobby:
        with pytest.raises(ValueError, match="is in the namespace"):
            await client.websocket("/rooms/{id:int}:say", connection=lobby)


@pytest.mark.parametrize(
    ("namespace", "problem"),
    [
        ("/rooms/{id", "has unbalanced braces"),
        ("/rooms/{}", "has a parameter named ''"),
        ("/rooms/{id}/", "remove the '/' at its end"),
        ("/rooms/{id}/{id}", "has two parameters 'id'"),
        ("rooms/{id}", "it must begin with '/'"),
        ("/rooms/{id},{name}", "must not contain ','"),
    ],
)
def test_namespace_template_invalid_raises(namespace: str, problem: str) -> None:
    with pytest.raises(ConfigurationError, match=problem):
        WebSocketMetadata(Room, "say", namespace, "say")


async def test_namespace_parameter_with_unknown_converter_raises(client_of: ClientOf) -> None:
    class Wrong:
        @websocket("say", namespace="/rooms/{id:number}")
        async def say(self) -> None: ...

    with pytest.raises(ConfigurationError, match="unknown converter 'number'"):
        await client_of(Wrong).websocket("say")


async def test_namespace_parameter_of_another_type_raises(client_of: ClientOf) -> None:
    class Wrong:
        @websocket("say", namespace="/rooms/{id:int}")
        async def say(self, id: UUID) -> None: ...

    with pytest.raises(ConfigurationError, match=r"\{id:int\} of its namespace is int"):
        await client_of(Wrong).websocket("say")


async def test_two_namespace_templates_of_one_shape_raise(client_of: ClientOf) -> None:
    class Wrong:
        @websocket("say", namespace="/rooms/{id}")
        async def say(self) -> None: ...

        @websocket("sing", namespace="/rooms/{id}")
        async def sing(self) -> None: ...

        @websocket("shout", namespace="/rooms/{name}")
        async def shout(self) -> None: ...

    with pytest.raises(ConfigurationError) as raised:
        await client_of(Wrong).websocket("say")
    (problem,) = raised.value.problems
    assert "'/rooms/{id}'" in problem
    assert "'/rooms/{name}'" in problem
    assert "match the same connections" in problem


async def test_reload_adds_a_namespace_template() -> None:
    async with KernelClient(Application(controllers=[Others])) as client:

        class Hall:
            async def hello(self, hall: str) -> str:
                return hall

        route = WebSocketMetadata(Hall(), "hello", "/halls/{hall}", "hello")
        await client.application.reload(add=[route])

        answer = await client.websocket("/halls/{hall}:hello", params={"hall": "north"})
        assert answer.content == "north"
