"""A backend that forwards broadcasts to another server."""

from typing import Any

from rxkernel import BroadcastBackend, Broadcaster, Request, websocket
from tests.servers.conftest import Serve
from tests.servers.socketio.clients import only_connection
from tests.servers.socketio_clients import raw_socket


class Forward(BroadcastBackend):
    def __init__(self, target: Broadcaster) -> None:
        self.target = target

    async def broadcast(
        self,
        event: str,
        args: tuple[Any, ...],
        rooms: tuple[str, ...] | None,
        namespace: str,
        skip: set[str],
    ) -> None:
        await self.target.emit(event, *args, room=rooms, namespace=namespace, skip=skip)


class Readers:
    @websocket("join")
    async def join(self, request: Request) -> None:
        assert request.connection is not None
        await request.connection.join(request.body)


async def test_forwarding_backend_reaches_clients_of_another_server(serve: Serve) -> None:
    here, there = await serve(Readers), await serve(Readers)
    broadcaster = here.injector.get(Broadcaster)
    broadcaster.attach(Forward(there.injector.get(Broadcaster)))

    async with raw_socket(here) as ada, raw_socket(there) as bob:
        await bob.send('421["join","readers"]', '422["join","staff"]')
        await bob.acknowledged(1)
        await bob.acknowledged(2)

        await broadcaster.emit("elsewhere", namespace="/news")
        await broadcaster.emit("others", room="authors")
        await broadcaster.emit("nobody", room=[])
        await broadcaster.emit("skipped", skip=only_connection(there))
        await broadcaster.emit("news", "tea", room=["readers", "staff"])
        await broadcaster.emit("end", b"\x01")

        assert [await bob.receive() for _ in range(3)] == [
            '42["news","tea"]',
            '451-["end",{"_placeholder":true,"num":0}]',
            b"\x01",
        ]
        assert [await ada.receive() for _ in range(3)] == [
            '42["skipped"]',
            '451-["end",{"_placeholder":true,"num":0}]',
            b"\x01",
        ]
