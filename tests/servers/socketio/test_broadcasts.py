"""A backend that forwards to another server, like a message broker."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from rxkernel import (
    BroadcastBackend,
    Broadcaster,
    ConnectionInfo,
    NotConnectedError,
    Request,
    websocket,
)
from tests.servers.conftest import Serve
from tests.servers.socketio.clients import connected, only_connection, only_session
from tests.servers.socketio_clients import raw_socket
from tests.waiting import until


class Forward(BroadcastBackend):
    is_local = False

    def __init__(self, target: Broadcaster) -> None:
        self.target = target

    async def broadcast(
        self,
        event: str,
        args: tuple[Any, ...],
        rooms: tuple[str, ...] | None,
        namespace: str,
        skip: set[str],
        volatile: bool,
    ) -> bool:
        return await self.target.emit(
            event, *args, room=rooms, namespace=namespace, skip=skip, volatile=volatile, local=True
        )

    async def connections(
        self, rooms: tuple[str, ...] | None, namespace: str
    ) -> Sequence[ConnectionInfo]:
        return await self.target.connections(rooms, namespace, local=True)

    async def change(
        self,
        rooms: tuple[str, ...],
        namespace: str,
        *,
        join: tuple[str, ...] = (),
        leave: tuple[str, ...] = (),
        disconnect: bool = False,
    ) -> bool:
        await self.target.join(rooms, join, namespace, local=True)
        await self.target.leave(rooms, leave, namespace, local=True)
        if disconnect:
            await self.target.disconnect(rooms, namespace, local=True)
        return True

    async def call(
        self, id: str, event: str, args: tuple[Any, ...], namespace: str, timeout: float
    ) -> Any:
        return await self.target.call(
            id, event, *args, namespace=namespace, timeout=timeout, local=True
        )


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
        await broadcaster.emit("here", local=True)
        await broadcaster.emit("news", "tea", room=["readers", "staff"])
        await broadcaster.emit("end", b"\x01", volatile=True)

        assert [await bob.receive() for _ in range(3)] == [
            '42["news","tea"]',
            '451-["end",{"_placeholder":true,"num":0}]',
            b"\x01",
        ]
        assert [await ada.receive() for _ in range(4)] == [
            '42["skipped"]',
            '42["here"]',
            '451-["end",{"_placeholder":true,"num":0}]',
            b"\x01",
        ]


async def test_forwarding_backend_lists_moves_calls_and_disconnects(serve: Serve) -> None:
    here, there = await serve(Readers), await serve(Readers)
    broadcaster = here.injector.get(Broadcaster)
    broadcaster.attach(Forward(there.injector.get(Broadcaster)))

    async with raw_socket(here), raw_socket(there) as bob:
        ids = [only_connection(here).id, only_connection(there).id]
        assert [one.id for one in await broadcaster.connections()] == ids
        assert [one.id for one in await broadcaster.connections(local=True)] == ids[:1]

        await broadcaster.join(ids[1], ["readers", "staff"])
        await broadcaster.leave("readers", "staff")
        listed = await broadcaster.connections("readers")
        assert listed == [ConnectionInfo(ids[1], "/", frozenset(("readers",)))]

        await bob.send('431["yes"]')  # arrives after the call
        assert await broadcaster.call(ids[1], "ready?", 1) == "yes"
        assert await bob.receive() == '421["ready?",1]'
        with pytest.raises(NotConnectedError):
            await broadcaster.call(ids[1], "ready?", local=True)

        await broadcaster.disconnect("readers", local=True)
        assert len(await broadcaster.connections()) == 2
        await broadcaster.disconnect("readers")
        assert await bob.receive() == "41"
        await until(lambda: not there.servers["socketio"].engine.connections)


async def test_volatile_event_for_a_polling_client_that_waits_is_dropped(serve: Serve) -> None:
    application = await serve(Readers)
    broadcaster = application.injector.get(Broadcaster)

    async with connected(application, "polling") as client:
        assert await broadcaster.emit("cursor", 1, volatile=True)
        assert await broadcaster.emit("cursor", 2, volatile=True)
        await broadcaster.emit("news", 3)
        await broadcaster.emit("cursor", 4, volatile=True)

        assert await client.receive() == '42["cursor",1]\x1e42["news",3]'
        await broadcaster.emit("cursor", 5, volatile=True)
        assert await client.receive() == '42["cursor",5]'


async def test_volatile_events_of_one_loop_iteration_all_reach_a_websocket(serve: Serve) -> None:
    """They are sent in one write, so the client is not slow."""
    application = await serve(Readers, socketio={"max_outbound_messages": 2})
    broadcaster = application.injector.get(Broadcaster)

    async with raw_socket(application) as raw:
        for number in range(5):
            await broadcaster.emit("cursor", number, volatile=True)

        got = [await raw.receive() for _ in range(5)]
    assert got == [f'42["cursor",{number}]' for number in range(5)]


async def test_volatile_events_for_a_slow_websocket_are_dropped_and_it_stays_open(
    serve: Serve,
) -> None:
    """Without ``volatile``, the limit of outbound messages would close the client."""
    application = await serve(Readers, socketio={"max_outbound_messages": 3})
    broadcaster = application.injector.get(Broadcaster)

    async with raw_socket(application) as raw:
        sender = only_session(application).sender
        big = "x" * 1_000_000
        sent = 0
        while not sender.unsent:  # until the buffers of the system are full
            await broadcaster.emit("big", big)
            sent += 1
            await asyncio.sleep(0)
        unsent = sender.unsent
        for number in range(10):
            await broadcaster.emit("cursor", number, volatile=True)
        assert sender.unsent == unsent

        for _ in range(sent):
            assert await raw.receive() == f'42["big","{big}"]'
        await until(lambda: not sender.unsent)
        await broadcaster.emit("cursor", 10, volatile=True)
        assert await raw.receive() == '42["cursor",10]'
