"""Node runs the client against served applications, with the real socket.io-client."""

from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from bundles.apidocs import Documents
from bundles.apidocs.typescript import typescript_client
from rxkernel import Application
from tests.app.board import board_of
from tests.bundles.apidocs.typescript.conftest import RunScript
from tests.serving import serving


@pytest.fixture(params=["http", "socket"])
def transport(request: pytest.FixtureRequest) -> str:
    return str(request.param)


async def test_operation_of_both_transports_returns_the_same(
    gallery: Application, run_script: RunScript, transport: str
) -> None:
    found = await run_script(gallery, "calls.ts", transport)

    refused = {
        "operation": "orderCreate",
        "status": 400,
        "code": "out_of_stock",
        "message": "There is none left",
        "errors": [],
    }
    invalid = found.pop("invalid")
    assert found == {
        "echoed": {
            "size": "large",
            "shape": {"type": "circle", "radius": 1.5},
            "tree": {"name": "root", "branches": [{"name": "leaf", "branches": []}]},
            "day": "2024-02-29",
            "point": [1, None],
            "counts": {"__proto__x": 1},
            "level": 1,
            "note": "7 ['a', 'b&c']",
            "data": "YWJj",
        },
        "radius": 1.5,
        "found": ["a/b ?#ü", 5, ["x", "y"]],
        "nothing": True,
        "bytes": ["Uint8Array", 255, 2, 1],
        "blob": "ba",
        "hello": ["hello you", "hello Ada"],
        "maybe": None,
        "length": 4,
        "order": 2,
        "code": "out_of_stock",
        "refused": refused,
        "names": [
            *(1, 2, 13, 4, "ü 1", "a 2"),
            *("over HTTP", "an event", "both", "another hello"),
        ],
    }
    assert (invalid["status"], invalid["operation"]) == (422, "search")
    assert [(error["path"], error["code"]) for error in invalid["errors"]] == [
        ("params.limit", "too_large")
    ]


async def test_files_and_streams_of_http_only_operations(
    gallery: Application, run_script: RunScript
) -> None:
    """The client prefers sockets here; operations without an event are sent over HTTP."""
    found = await run_script(gallery, "files.ts")

    disposition = found.pop("disposition")
    assert "gallery.py" in disposition
    assert found.pop("size") > 1000
    assert found == {
        "booked": ["Rome", ["x", "y"], [["Ada", "a.gif"], ["Bob", None]]],
        "photo": "Sea & sand: sea.jpg 5",
        "login": ["Ada", True],
        "path": ["a/b c/ü?.txt", "secret"],
        "dots": 'TypeError: the parameter path of /files/{path} cannot be "a/../b"',
        "streamed": 7,
        "blob": 3,
        "bytes": 4,
        "text": "0\n1\n2\n",
        "type": "text/csv; charset=utf-8",
    }


@pytest.mark.parametrize(
    "media_type",
    ["application/json", "application/x-www-form-urlencoded", "multipart/form-data"],
)
async def test_body_is_sent_in_the_media_type_of_the_document(
    gallery: Application, run_script: RunScript, media_type: str
) -> None:
    documents = gallery.injector.get(Documents)
    openapi = deepcopy(documents.openapi)
    content = openapi["paths"]["/login"]["post"]["requestBody"]["content"]
    openapi["paths"]["/login"]["post"]["requestBody"]["content"] = {
        media_type: content["application/json"]
    }
    client = typescript_client(openapi, documents.asyncapi)

    assert await run_script(gallery, "login.ts", client=client) == ["Ada & Bob", True]


async def test_pushed_events_and_rejected_connections(
    gallery: Application, run_script: RunScript
) -> None:
    found = await run_script(gallery, "pushed.ts")

    closed = {"status": 403, "code": "closed", "message": "this room is closed", "errors": []}
    unknown = found.pop("unknown")
    assert found == {
        "said": [
            {"name": text, "branches": [{"name": "7", "branches": []}]} for text in ("Tea", "Milk")
        ],
        "answer": "Tea in 7",
        "together": ["1 in new", "2 in new", "3 in new"],
        "bytes": [True, "Tea"],
        "closed": {"operation": "say", **closed},
        "listening": {"operation": "", **closed},
        "again": {"operation": "say", **closed},
        "invalid": 'TypeError: the parameter room of /rooms/{room} cannot be "a/b"',
    }
    assert unknown["message"] == "Invalid namespace"


async def test_call_that_fails_is_rejected_with_the_reason(
    gallery: Application, run_script: RunScript, transport: str
) -> None:
    found = await run_script(gallery, "failures.ts", transport)

    def error(operation: str, code: str, message: str) -> dict[str, Any]:
        fields = {"operation": operation, "code": code, "message": message}
        return {"status": 0, "errors": [], **fields}

    nowhere = found.pop("nowhere")
    assert (nowhere["status"], nowhere["code"]) == (0, "connection_error")
    over_socket = transport == "socket"
    no_token = error("token", "connection_error", "no token today")
    assert found == {
        "timeout": error("slow", "timeout", "no response within 50 ms"),
        "aborted": "Error: enough",
        "before": "Error: early",
        "token": {"name": "Ada", "token": "abc"} if over_socket else "Bearer abc",
        "changing": {"token": "token1"} if over_socket else "Bearer token1",
        "hanging": error("token", "timeout", "no response within 50 ms"),
        "failing": no_token if over_socket else "Error: no token today",
        "closed": error("hello", "connection_error", "the client was closed"),
        "reopened": "hello you",
        "other": "hello you",
        "wrong": 'TypeError: delete has no transport "socket"',
    }


async def test_client_of_sample_application_uses_both_transports(
    run_script: RunScript, tmp_path: Path
) -> None:
    async with serving(board_of(tmp_path)) as application:
        found = await run_script(application, "board.ts")

    assert found["titles"][::2] == ["by http", "by socket"]
    assert all('"status":404,"code":"task_not_found"' in text for text in found["titles"][1::2])
    assert found["events"] == [
        *("created by http", "changed true", "deleted id"),
        *("created by socket", "changed true", "deleted id"),
    ]
    assert found["anonymous"]["status"] == 401
    assert found["profiles"] == [None, {"username": "ada"}]
    assert found["csv"]
