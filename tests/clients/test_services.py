"""The `socket.io-client` of npm with services of the bundle realtime: checks 24 to 32 of
IOServer."""

from typing import Any

import pytest

from bundles.realtime import Data, IOServerError, Middleware, RealtimeBundle, Service, event
from rxkernel import Connection
from tests.clients.conftest import RunNode, Served

pytestmark = pytest.mark.node


class Login(Middleware):
    async def connect(self, connection: Connection) -> None:
        if connection.auth != {"name": "ada"}:
            raise IOServerError("not you", 403, data={"hint": "log in"})


class Chat(Service, namespace="/chat", middlewares=[Login]):
    @event
    async def echo(self, data: Data = None) -> Any:
        return data

    @event
    async def shout(self, connection: Connection, data: Data = None) -> None:
        await connection.emit("echo_response", data)

    @event
    async def join_room(self, room: str, connection: Connection) -> dict[str, str]:
        await connection.join(room)
        return {"status": "success", "room": room}

    @event
    async def bad(self) -> None:
        raise IOServerError("bad", 400)

    async def helper(self) -> str:
        return "not for clients"

    async def _hidden(self) -> str:
        return "not for clients"


async def test_services_respond_as_in_ioserver(
    served: Served, run_node: RunNode, transport: str
) -> None:
    async with served(bundles=[RealtimeBundle(services=[Chat])]) as url:
        found = await run_node("services.mjs", url, transport)

    bad = {"status": "error", "type": "IOServerError", "message": "bad", "statusCode": 400}
    assert found == {
        "echoed": [{"x": 1}, {}, None, "text", [1, 2]],
        "binary": [0, 255],
        "nothing": None,
        "joined": {"status": "success", "room": "tea"},
        "heard": "hello",
        "bad": bad,
        "unacknowledged": bad,
        "unknown": [f"unknown event {name!r}" for name in ("_hidden", "helper", "constructor")],
        "alive": "alive",
        "refused": {"message": "not you", "data": {"hint": "log in"}},
        "invalid": "Invalid namespace",
    }
