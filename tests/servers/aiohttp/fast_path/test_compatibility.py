"""An aiohttp that differs from what the fast path needs turns it off; requests are still handled.

Each case breaks one name of aiohttp that only the fast path uses, as a release might.
"""

import logging
from collections.abc import Callable
from typing import Any

import aiohttp
import pytest
from aiohttp import http as aiohttp_http
from aiohttp import web

from rxkernel import Request, http
from rxkernel.servers.aiohttp.fast_path import compatibility
from tests.servers.conftest import Serve
from tests.servers.raw_http import post, raw_http

GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"

PARSER: Any = aiohttp_http.HttpRequestParser
WRITER: Any = aiohttp_http.StreamWriter


class Home:
    @http("GET", "/", "home")
    async def home(self, request: Request) -> str:
        return type(request.native).__name__

    @http("POST", "/", "post")
    async def post(self, request: Request) -> Any:
        return request.body


class ParserWithOtherParameters(PARSER):  # type: ignore[misc]
    def __init__(self, protocol: Any, *, limits: Any) -> None:
        raise NotImplementedError


class ParserWithOtherResult(PARSER):  # type: ignore[misc]
    def feed_data(self, data: bytes) -> Any:
        return super().feed_data(data)[0]


class ParserWithoutChunks(PARSER):  # type: ignore[misc]
    def feed_data(self, data: bytes) -> Any:
        messages, upgraded, tail = super().feed_data(data)
        return [(m._replace(chunked=False), payload) for m, payload in messages], upgraded, tail


class ParserWithOtherHeaders(PARSER):  # type: ignore[misc]
    def feed_data(self, data: bytes) -> Any:
        messages, upgraded, tail = super().feed_data(data)
        changed = [(m._replace(headers=dict(m.headers)), payload) for m, payload in messages]
        return changed, upgraded, tail


class ParserThatKeepsBodies(PARSER):  # type: ignore[misc]
    def feed_data(self, data: bytes) -> Any:
        return super().feed_data(data) if data.endswith(b"\r\n\r\n") else ([], False, b"")


class WriterWithOtherCount(WRITER):  # type: ignore[misc]
    output_size = None

    def __init__(self, protocol: Any, loop: Any) -> None:
        super().__init__(protocol, loop)
        self.output_size = -1


def remove(name: str) -> Callable[[pytest.MonkeyPatch], None]:
    return lambda patch: patch.delattr(aiohttp_http, name)


def replace(name: str, other: Any) -> Callable[[pytest.MonkeyPatch], None]:
    return lambda patch: patch.setattr(aiohttp_http, name, other)


@pytest.mark.parametrize(
    ("break_aiohttp", "subject"),
    [
        pytest.param(remove("HttpRequestParser"), "without a body", id="no-parser"),
        pytest.param(
            replace("HttpRequestParser", ParserWithOtherParameters),
            "without a body",
            id="other-parameters",
        ),
        pytest.param(
            replace("HttpRequestParser", ParserWithOtherResult),
            "without a body",
            id="other-result",
        ),
        pytest.param(
            replace("HttpRequestParser", ParserWithOtherHeaders),
            "without a body",
            id="other-headers",
        ),
        pytest.param(
            replace("HttpRequestParser", ParserThatKeepsBodies), "with a body", id="no-body"
        ),
        pytest.param(
            replace("HttpRequestParser", ParserWithoutChunks), "chunked body", id="no-chunks"
        ),
        pytest.param(remove("StreamWriter"), "request object", id="no-writer"),
        pytest.param(
            replace("StreamWriter", WriterWithOtherCount), "request object", id="other-count"
        ),
    ],
)
async def test_fast_path_with_a_changed_aiohttp_is_off_with_one_warning(
    serve: Serve,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    break_aiohttp: Callable[[pytest.MonkeyPatch], None],
    subject: str,
) -> None:
    break_aiohttp(monkeypatch)

    application = await serve(Home)

    (warning,) = [r for r in caplog.records if r.levelno >= logging.WARNING]
    message = warning.getMessage()
    assert warning.name == compatibility.__name__
    assert message.startswith("the fast path is off")
    assert subject in message
    assert f"aiohttp {aiohttp.__version__}" in message

    async with raw_http(application) as connection:
        await connection.send(GET)
        assert (await connection.answer()).body == web.Request.__name__.encode()
        await connection.send(post("/", "Content-Type: application/json", body=b"[1]"))
        assert (await connection.answer()).json == [1]
        await connection.send(post("/", "Transfer-Encoding: chunked"), b"0\r\n\r\n")
        assert (await connection.answer()).status == 200
    assert [r for r in caplog.records if r.levelno >= logging.WARNING] == [warning]
    assert not any(name.startswith("fast path") for name in application.servers["http"].counts)


async def test_fast_path_with_the_installed_aiohttp_is_on(
    serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    application = await serve(Home)

    async with raw_http(application) as connection:
        await connection.send(GET)
        assert (await connection.answer()).body == b"FastPathNative"
    assert [r for r in caplog.records if r.levelno >= logging.WARNING] == []
