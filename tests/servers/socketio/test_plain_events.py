"""Events without an envelope: ``@websocket(…, arguments="value")`` and ``"list"``."""

from collections.abc import AsyncIterator
from typing import Annotated, Any

import attrs
import pytest

from rxkernel import (
    Acknowledgement,
    Application,
    Body,
    ConfigurationError,
    ConflictException,
    ConnectionEvent,
    ExceptionEvent,
    ForbiddenException,
    KernelClient,
    KernelEvents,
    Request,
    Response,
    ServerEvents,
    StreamResponse,
    WebSocketMetadata,
    observe,
    websocket,
)
from tests.servers.conftest import Serve
from tests.servers.socketio_clients import client, raw_socket
from tests.waiting import until


class Plain:
    @websocket("echo", arguments="value")
    async def echo(self, data: Annotated[Any, Body()] = None) -> Any:
        return data

    @websocket("sum", namespace="/room/{start:int}", arguments="value")
    async def sum(self, start: int, a: int, b: int = 0) -> Response:
        return Response(start + a + b, 201)

    @websocket("refuse", arguments="value")
    async def refuse(self, request: Request) -> None:
        raise ConflictException("not now")

    @websocket("several", arguments="value")
    async def several(self, request: Request) -> Acknowledgement:
        return Acknowledgement(1, "two")

    @websocket("stream", arguments="value")
    async def stream(self, request: Request) -> StreamResponse:
        async def pieces() -> AsyncIterator[bytes]:
            yield b"never sent"

        return StreamResponse(pieces())

    @websocket("mixed", arguments="value")
    async def mixed(
        self, name: str, content: Annotated[bytes, Body("content")], tags: list[str] | None = None
    ) -> list[Any]:
        return [name, content, tags]

    @websocket("list", arguments="list")
    async def values(self, values: Annotated[Any, Body()]) -> Any:
        return values

    @websocket("spread", namespace="/room/{start:int}", arguments="list")
    async def spread(self, start: int, values: Annotated[Any, Body()]) -> Acknowledgement:
        return Acknowledgement(start, *values)


VALUES: list[Any] = [
    *({}, {"params": {"a": 1}}, {"body": 2}, {"a": None}, [1, 2], "text", b"\x00\xff", 0, None),
    {"file": b"\x00"},
]


@pytest.mark.parametrize("value", VALUES, ids=repr)
async def test_plain_event_acknowledges_the_value_that_was_sent(serve: Serve, value: Any) -> None:
    app = await serve(Plain)
    async with client(app) as socket:
        assert await socket.call("echo", value) == value
    async with KernelClient(Application(controllers=[Plain])) as tests:
        response = await tests.websocket("echo", body=value)
        assert (response.status_code, response.content) == (200, value)


async def test_plain_event_fields_of_the_object_are_parameters(serve: Serve) -> None:
    app = await serve(Plain)
    async with client(app, "/room/3") as socket:
        assert await socket.call("sum", {"a": 1, "b": "2"}, namespace="/room/3") == 6
    async with KernelClient(Application(controllers=[Plain])) as tests:
        response = await tests.websocket("/room/{start:int}:sum", params={"start": 3, "a": 1})
        assert (response.status_code, response.content) == (201, 4)


async def test_plain_event_parameters_and_fields_of_the_body_can_be_mixed(serve: Serve) -> None:
    """One object contains both: a text for a parameter and bytes for a field of the body."""
    app = await serve(Plain)
    async with client(app) as socket:
        sent: dict[str, Any] = {"name": "a", "content": b"\x00", "tags": ["x", "y"]}
        assert await socket.call("mixed", sent) == ["a", b"\x00", ["x", "y"]]
        refused = await socket.call("mixed", {**sent, "size": 1})
        assert refused["errors"] == [
            {"path": "body.size", "code": "unknown_field", "message": "is not a known field"}
        ]


async def test_plain_event_error_is_acknowledged_with_its_body(serve: Serve) -> None:
    app = await serve(Plain)
    async with client(app) as socket:
        assert await socket.call("refuse") == {"statusCode": 409, "message": "not now"}
        assert (await socket.call("stream"))["statusCode"] == 500
        assert await socket.call("several") == (1, "two")


LISTS: list[list[Any]] = [
    *([], [None], [1], [[1, 2]], [["call", {}]], ["call", {}], [{"params": {}, "body": 1}], [[]]),
    *([b"\x00", {"file": b"\xff"}], [{}, [], None]),
]


@pytest.mark.parametrize("values", LISTS, ids=repr)
async def test_list_event_receives_all_arguments(serve: Serve, values: list[Any]) -> None:
    app = await serve(Plain)
    async with client(app) as socket:
        assert await socket.call("list", tuple(values)) == values
    async with KernelClient(Application(controllers=[Plain])) as tests:
        response = await tests.websocket("list", body=values)
        assert (response.status_code, response.content) == (200, values)


async def test_list_event_without_arguments_has_an_empty_list(serve: Serve) -> None:
    app = await serve(Plain)
    async with raw_socket(app) as raw:
        await raw.send('421["list"]')
        assert await raw.receive() == "431[[]]"
    async with KernelClient(Application(controllers=[Plain])) as tests:
        assert (await tests.websocket("list")).content == []


async def test_list_event_acknowledgement_has_several_values(serve: Serve) -> None:
    app = await serve(Plain)
    async with client(app, "/room/3") as socket:
        assert await socket.call("spread", ("a", [1]), namespace="/room/3") == (3, "a", [1])
    async with KernelClient(Application(controllers=[Plain])) as tests:
        sent: dict[str, Any] = {"params": {"start": 3}, "body": ["a", [1]]}
        response = await tests.websocket("/room/{start:int}:spread", **sent)
        assert response.content == [3, "a", [1]]


@pytest.mark.parametrize("sent", [{"body": 1}, {"body": {}}, {"params": {"a": 1}}], ids=repr)
async def test_kernel_client_list_event_without_a_list_is_an_error(sent: dict[str, Any]) -> None:
    async with KernelClient(Application(controllers=[Plain])) as tests:
        with pytest.raises(ValueError, match="'list' takes a list of arguments"):
            await tests.websocket("list", **sent)


def test_event_unknown_arguments_is_an_error() -> None:
    with pytest.raises(ConfigurationError, match="has the arguments 'tuple'; it must be one of"):
        WebSocketMetadata(Plain, "x", action="echo", arguments="tuple")  # type: ignore[arg-type]


async def test_event_without_acknowledgement_expects_no_response(serve: Serve) -> None:
    seen: list[bool] = []

    @observe(KernelEvents.KERNEL_EXCEPTION)
    async def note(event: ExceptionEvent) -> None:
        seen.append(event.request.expects_response)

    app = await serve(Plain, listeners=[note])
    async with client(app) as socket:
        await socket.emit("refuse")
        await until(lambda: seen)
        await socket.call("refuse")
    assert seen == [False, True]


async def test_rejection_with_data_sends_the_data_to_the_client(serve: Serve) -> None:
    @observe(ServerEvents.CONNECTED)
    async def reject(event: ConnectionEvent) -> None:
        raise ForbiddenException("not you")

    @observe(KernelEvents.KERNEL_EXCEPTION)
    async def shape(event: ExceptionEvent) -> None:
        event.set_response(Response({"message": "not you", "data": {"room": "tea"}}, 403))

    app = await serve(Plain, listeners=[reject, shape])
    async with raw_socket(app, connect="") as raw:
        await raw.send("40")
        error = await raw.receive()
    assert error == '44{"message":"not you","data":{"room":"tea"}}'


@attrs.frozen
class Item:
    id: int


class Fields:
    @websocket("beside", arguments="value")
    async def beside(self, count: int, item: Item) -> list[int]:
        return [count, item.id]

    @websocket("lists", arguments="value")
    async def lists(self, items: list[Item]) -> list[int]:
        return [item.id for item in items]

    @websocket("all", arguments="value")
    async def all(self, count: int, item: Item, items: list[Item], data: bytes) -> list[Any]:
        return [count, item.id, len(items), data]

    @websocket("whole", arguments="value")
    async def whole(self, item: Item) -> int:
        return item.id

    @websocket("marked", arguments="value")
    async def marked(self, items: Annotated[list[Item], Body()]) -> int:
        return len(items)

    @websocket("named", arguments="value")
    async def named(self, count: int, item: Annotated[Item, Body("thing")]) -> list[int]:
        return [count, item.id]

    @websocket("both", arguments="value")
    async def both(self, count: int, data: Annotated[dict[str, Any], Body()]) -> list[Any]:
        return [count, data]

    @websocket("placed", namespace="/room/{room:int}", arguments="value")
    async def placed(self, room: int, item: Item) -> list[int]:
        return [room, item.id]


ITEM = {"id": 7}
SENT: list[tuple[str, Any, Any]] = [
    ("beside", {"count": 1, "item": ITEM}, [1, 7]),
    ("lists", {"items": [ITEM, ITEM]}, [7, 7]),
    ("all", {"count": 1, "item": ITEM, "items": [], "data": b"\x00"}, [1, 7, 0, b"\x00"]),
    ("whole", ITEM, 7),
    ("marked", [ITEM, ITEM], 2),
    ("named", {"count": 1, "thing": ITEM}, [1, 7]),
    ("both", {"count": 1}, [1, {"count": 1}]),
]


@pytest.mark.parametrize(("event", "value", "content"), SENT, ids=[event for event, *_ in SENT])
async def test_class_and_list_are_fields_of_the_value(
    serve: Serve, event: str, value: Any, content: Any
) -> None:
    app = await serve(Fields)
    async with client(app) as socket:
        assert await socket.call(event, value) == content
    async with KernelClient(Application(controllers=[Fields])) as tests:
        assert (await tests.websocket(event, body=value)).content == content


async def test_class_with_a_parameter_of_the_namespace_gets_the_whole_value(serve: Serve) -> None:
    app = await serve(Fields)
    async with client(app, "/room/5") as socket:
        assert await socket.call("placed", ITEM, namespace="/room/5") == [5, 7]


async def test_fields_of_the_value_are_checked() -> None:
    async with KernelClient(Application(controllers=[Fields])) as tests:
        wrong = await tests.websocket("beside", body={"count": 1, "item": {"id": 1, "x": 2}})
        missing = await tests.websocket("beside", body={"count": "one", "other": 2})
    assert [entry["path"] for entry in wrong.content["errors"]] == ["body.item.x"]
    assert [entry["path"] for entry in missing.content["errors"]] == [
        "params.count",
        "body.other",
        "body.item",
    ]
