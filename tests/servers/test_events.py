"""The route ``*``, unknown events, errors without an acknowledgement, and binary values."""

import array
import logging
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from rxkernel import (
    Application,
    Broadcaster,
    ConflictException,
    ExceptionEvent,
    HttpSettings,
    KernelEvents,
    Request,
    Response,
    Settings,
    controller,
    observe,
    websocket,
)
from rxkernel.pytest_plugin import ClientOf
from tests.servers.conftest import Serve
from tests.servers.sides import SIDES, Side, side_of
from tests.servers.socketio_clients import client as library_client
from tests.servers.socketio_clients import raw_socket
from tests.waiting import until


def fields_of(request: Request) -> list[Any]:
    return [request.route_name, request.url, request.body, dict(request.params)]


class Anything:
    """Catches the events of ``/`` and ``/chat``."""

    @websocket("*")
    @websocket("*", namespace="/chat")
    @websocket("*", namespace="/rooms/{id}")
    async def any(self, request: Request) -> list[Any]:
        return fields_of(request)

    @websocket("known")
    @websocket("nothing")
    @websocket("nothing", namespace="/chat")
    async def known(self) -> str:
        return "known"


@controller(name="task_")
class Prefixed:
    @websocket("known", namespace="/prefixed")
    async def known(self) -> str:
        return "known"

    @websocket("*", namespace="/prefixed")
    async def any(self, request: Request) -> list[Any]:
        return fields_of(request)


@pytest_asyncio.fixture(params=SIDES)
async def side(request: pytest.FixtureRequest) -> AsyncIterator[Side]:
    settings = Settings(http=HttpSettings(port=0), shutdown_timeout=20)
    application = Application(controllers=[Anything, Prefixed], settings=settings)
    async with side_of(request.param, application) as side:
        yield side


@pytest.mark.parametrize(
    ("namespace", "event", "params"),
    [
        ("/", "shout", {}),
        ("/", "*", {}),
        ("/", "/a:b", {}),
        ("/chat", "known", {}),
        ("/chat", "a:b", {}),
        ("/rooms/7", "known", {"id": "7"}),
        ("/prefixed", "known", {}),
    ],
)
async def test_event_without_a_route_is_handled_by_the_route_star(
    side: Side, namespace: str, event: str, params: dict[str, str]
) -> None:
    client = await side.connect(namespace=namespace)

    answer = await client.ask(event, ["tea"], params={"x": 1})

    assert answer["content"] == ["*", event, ["tea"], {**params, "x": 1}]


async def test_event_with_a_route_is_not_handled_by_the_route_star(side: Side) -> None:
    for namespace, event in (("/", "known"), ("/prefixed", "task_known")):
        client = await side.connect(namespace=namespace)
        assert (await client.ask(event))["content"] == "known"


async def test_client_event_without_any_route_raises_key_error(client_of: ClientOf) -> None:
    client = client_of(Prefixed)

    for name in ("shout", "/nowhere:shout", "/prefixedshout"):
        with pytest.raises(KeyError, match="no definition"):
            await client.websocket(name)


class Errors:
    """Records what exception listeners see; events that fail."""

    def __init__(self) -> None:
        self.seen: list[list[Any]] = []

    @observe(KernelEvents.KERNEL_EXCEPTION)
    async def see(self, event: ExceptionEvent) -> None:
        self.seen.append(fields_of(event.request))
        if event.request.body == "teapot":
            event.set_response(Response("short and stout", 418))

    @websocket("conflict")
    async def conflict(self) -> None:
        raise ConflictException("taken\nalready")

    @websocket("unauthorized")
    async def unauthorized(self) -> Response:
        return Response({"message": "who are you?"}, 401)

    @websocket("broken")
    async def broken(self) -> None:
        raise RuntimeError("secret")

    @websocket("number")
    async def number(self, number: int) -> None: ...

    @websocket("fine")
    async def fine(self) -> None: ...


@pytest.mark.parametrize(
    ("sent", "body", "params", "status"),
    [
        ('"shout","tea"', "tea", {}, 404),
        ('"shout",{"params":{"id":7},"body":[1]}', [1], {"id": 7}, 404),
        ('"shout",{"params":7,"body":[1]}', {"params": 7, "body": [1]}, {}, 404),
        ('"shout",1,2', [1, 2], {}, 404),
        ('"shout"', None, {}, 404),
        ('"fine",{"params":7}', {"params": 7}, {}, 422),
    ],
)
async def test_exception_listener_sees_body_and_params_of_an_event_without_action(
    serve: Serve, sent: str, body: Any, params: Any, status: int
) -> None:
    application = await serve(Errors)
    errors = application.injector.get(Errors)

    async with raw_socket(application) as raw:
        await raw.send(f"421[{sent}]")
        assert (await raw.acknowledged(1))["statusCode"] == status

    name = "fine" if status == 422 else None
    assert errors.seen == [[name, sent.split('"')[1], body, params]]


@pytest.mark.parametrize(
    ("sent", "line"),
    [
        ('"conflict"', "'conflict' without an acknowledgement failed: 409"),
        ('"unauthorized"', "'unauthorized' without an acknowledgement failed: 401"),
        ('"shout"', "'shout' without an acknowledgement failed: 404"),
        ('"number",{"params":{"number":"x"}}', "'number' without an acknowledgement failed: 422"),
        ('"shout","teapot"', "'shout' without an acknowledgement failed: 418 'short and stout'"),
        ('"a\\nb"', r"'a\nb' without an acknowledgement failed: 404"),
    ],
)
async def test_error_of_an_event_without_acknowledgement_is_logged_once(
    serve: Serve, caplog: pytest.LogCaptureFixture, sent: str, line: str
) -> None:
    caplog.set_level(logging.INFO)
    application = await serve(Errors)

    async with raw_socket(application) as raw:
        await raw.send(f"42[{sent}]", f"421[{sent}]", '422["fine"]')
        acknowledged = [str(await raw.receive()) for _ in range(2)]
    assert any(frame.startswith("432[") for frame in acknowledged)

    (record,) = [r for r in caplog.records if "without an acknowledgement" in r.message]
    assert record.levelname == "INFO"
    assert line in record.message
    assert "\n" not in record.message


async def test_server_error_of_an_event_without_acknowledgement_is_logged_once(
    serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    application = await serve(Errors)

    async with raw_socket(application) as raw:
        await raw.send('42["broken"]', '42["fine"]')
        await until(lambda: "secret" in caplog.text)
        await raw.send('421["fine"]')
        await raw.acknowledged(1)

    assert "without an acknowledgement" not in caplog.text


BINARY = {
    "bytes": b"\x00\xff",
    "bytearray": bytearray(b"\x00\xff"),
    "memoryview": memoryview(b"\x00\xff"),
    "readonly slice": memoryview(b"\x01\x00\x02\xff")[1::2],
    "array": memoryview(array.array("H", [0xFF00])).cast("B"),
}


class Binary:
    @websocket("get")
    async def get(self, request: Request) -> Any:
        value = BINARY[request.body]
        return [value, {"in": value}]

    @websocket("send")
    async def send(self, request: Request) -> None:
        assert request.connection is not None
        await request.connection.emit("value", BINARY[request.body])

    @websocket("ask")
    async def ask(self, request: Request) -> Any:
        assert request.connection is not None
        return await request.connection.call("echo", BINARY[request.body])


@pytest.mark.parametrize("kind", BINARY)
async def test_binary_value_arrives_as_binary(serve: Serve, kind: str) -> None:
    application = await serve(Binary)
    received: list[Any] = []

    async with library_client(application) as connected:
        connected.on("value", received.append)
        connected.on("echo", lambda value: value)

        answer = await connected.call("get", kind)
        assert answer["content"] == [b"\x00\xff", {"in": b"\x00\xff"}]
        await connected.call("send", kind)
        await application.injector.get(Broadcaster).emit("value", BINARY[kind])
        await until(lambda: len(received) == 2)
        assert received == [b"\x00\xff"] * 2
        assert (await connected.call("ask", kind))["content"] == b"\x00\xff"


@pytest.mark.parametrize("kind", BINARY)
async def test_client_binary_value_is_recorded_as_bytes(client_of: ClientOf, kind: str) -> None:
    client = client_of(Binary)

    async with client.connection() as connection:
        await client.websocket("send", body=kind, connection=connection)
        await client.application.injector.get(Broadcaster).emit("value", BINARY[kind])

        assert connection.emitted == [("value", (b"\x00\xff",))] * 2
        assert {type(args[0]) for _, args in connection.emitted} == {bytes}


class Colons:
    @websocket("b:c", namespace="/a")
    async def one(self) -> str:
        return "one"

    @websocket("c", namespace="/a:b")
    async def two(self) -> str:
        return "two"

    @websocket("/a:b:c")
    async def three(self) -> str:
        return "three"

    @websocket("c", namespace="/a%3Ab")
    async def four(self) -> str:
        return "four"

    @websocket("plain:name")
    async def five(self) -> str:
        return "five"

    @websocket("c", namespace="/{a:int}:b")
    async def six(self) -> str:
        return "six"

    @websocket("nothing")
    async def nothing(self) -> None: ...


COLONS = {
    "/a:b:c": ("/a", "b:c", "one"),
    "/a%3Ab:c": ("/a:b", "c", "two"),
    "/:/a:b:c": ("/", "/a:b:c", "three"),
    "/a%253Ab:c": ("/a%3Ab", "c", "four"),
    "plain:name": ("/", "plain:name", "five"),
    "/{a:int}%3Ab:c": ("/7:b", "c", "six"),
}


async def test_events_with_colons_have_different_keys(client_of: ClientOf) -> None:
    client = client_of(Colons)

    for key, (_, _, content) in COLONS.items():
        assert (await client.websocket(key, params={"a": 7})).content == content
    keys = client.application.kernel.websocket_definitions.keys()
    assert set(keys) == {*COLONS, "nothing"}


@pytest.mark.parametrize("kind", SIDES)
@pytest.mark.parametrize(("namespace", "event", "content"), COLONS.values())
async def test_events_with_colons_are_found_by_namespace_and_name(
    kind: str, namespace: str, event: str, content: str
) -> None:
    settings = Settings(http=HttpSettings(port=0))
    async with side_of(kind, Application(controllers=[Colons], settings=settings)) as side:
        connected = await side.connect(namespace=namespace)
        assert (await connected.ask(event))["content"] == content
