"""The errors of services: checks 30 and 31 of IOServer."""

import asyncio
import json
import logging
from typing import Any

import pytest

from bundles.realtime import (
    Data,
    IOServerError,
    Middleware,
    RealtimeBundle,
    Service,
    event,
)
from rxkernel import (
    Application,
    Connection,
    ConnectionRefusedException,
    DisconnectReason,
    KernelClient,
    NotFoundException,
    Request,
    Settings,
)
from tests.bundles.realtime.conftest import Serve
from tests.servers.socketio_clients import raw_socket


class NoTeaError(IOServerError):
    def __init__(self) -> None:
        super().__init__("no tea", 418, code="tea")


class Faulty(Service, namespace="/faulty"):
    @event
    async def echo(self, data: Data = None) -> Any:
        return data

    @event
    async def bad(self) -> None:
        raise IOServerError("bad", 400)

    @event
    async def tea(self) -> None:
        raise NoTeaError

    @event
    async def missing(self) -> None:
        raise NotFoundException("no such room")

    @event
    async def crash(self) -> None:
        raise RuntimeError("the password is secret")

    @event
    async def close(self) -> None:
        raise GeneratorExit

    @event
    async def cancel(self) -> None:
        raise asyncio.CancelledError

    @event
    async def bad_data(self) -> None:
        raise IOServerError("bad", 400, data=object())

    @event
    async def unencodable(self) -> object:
        return object()

    async def disconnecting(self, connection: Connection, reason: DisconnectReason) -> None:
        raise RuntimeError("disconnecting failed")

    async def disconnect(self, connection: Connection, reason: DisconnectReason) -> None:
        raise RuntimeError("disconnect failed")

    async def connect(self, connection: Connection) -> None:
        raise RuntimeError("connect failed")


BUNDLE = RealtimeBundle(services=[Faulty])


def error(type: str, message: str, status: int, **more: Any) -> dict[str, Any]:
    return {"status": "error", "type": type, "message": message, "statusCode": status, **more}


ERRORS = {
    "bad": error("IOServerError", "bad", 400),
    "tea": error("NoTeaError", "no tea", 418, code="tea"),
    "missing": error("NotFoundException", "no such room", 404),
    "crash": error("Error", "Internal Server Error", 500),
    "close": error("Error", "Internal Server Error", 500),
    "cancel": error("Error", "Internal Server Error", 500),
    "unencodable": error("Error", "Internal Server Error", 500),
}


# check 30
@pytest.mark.parametrize("name", ERRORS)
async def test_error_of_an_event_is_acknowledged(
    name: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with KernelClient(Application(bundles=[BUNDLE])) as client:
        response = await client.websocket(f"/faulty:{name}")
    assert response.content == ERRORS[name]
    assert response.status_code == ERRORS[name]["statusCode"]
    assert ("secret" in caplog.text) is (name == "crash")


# check 30
async def test_error_over_a_socket_has_the_frames_of_ioserver(serve: Serve) -> None:
    """Without an acknowledgement, the error is sent as the event ``error``."""
    app = await serve(services=[Faulty])
    async with raw_socket(app, connect="40/faulty,") as raw:
        await raw.send('42/faulty,0["echo",{"x":1}]')
        assert await raw.receive() == '43/faulty,0[{"x":1}]'
        await raw.send('42/faulty,1["bad"]')
        body = '{"status":"error","type":"IOServerError","message":"bad","statusCode":400}'
        assert await raw.receive() == f"43/faulty,1[{body}]"
        await raw.send('42/faulty,["bad"]')
        assert await raw.receive() == f'42/faulty,["error",{body}]'
        crash = json.dumps(ERRORS["crash"], separators=(",", ":"))
        for number, name in enumerate(("close", "cancel"), 2):
            await raw.send(f'42/faulty,{number}["{name}"]')
            assert await raw.receive() == f"43/faulty,{number}[{crash}]"
        await raw.send('42/faulty,["nothing"]')
        assert "\"unknown event 'nothing'\"" in str(await raw.receive())


async def test_error_whose_data_cannot_be_encoded_is_sent_as_an_unexpected_one(
    serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    app = await serve(services=[Faulty])
    body = json.dumps(ERRORS["crash"], separators=(",", ":"))
    async with raw_socket(app, connect="40/faulty,") as raw:
        await raw.send('42/faulty,1["bad_data"]')
        assert await raw.receive() == f"43/faulty,1[{body}]"
        await raw.send('42/faulty,["bad_data"]')
        assert await raw.receive() == f'42/faulty,["error",{body}]'
    assert "object" in caplog.text


async def test_error_with_debug_has_the_class_and_the_text() -> None:
    app = Application(bundles=[BUNDLE], settings=Settings(debug=True))
    async with KernelClient(app) as client:
        content = (await client.websocket("/faulty:crash")).content
    assert content["type"] == "RuntimeError"
    assert "the password" in content["message"]


# check 31
async def test_hostile_client_and_failing_hooks_do_not_end_the_process(
    serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    app = await serve(services=[Faulty])
    async with raw_socket(app, connect="40/faulty,") as raw:
        await raw.send('42/faulty,["echo",{},123]', '42/faulty,1["echo",{},123]')
        assert await raw.receive() == "43/faulty,1[[{},123]]"
    async with raw_socket(app, connect="40/faulty,") as raw:
        await raw.send('42/faulty,2["echo","alive"]')
        assert await raw.receive() == '43/faulty,2["alive"]'
    await app.stop()
    failed = [str(r.exc_info[1]) for r in caplog.records if r.exc_info and r.exc_info[1]]
    assert failed.count("connect failed") == failed.count("disconnect failed") == 2
    assert all(r.levelno == logging.ERROR for r in caplog.records if r.exc_info)


# check 31
@pytest.mark.parametrize("error", [SystemExit, asyncio.CancelledError, GeneratorExit])
async def test_hook_or_middleware_that_exits_does_not_end_the_process(
    error: type[BaseException], caplog: pytest.LogCaptureFixture
) -> None:
    class Exiting(Middleware):
        async def connect(self, connection: Connection) -> None:
            if connection.auth is not None:
                raise error

        async def event(self, request: Request) -> None:
            if request.body == "exit":
                raise error

    class Ending(Service, namespace="/ending", middlewares=[Exiting]):
        @event
        async def echo(self, data: Data = None) -> Any:
            return data

        async def connect(self, connection: Connection) -> None:
            raise error

        async def disconnect(self, connection: Connection, reason: DisconnectReason) -> None:
            raise error

    async with KernelClient(Application(bundles=[RealtimeBundle(services=[Ending])])) as client:
        with pytest.raises(ConnectionRefusedException) as refused:
            await client.connection("/ending", auth={"exit": True}).connect()
        assert refused.value.response.status_code == 500
        async with client.connection("/ending") as ada:
            failed = await client.websocket("/ending:echo", body="exit", connection=ada)
            assert failed.content["statusCode"] == 500
            assert (await client.websocket("/ending:echo", body=1, connection=ada)).content == 1


@pytest.mark.parametrize("status", [0, 200, 399, 600, "404", True, None])
def test_ioserver_error_invalid_status_is_an_error(status: Any) -> None:
    with pytest.raises(ValueError, match="status_code is"):
        IOServerError("bad", status)


def test_ioserver_error_copy_keeps_its_values() -> None:
    one = IOServerError("bad", 409, data={"a": 1}, headers={"X-Mine": "yes"}).copy()
    assert (one.message, one.status_code, one.data) == ("bad", 409, {"a": 1})
