"""The outcome of a message whose response could not be sent, or not all of it, over the wire."""

from collections.abc import AsyncIterator
from typing import Annotated

import aiohttp

from rxkernel import Inject, StreamResponse, http, websocket
from tests.servers.conftest import Serve, http_url
from tests.servers.socketio_clients import client
from tests.servers.test_context_managers import Journal, Session


class Rows:
    @http("GET", "/mislabeled", "mislabeled")
    async def mislabeled(self, session: Annotated[Session, Inject()]) -> StreamResponse:
        return StreamResponse(self._pieces(), headers={"Content-Length": "many"})

    @websocket("rows")
    async def rows(self, session: Annotated[Session, Inject()]) -> StreamResponse:
        return StreamResponse(self._pieces())

    async def _pieces(self) -> AsyncIterator[bytes]:
        yield b"row"


async def test_stream_with_an_invalid_length_is_rolled_back(
    serve: Serve, session: aiohttp.ClientSession, lane: str
) -> None:
    journal = Journal()
    application = await serve(Rows, modules=[journal.configure])

    for _ in range(2):  # the fast lane hands the first over, the second is never its own
        journal.lines.clear()
        async with session.get(http_url(application, "/mislabeled")) as response:
            assert response.status == 500
        assert journal.lines == ["begin", "rollback for ValueError"]


async def test_stream_over_a_socket_is_rolled_back(serve: Serve) -> None:
    journal = Journal()
    application = await serve(Rows, modules=[journal.configure])

    async with client(application) as connected:
        assert (await connected.call("rows", {}))["statusCode"] == 500
        assert journal.lines == ["begin", "rollback for StreamNotSupportedException"]
