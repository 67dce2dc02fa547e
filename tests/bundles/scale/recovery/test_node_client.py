"""Recovery with the `socket.io-client` of npm, which loses its transport."""

from pathlib import Path
from typing import Any

import pytest
from injector import inject

from bundles.scale import RecoverySettings, ScaleBundle, ScaleSettings
from rxkernel import (
    Application,
    Broadcaster,
    DisconnectReason,
    HttpSettings,
    Request,
    Settings,
    SocketioServer,
    websocket,
)
from tests.node_scripts import report_of
from tests.serving import serving

pytestmark = pytest.mark.node

SCRIPT = Path(__file__).parents[3] / "clients" / "recovery.mjs"


class Talk:
    @inject
    def __init__(self, broadcaster: Broadcaster, server: SocketioServer) -> None:
        self._broadcaster = broadcaster
        self._server = server

    @websocket("enter")
    async def enter(self, request: Request) -> None:
        assert request.connection is not None
        await request.connection.join(request.body)

    @websocket("say")
    async def say(self, request: Request) -> None:
        for number in request.body:
            await self._broadcaster.emit("said", number, room="room")

    @websocket("lose")
    async def lose(self, request: Request) -> None:
        """End the transport, and send events that the client can receive only after it has
        recovered."""
        connection: Any = request.connection
        session = self._server.engine.eio.sockets[connection.session.sid]
        await session.close(DisconnectReason.TRANSPORT_CLOSE)
        await self.say(request)
        await connection.emit("said", "to the client")

    @websocket("finish")
    async def finish(self, request: Request) -> None:
        assert request.connection is not None
        await request.connection.emit("last")


@pytest.mark.parametrize("transport", ["websocket", "polling"])
async def test_client_recovers_with_each_event_once(node: Path, transport: str) -> None:
    application = Application(
        bundles=[ScaleBundle],
        controllers=[Talk],
        settings=Settings(
            http=HttpSettings(port=0),
            bundles={"scale": ScaleSettings(recovery=RecoverySettings(store="memory"))},
        ),
    )
    async with serving(application):
        url = str(application.servers["socketio"].url)
        result = await report_of(node, SCRIPT, url, transport, patience=20)

    first, *others, last = result["ids"]
    assert result["events"] == [
        *(["said", each] for each in (1, 2, 3, 4, "to the client", 5)),
        ["last"],
    ]
    assert first[1] is False
    assert others == [[first[0], True]] * 2
    assert last[1] is False
    assert last[0] != first[0]
