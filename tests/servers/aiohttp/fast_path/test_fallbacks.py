"""Requests that aiohttp must handle are counted by reason, and errors are logged."""

from typing import Any

import pytest

from rxkernel import Application, Request, Response, StreamResponse, http
from rxkernel.servers.aiohttp.fast_path.fast_path import FastPath
from rxkernel.servers.aiohttp.fast_path.framing import MessageFramer
from tests.servers.conftest import Serve
from tests.servers.raw_http import post, raw_http

GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
LAST = "Connection: close"


class Home:
    @http("GET", "/", "home")
    async def home(self, request: Request) -> str:
        return "home"

    @http("POST", "/", "post")
    async def post(self, request: Request) -> Any:
        return request.body

    @http("GET", "/stream", "stream")
    async def stream(self, request: Request) -> StreamResponse:
        return StreamResponse(iter_pieces())

    @http("GET", "/maybe", "maybe")
    async def maybe(self, request: Request) -> Response:
        return StreamResponse(iter_pieces())


async def iter_pieces() -> Any:
    yield b"piece"


def counts_of(application: Application) -> dict[str, int]:
    return dict(application.servers["http"].counts)


def get(path: str, *headers: str) -> bytes:
    return "\r\n".join([f"GET {path} HTTP/1.1", "Host: x", *headers, LAST, "", ""]).encode()


@pytest.mark.parametrize(
    ("parts", "counted"),
    [
        ([get("/")], {}),
        ([get("/nowhere")], {}),
        ([GET[:10], GET[10:-2] + b"Connection: close\r\n\r\n"], {"message in pieces": 1}),
        ([post("/", LAST, body=b"12")[:-1], b"2"], {"message in pieces": 1}),
        (
            [post("/", LAST, "Transfer-Encoding: chunked"), b"0\r\n\r\n"],
            {"chunked body": 1},
        ),
        ([get("/", "Expect: 100-continue")], {"Expect": 1}),
        ([post("/", LAST, "Content-Encoding: gzip", body=b"12")], {}),
        ([get("http://x/")], {"other target or version": 1}),
        ([get("/socket.io/?EIO=4&transport=polling")], {"native path": 1}),
        ([get("/stream")], {"stream or file": 1}),
        ([get("/maybe")], {"stream or file": 1}),
        ([b"GET\r\n\r\n"], {"malformed message": 1}),
        ([get("/").replace(b"/ ", b"http://[::1]@/ ")], {"malformed message": 1}),
    ],
)
async def test_message_for_aiohttp_is_counted_by_reason(
    serve: Serve, parts: list[bytes], counted: dict[str, int]
) -> None:
    application = await serve(Home)

    async with raw_http(application) as connection:
        await connection.send(GET)
        await connection.answer()
        for part in parts:
            await connection.send(
                part, b"", b""
            )  # iterations of the event loop in which the server reads it
        assert (await connection.closed()).startswith(b"HTTP/1.")

    counts = counts_of(application)
    counts.pop("protocol error", None)
    assert counts == {f"fast path: {reason}": number for reason, number in counted.items()}


@pytest.mark.parametrize(
    ("owner", "method", "reason"),
    [
        (FastPath, "try_handle", "fast path: error"),
        (MessageFramer, "feed", "fast path: error in framing"),
    ],
)
async def test_error_in_the_fast_path_is_logged_once_and_aiohttp_responds(
    serve: Serve,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    owner: type,
    method: str,
    reason: str,
) -> None:
    """Without the log a bug would be invisible: aiohttp sends the same response."""

    def broken(*args: Any) -> None:
        raise AttributeError("a bug")

    application = await serve(Home)
    monkeypatch.setattr(owner, method, broken)

    for _ in range(2):
        async with raw_http(application) as connection:
            await connection.send(GET)
            assert (await connection.answer())[::2] == (200, b"home")

    assert counts_of(application) == {reason: 2}
    (record,) = (record for record in caplog.records if record.exc_info)
    assert record.getMessage() == f"{reason} (logged once)"
    assert record.exc_info is not None
    assert isinstance(record.exc_info[1], AttributeError)
