"""Events without an envelope: ``@websocket(…, envelope=False)``."""

from collections.abc import AsyncIterator
from typing import Annotated, Any

import pytest

from rxkernel import (
    Acknowledgement,
    Application,
    Body,
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
    observe,
    websocket,
)
from tests.servers.conftest import Serve
from tests.servers.socketio_clients import client, raw_socket
from tests.waiting import until


class Plain:
    @websocket("echo", envelope=False)
    async def echo(self, data: Annotated[Any, Body()] = None) -> Any:
        return data

    @websocket("sum", namespace="/room/{start:int}", envelope=False)
    async def sum(self, start: int, a: int, b: int = 0) -> Response:
        return Response(start + a + b, 201)

    @websocket("refuse", envelope=False)
    async def refuse(self, request: Request) -> None:
        raise ConflictException("not now")

    @websocket("several", envelope=False)
    async def several(self, request: Request) -> Acknowledgement:
        return Acknowledgement(1, "two")

    @websocket("stream", envelope=False)
    async def stream(self, request: Request) -> StreamResponse:
        async def pieces() -> AsyncIterator[bytes]:
            yield b"never sent"

        return StreamResponse(pieces())


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


async def test_plain_event_error_is_acknowledged_with_its_body(serve: Serve) -> None:
    app = await serve(Plain)
    async with client(app) as socket:
        assert await socket.call("refuse") == {"statusCode": 409, "message": "not now"}
        assert (await socket.call("stream"))["statusCode"] == 500
        assert await socket.call("several") == (1, "two")


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


async def test_rejection_with_data_sends_that_to_the_client(serve: Serve) -> None:
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
