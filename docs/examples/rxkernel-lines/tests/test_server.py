"""The protocol, over a real port."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import attrs
import pytest
import pytest_asyncio
from client import Client
from rxkernel import (
    Application,
    HttpSettings,
    Response,
    ServerStartError,
    Settings,
    StreamResponse,
    procedure,
)
from rxkernel_lines import LINES, LinesSettings

LIMITS = LinesSettings(port=0, modules=("stock",), max_connections=2, max_line=200, concurrency=2)


class Slow:
    def __init__(self) -> None:
        self.begun: asyncio.Queue[None] = asyncio.Queue()
        self.go_on = asyncio.Event()

    @procedure("slow", LINES)
    async def slow(self) -> str:
        self.begun.put_nowait(None)
        await self.go_on.wait()
        return "done"

    @procedure("stream", LINES)
    async def stream(self) -> Response:
        return StreamResponse(_pieces())

    @procedure("object", LINES)
    async def object(self) -> Any:
        return object()


async def _pieces() -> AsyncIterator[bytes]:
    yield b"piece"


@attrs.frozen(eq=False)
class Running:
    application: Application
    slow: Slow

    @property
    def server(self) -> Any:
        return self.application.servers["lines"]

    def client(self) -> Client:
        return Client(self.server.port)


@pytest_asyncio.fixture
async def running() -> AsyncIterator[Running]:
    slow = Slow()
    settings = Settings(http=HttpSettings(port=0), shutdown_timeout=5, bundles={"lines": LIMITS})
    application = Application(bundles=["lines"], controllers=[slow], settings=settings)
    await application.start()
    yield Running(application, slow)
    await application.stop()


async def test_call_is_answered_with_its_id(running: Running) -> None:
    async with running.client() as client:
        answer = await client.call("stock.price", params={"name": "tea"})

    assert answer == {"id": 1, "status": 200, "content": 3}
    assert running.server.url == f"tcp://127.0.0.1:{running.server.port}"


@pytest.mark.parametrize(
    ("line", "status", "message"),
    [
        (b"{\n", 400, "the body is not valid JSON"),
        (b"\xff\n", 400, "the body is not valid JSON"),
        (b"[]\n", 400, "the line is not a call: Expected `object`, got `array`"),
        (b'{"call": 3}\n', 400, "the line is not a call: Expected `str`"),
        (b'{"call": "nothing"}\n', 404, "no procedure 'nothing'"),
    ],
)
async def test_line_that_calls_nothing_is_an_error(
    line: bytes, status: int, message: str, running: Running
) -> None:
    """The connection stays: the next line is answered."""
    async with running.client() as client:
        answer = await client.send(line)
        after = await client.call("stock.price", params={"name": "tea"})

    assert answer["status"] == status
    assert answer["content"]["message"].startswith(message)
    assert after["content"] == 3


@pytest.mark.parametrize("name", ["stream", "object"])
async def test_content_that_is_not_a_line_is_an_error(name: str, running: Running) -> None:
    async with running.client() as client:
        answer = await client.call(name)

    assert answer["status"] == 500


async def test_line_too_long_is_413_and_closed(running: Running) -> None:
    async with running.client() as client:
        answer = await client.send(b"x" * 300 + b"\n")
        await client.receiving

    assert answer["status"] == 413
    assert running.server.counts == {"lines.max_line": 1}


async def test_client_too_many_is_503_and_closed(running: Running) -> None:
    async with running.client() as one, running.client() as two:
        for client in (one, two):
            await client.call("stock.price", params={"name": "tea"})
        reader, writer = await asyncio.open_connection("127.0.0.1", running.server.port)
        refusal = await reader.read()
        writer.close()

    assert b'"status":503' in refusal
    assert running.server.counts == {"lines.max_connections": 1}


async def test_client_with_many_calls_is_not_read_until_one_is_answered(running: Running) -> None:
    async with running.client() as client:
        calls = [asyncio.create_task(client.call("slow")) for _ in range(3)]
        await running.slow.begun.get()
        await running.slow.begun.get()
        async with running.client() as other:  # it is served meanwhile
            await other.call("stock.price", params={"name": "tea"})
        assert running.slow.begun.empty()

        running.slow.go_on.set()
        assert [(await call)["content"] for call in calls] == ["done"] * 3


async def test_stop_answers_calls_in_flight(running: Running) -> None:
    async with running.client() as client:
        call = asyncio.create_task(client.call("slow"))
        await running.slow.begun.get()

        stopping = asyncio.create_task(running.application.stop())
        running.slow.go_on.set()

        assert (await call)["content"] == "done"
        assert await stopping


async def test_port_in_use_is_a_start_error(running: Running) -> None:
    taken = LinesSettings(port=running.server.port)
    settings = Settings(http=HttpSettings(port=0), bundles={"lines": taken})

    with pytest.raises(ServerStartError, match=r"cannot listen on .*; set lines\.host or"):
        await Application(bundles=["lines"], settings=settings).start()
