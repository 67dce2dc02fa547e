"""SIGTERM while clients send as fast as they can: every request gets its response."""

import asyncio
import signal
from collections import Counter
from pathlib import Path

import aiohttp
import pytest
import socketio

from tests.cli.conftest import Start
from tests.cli.processes import Process

BOARD = """
import asyncio

from rxkernel import Application, http, websocket


class Board:
    @http("GET", "/answer", "answer")
    @websocket("answer")
    async def answer(self, request):
        await asyncio.sleep(0.005)
        return 42


application = Application(controllers=[Board])
"""


class Load:
    """Counts the results of the requests."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.counts: Counter[str] = Counter()

    async def over_http(self) -> None:
        """Send requests over kept-alive connections, until no new one is accepted."""
        async with aiohttp.ClientSession() as session:
            while True:
                try:
                    async with session.get(f"{self.url}/answer") as response:
                        assert await response.json() == 42
                        self.counts["http"] += 1
                except aiohttp.ClientConnectorError:
                    return

    async def over_a_socket(self) -> None:
        """Send events until the server responds that it is stopping."""
        client = socketio.AsyncClient(reconnection=False)
        await client.connect(self.url, transports=["websocket"])
        while True:
            answer = await client.call("answer", timeout=30)
            self.counts[f"socket {answer['statusCode']}"] += 1
            if answer["statusCode"] == 503:
                return  # does not wait for the client, which notices the end after 30 s


async def under_load(process: Process, answers: int) -> Counter[str]:
    """Send the signal after *answers* responses over each transport, and count all."""
    load = Load(process.url())
    clients = [
        asyncio.ensure_future(ask()) for ask in [load.over_http] * 10 + [load.over_a_socket] * 10
    ]
    while min(load.counts["http"], load.counts["socket 200"]) < answers:  # noqa: ASYNC110 - counters
        await asyncio.sleep(0.01)
    process.send(signal.SIGTERM)
    async with asyncio.timeout(60):
        await asyncio.gather(*clients)
    return load.counts


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize("answers", [100, pytest.param(20_000, marks=pytest.mark.soak)])
def test_sigterm_under_load_loses_no_response(start: Start, answers: int) -> None:
    Path("app.py").write_text(BOARD)
    process = start("serve", "--port", "0")

    counts = asyncio.run(under_load(process, answers))

    assert process.code() == 0
    assert counts["socket 503"] == 10
    assert set(counts) == {"http", "socket 200", "socket 503"}
