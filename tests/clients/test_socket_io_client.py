"""The `socket.io-client` of npm, in Node, against a real server: websocket and polling."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from injector import inject

from rxkernel import (
    Broadcaster,
    ConflictException,
    ConnectionEvent,
    Request,
    Response,
    ServerEvents,
    StreamResponse,
    UnauthorizedException,
    observe,
    websocket,
)
from tests.clients.conftest import RunNode, Served
from tests.ports import reserved_port

pytestmark = pytest.mark.node

INTERNAL = {"statusCode": 500, "message": "Internal Server Error"}


class Echo:
    @websocket("echo")
    async def echo(self, request: Request) -> Any:
        return request.body


class Answers(Echo):
    @websocket("greet")
    async def greet(self, request: Request) -> Response:
        text = f"Good day, {request.params['name']}" if request.body["polite"] else "Hi"
        return Response({"text": text}, 201, {"X-Mood": "fine"})

    @websocket("refuse")
    async def refuse(self, request: Request) -> None:
        raise ConflictException("not now", code="busy", errors={"until": "noon"})

    @websocket("fail")
    async def fail(self, request: Request) -> None:
        raise RuntimeError("the password is in this text")

    @websocket("stream")
    async def stream(self, request: Request) -> StreamResponse:
        async def pieces() -> AsyncIterator[str]:
            yield "never sent"

        return StreamResponse(pieces())


async def test_acknowledgement_has_documented_shape(
    served: Served, run_node: RunNode, transport: str
) -> None:
    """RxStack's clients know these shapes; see `rxkernel.servers.socketio.payload`."""
    async with served(Answers) as url:
        answers = await run_node("acknowledgements.mjs", url, transport)

    def ok(content: Any) -> dict[str, Any]:
        return {"statusCode": 200, "headers": {}, "content": content}

    stream = answers.pop("stream")
    assert stream["statusCode"] == 500
    assert "StreamResponse cannot be acknowledged" in stream["message"]
    assert answers == {
        "success": {
            "statusCode": 201,
            "headers": {"X-Mood": "fine"},
            "content": {"text": "Good day, Ada"},
        },
        "value": ok(["any", {"other": "value"}]),
        "several": ok([1, "two", None]),
        "nothing": ok(None),
        "refused": {
            "statusCode": 409,
            "message": "not now",
            "code": "busy",
            "errors": {"until": "noon"},
        },
        "failed": INTERNAL,
        "params": {
            "statusCode": 422,
            "message": "validation failed; see errors",
            "errors": [
                {
                    "path": "params",
                    "code": "type",
                    "message": "expected object, got int",
                    "params": {"expected": "object", "got": "int"},
                }
            ],
        },
        "unknown": {
            "statusCode": 404,
            "message": "no event 'there_is_no_such_event' in namespace /",
            "code": "unknown_event",
        },
        "after": ok("still there"),
    }


class Bytes(Echo):
    @websocket("length")
    async def length(self, request: Request) -> int:
        assert isinstance(request.body, bytes)
        assert request.connection is not None
        await request.connection.emit("bytes", {"data": request.body[::-1]})
        return len(request.body)


async def test_binary_values_work_in_both_directions(
    served: Served, run_node: RunNode, transport: str
) -> None:
    async with served(Bytes) as url:
        assert await run_node("binary.mjs", url, transport) == {
            "isBuffer": True,
            "same": True,
            "name": "six",
            "large": True,
            "empty": True,
            "length": {"statusCode": 200, "headers": {}, "content": 6},
            "pushed": [255, 254, 253, 2, 1, 0],
        }


class Doorman:
    @observe(ServerEvents.CONNECTED)
    async def admit(self, event: ConnectionEvent) -> None:
        token = event.connection.auth["token"]
        if token == "crash":
            raise RuntimeError("the password is in this text")
        if token != "secret":
            raise UnauthorizedException("who are you?", errors={"token": "unknown"})
        event.connection.attributes["user"] = "Ada"

    @websocket("whoami")
    async def whoami(self, request: Request) -> Any:
        assert request.connection is not None
        return request.connection.attributes["user"]


async def test_rejected_client_gets_reason(
    served: Served, run_node: RunNode, transport: str
) -> None:
    """Socket.IO: CONNECT_ERROR carries a message and data; the data is the error body."""
    async with served(Doorman) as url:
        result = await run_node("refusal.mjs", url, transport)

    refused = {
        "message": "who are you?",
        "data": {
            "statusCode": 401,
            "message": "who are you?",
            "errors": {"token": "unknown"},
        },
        "connected": False,
    }
    assert result["refused"] == result["strange"] == refused
    assert result["broken"] == {
        "message": "Internal Server Error",
        "data": INTERNAL,
        "connected": False,
    }
    assert result["admitted"]["content"] == "Ada"


class Rooms:
    @inject
    def __init__(self, broadcaster: Broadcaster) -> None:
        self.broadcaster = broadcaster

    @websocket("where")
    @websocket("where", "/chat")
    async def where(self, request: Request) -> Any:
        assert request.connection is not None
        return request.connection.namespace

    @websocket("join", "/chat")
    async def join(self, request: Request) -> None:
        assert request.connection is not None
        await request.connection.join(request.params["room"])

    @websocket("leave", "/chat")
    async def leave(self, request: Request) -> None:
        assert request.connection is not None
        await request.connection.leave(request.params["room"])

    @websocket("say", "/chat")
    async def say(self, request: Request) -> None:
        await self.broadcaster.emit(
            "said",
            request.body,
            room=request.params.get("room"),
            namespace="/chat",
            skip=request.connection,
        )


async def test_broadcast_reaches_its_namespace_and_room_only(
    served: Served, run_node: RunNode, transport: str
) -> None:
    async with served(Rooms) as url:
        result = await run_node("namespaces.mjs", url, transport)

    assert result["where"] == ["/", "/chat"]
    assert result["heard"] == {
        "root": [],
        "ann": [],
        "bob": [["said", "to the others in the room"], ["said", "to all others"]],
        "eve": [["said", "to all others"]],
    }
    assert result["nowhere"] == {"message": "Invalid namespace"}


class Calls:
    @websocket("call")
    async def call(self, request: Request) -> Any:
        assert request.connection is not None
        return await request.connection.call(*request.body)

    @websocket("call_bytes")
    async def call_bytes(self, request: Request) -> Any:
        assert request.connection is not None
        return await request.connection.call("mirror", b"\x00\xff")

    @websocket("call_hush")
    async def call_hush(self, request: Request) -> str:
        assert request.connection is not None
        try:
            return str(await request.connection.call("hush", timeout=0.01))
        except TimeoutError:
            return "no answer"


async def test_call_returns_acknowledgement_of_client(
    served: Served, run_node: RunNode, transport: str
) -> None:
    async with served(Calls) as url:
        result = await run_node("calls.mjs", url, transport)

    assert result["one"]["content"] == 5
    assert result["several"]["content"] == ["one", "two"]
    assert result["binary"] == [0, 255]
    assert result["never"]["content"] == "no answer"


class Steps:
    """Yields more often for earlier events, so that a later event could end first."""

    log: list[tuple[str, int]]
    events = 40

    @websocket("step")
    async def step(self, request: Request) -> None:
        self.log.append(("begin", request.body))
        for _ in range(self.events - request.body):
            await asyncio.sleep(0)
        self.log.append(("end", request.body))


async def test_events_with_concurrency_one_run_one_after_another(
    served: Served, run_node: RunNode, transport: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Steps, "log", [], raising=False)
    numbers = list(range(Steps.events))

    async with served(Steps, concurrency=1) as url:
        answered = await run_node("order.mjs", url, transport, str(Steps.events))

    assert Steps.log == [(phase, number) for number in numbers for phase in ("begin", "end")]
    assert answered == numbers


class Countdown:
    """The first event ends when the last event has begun, so they must run at the same time."""

    def __init__(self) -> None:
        self.began: list[int] = []
        self.last = asyncio.Event()

    @websocket("step")
    async def step(self, request: Request) -> None:
        assert len(self.began) == request.body, "they start in the order they came"
        self.began.append(request.body)
        if request.body == 31:
            self.last.set()
        await self.last.wait()


async def test_events_by_default_run_32_at_a_time(
    served: Served, run_node: RunNode, transport: str
) -> None:
    async with served(Countdown) as url:
        answered = await run_node("order.mjs", url, transport, "32")

    assert sorted(answered) == list(range(32))


class Generation:
    """The number of the server, and whether a client has connected."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.visited = asyncio.Event()

    @observe(ServerEvents.DISCONNECTED)
    async def left(self, event: ConnectionEvent) -> None:
        self.visited.clear()

    def controller(self) -> type:
        generation = self

        class Controller:
            @websocket("generation")
            async def tell(self, request: Request) -> int:
                generation.visited.set()
                return generation.number

        return Controller


async def test_client_after_server_restart_reconnects(
    served: Served, run_node: RunNode, transport: str
) -> None:
    """Socket.IO: a client that got a DISCONNECT packet would not, so the server sends none."""
    first, second = Generation(1), Generation(2)
    with reserved_port() as port:
        async with asyncio.TaskGroup() as tasks:
            async with served(first.controller(), port=port) as url:
                script = tasks.create_task(run_node("reconnect.mjs", url, transport))
                await first.visited.wait()
            async with served(second.controller(), port=port):
                result = await script

    assert [result[time]["answer"]["content"] for time in ("first", "second")] == [1, 2]
    assert result["first"]["id"] != result["second"]["id"]
    assert result["reason"] in ("transport close", "transport error")


class Chat(Echo):
    @websocket("say", "/chat")
    async def say(self, request: Request) -> None:
        pytest.fail("called from another namespace")


async def test_unusual_event_name_is_unknown_event(
    served: Served, run_node: RunNode, transport: str
) -> None:
    """Each is an unknown event like any other, and the next event is acknowledged."""
    async with served(Chat) as url:
        result = await run_node("hostile_names.mjs", url, transport)

    assert {answer["statusCode"] for answer in result["answers"]} == {404}
    assert {answer["content"] for answer in result["answers"]} == {"next"}
    assert max(answer["length"] for answer in result["answers"]) < 1000
    assert result["stayed"]
    assert result["witness"]["content"] == "untouched"
