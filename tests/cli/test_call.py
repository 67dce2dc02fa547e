"""``call``: one request in process, handled as in a server."""

import json
import os
from unittest.mock import ANY

import pytest

from tests.cli.conftest import Run, Write

SHOP = """
from pathlib import Path

import attrs

from rxkernel import (
    Application, EventStreamResponse, FileResponse, NotFoundException, Response, StreamResponse,
    http, websocket,
)


@attrs.frozen
class Order:
    id: int


async def pieces():
    yield "a,b"
    yield b"\\n1,2"


class Shop:
    @http("POST", "/orders/{id:int}", "order")
    @websocket("order")
    async def order(self, request):
        return {
            "transport": request.transport,
            "params": dict(request.params),
            "body": request.body,
        }

    @http("POST", "/typed/{id}", "typed")
    @websocket("typed")
    async def typed(self, id: int, order: Order, fast: bool = False) -> Order:
        return Order(id + order.id + fast)

    @websocket("bell", "/shop")
    async def bell(self, request):
        return "ding"

    @http("POST", "/headers", "headers")
    @websocket("headers")
    async def headers(self, request):
        return [request.headers.getall("X-Mine"), request.body]

    @http("GET", "/missing", "missing")
    async def missing(self, request):
        raise NotFoundException("gone fishing")

    @http("GET", "/broken", "broken")
    async def broken(self, request):
        raise RuntimeError("a secret")

    @http("GET", "/cookies", "cookies")
    async def cookies(self, request):
        response = Response()
        response.set_cookie("a", "1")
        response.set_cookie("b", "2")
        return response

    @http("GET", "/bytes", "bytes")
    async def bytes(self, request):
        return b"\\xff"

    @http("GET", "/stream", "stream")
    async def stream(self, request):
        return StreamResponse(pieces())

    @http("GET", "/events", "events")
    async def events(self, request):
        return EventStreamResponse(pieces())

    @http("GET", "/file/{name}", "file")
    async def file(self, request):
        return FileResponse(Path(request.params["name"]))

    @http("GET", "/rooted/{name}", "rooted")
    async def rooted(self, request):
        return FileResponse(request.params["name"], root=".")


application = Application(controllers=[Shop])
"""


@pytest.fixture
def shop(write: Write) -> str:
    return write(SHOP)


def test_call_prints_the_response(run: Run, shop: str) -> None:
    result = run("call", "order", shop, "--param", "id=7", "--param", "q=a=b", "--body", "[1]")

    assert result.exit_code == 0
    assert json.loads(result.stdout) == {
        "statusCode": 200,
        "headers": {"X-Request-ID": ANY},
        "content": {"transport": "HTTP", "params": {"id": 7, "q": "a=b"}, "body": [1]},
    }


NOT_FOUND = {"statusCode": 404, "message": "Not Found"}


@pytest.mark.parametrize(
    ("arguments", "content"),
    [
        (["order", "--transport", "socket"], {"transport": "SOCKET", "params": {}, "body": None}),
        (["/shop:bell"], "ding"),
        (["bytes"], "/w=="),
        (["stream"], "a,b\n1,2"),
        (["events"], None),
        (["file", "--param", "name=note.txt"], "a note"),
        (["file", "--param", "name=none.txt"], NOT_FOUND),
        (["rooted", "--param", "name=note.txt"], "a note"),
        (["rooted", "--param", "name=link.txt"], NOT_FOUND),
    ],
)
def test_call_prints_every_kind_of_content(
    arguments: list[str], content: object, run: Run, shop: str, project: object
) -> None:
    with open("note.txt", "w") as note:
        note.write("a note")
    os.symlink("note.txt", "link.txt")

    name, *options = arguments
    result = run("call", name, shop, *options)

    assert json.loads(result.stdout)["content"] == content


@pytest.mark.parametrize("transport", ["http", "socket"])
def test_call_of_typed_action_converts_its_options(transport: str, run: Run, shop: str) -> None:
    options = ("--transport", transport, "--param", "id=7", "--param", "fast=true")
    result = run("call", "typed", shop, *options, "--body", '{"id": 2}')
    assert json.loads(result.stdout)["content"] == {"id": 10}

    result = run("call", "typed", shop, *options, "--body", '{"id": "2"}')
    assert result.exit_code == 1
    assert json.loads(result.stdout)["content"]["errors"] == [
        {
            "path": "body.id",
            "code": "type",
            "message": "expected int, got str",
            "params": {"expected": "int", "got": "str"},
        }
    ]


@pytest.mark.parametrize("transport", ["http", "socket"])
def test_call_sends_headers(transport: str, run: Run, shop: str) -> None:
    options = ("--transport", transport, "--header", "X-Mine=a=b", "--header", "x-mine=c")

    result = run("call", "headers", shop, *options, "--body", "1")

    assert json.loads(result.stdout)["content"] == [["a=b", "c"], 1]


def test_call_with_content_type_encodes_body(run: Run, shop: str) -> None:
    options = ("--header", "X-Mine=1", "--header", "Content-Type=text/plain")

    result = run("call", "headers", shop, *options, "--body", '"hello"')
    assert json.loads(result.stdout)["content"] == [["1"], "hello"]

    result = run("call", "headers", shop, *options, "--body", "{}")
    assert result.exit_code == 2
    assert "dict cannot be encoded as text/plain" in result.stderr
    assert "--param" not in result.stderr


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("X-Mine", "does not have the form NAME=VALUE"),
        ("=x", "does not have the form NAME=VALUE"),
        ("X Mine=1", "X Mine"),
    ],
)
def test_call_invalid_header_is_rejected(header: str, message: str, run: Run, shop: str) -> None:
    result = run("call", "headers", shop, "--header", header)

    assert result.exit_code == 2
    assert message in result.stderr


def test_call_repeated_response_header_is_a_list(run: Run, shop: str) -> None:
    headers = json.loads(run("call", "cookies", shop).stdout)["headers"]

    assert [cookie.partition(";")[0] for cookie in headers["Set-Cookie"]] == ["a=1", "b=2"]


@pytest.mark.parametrize(
    ("name", "status", "message"),
    [("missing", 404, "gone fishing"), ("broken", 500, "Internal Server Error")],
)
def test_call_error_response_exits_with_1(
    name: str, status: int, message: str, run: Run, shop: str
) -> None:
    result = run("call", name, shop)

    assert result.exit_code == 1
    assert json.loads(result.stdout)["content"] == {"statusCode": status, "message": message}


def test_call_event_of_rejected_client_prints_rejection(run: Run, write: Write) -> None:
    closed = write(
        """
from rxkernel import Application, ServerEvents, UnauthorizedException, observe, websocket


class Door:
    @observe(ServerEvents.CONNECTED)
    async def connected(self, event):
        if "X-Key" not in event.connection.headers:
            raise UnauthorizedException("who are you?")

    @websocket("ring")
    async def ring(self):
        return "ding"


application = Application(controllers=[Door])
"""
    )

    result = run("call", "ring", closed)
    assert result.exit_code == 1
    refusal = {"statusCode": 401, "message": "who are you?"}
    assert json.loads(result.stdout)["content"] == refusal
    result = run("call", "ring", closed, "--header", "X-Key=1")
    assert (result.exit_code, json.loads(result.stdout)["content"]) == (0, "ding")


def test_call_debug_shows_text_of_exception(run: Run, shop: str) -> None:
    assert "RuntimeError: a secret" in run("call", "broken", shop, "--debug").stdout


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["nope"], "unknown definition 'nope'; known: order,"),
        (["ordre"], "Error: unknown definition 'ordre'; did you mean 'order'?"),
        (["order"], "needs the parameter 'id'; pass it. Use --param KEY=VALUE."),
        (["order", "--param", "id"], "'id' does not have the form KEY=VALUE"),
        (["order", "--param", "id=1", "--param", "id=2"], "'id' is given twice; remove one"),
        (["order", "--body", "{"], "the body is not valid JSON"),
    ],
)
def test_call_invalid_arguments_exits_with_2(
    arguments: list[str], text: str, run: Run, shop: str
) -> None:
    name, *options = arguments
    result = run("call", name, shop, *options)

    assert result.exit_code == 2
    assert text in result.stderr
