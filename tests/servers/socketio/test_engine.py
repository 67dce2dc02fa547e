"""python-socketio's own API, on ``application.servers["socketio"].engine``, works as documented.

https://python-socketio.readthedocs.io/en/stable/api.html#socketio.AsyncServer
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import attrs
import pytest
import socketio

from rxkernel import Application, ConnectionEvent, Request, ServerEvents, observe, websocket
from tests.servers.conftest import Serve
from tests.servers.hostile import OverPolling
from tests.servers.socketio.clients import connected, counts_of
from tests.servers.socketio_clients import RawSocket, raw_socket
from tests.waiting import until


class Echo:
    @websocket("echo")
    async def echo(self, request: Request) -> Any:
        return request.body

    @websocket("echo", namespace="/chat")
    async def chat(self, request: Request) -> Any:
        return request.body


@attrs.frozen
class Pair:
    """Two clients in ``/``, and their ids."""

    application: Application
    engine: Any
    one: RawSocket
    other: RawSocket
    id: str
    other_id: str

    async def heard(self) -> tuple[list[Any], list[Any]]:
        """Return what each client has received so far."""
        await self.engine.emit("last")
        return await self._up_to_last(self.one), await self._up_to_last(self.other)

    @staticmethod
    async def _up_to_last(raw: RawSocket) -> list[Any]:
        frames: list[Any] = []
        while (frame := await raw.receive()) != '42["last"]':
            assert frame is not None
            frames.append(frame)
        return frames


@asynccontextmanager
async def pair(serve: Serve, *listeners: type) -> AsyncIterator[Pair]:
    application = await serve(Echo, listeners=listeners)
    engine: Any = application.servers["socketio"].engine
    async with raw_socket(application) as one, raw_socket(application) as other:
        yield Pair(application, engine, one, other, *engine.connections)


async def until_read(client: RawSocket) -> None:
    """Wait until the server has read everything that *client* has sent."""
    await client.send('4299["echo"]')
    assert await client.acknowledged(99)


class TestEmit:
    @pytest.mark.parametrize(
        ("options", "one_hears", "other_hears"),
        [
            ({}, True, True),
            ({"to": "ONE"}, True, False),
            ({"room": "ONE"}, True, False),
            ({"to": ["ONE", "OTHER"]}, True, True),
            ({"to": "red"}, True, False),
            ({"room": "blue"}, True, True),
            ({"room": ["red", "blue"]}, True, True),
            ({"room": ["red", "nobody's"]}, True, False),
            ({"room": ["OTHER", "red"]}, True, True),
            ({"room": ["ONE", "red"]}, True, False),
            ({"room": 7}, False, True),
            ({"room": [7, "red"]}, True, True),
            ({"to": "nobody's"}, False, False),
            ({"skip_sid": "ONE"}, False, True),
            ({"skip_sid": ["ONE", "OTHER"]}, False, False),
            ({"room": "blue", "skip_sid": "OTHER"}, True, False),
            ({"namespace": "/"}, True, True),
            ({"namespace": "/chat"}, False, False),
        ],
    )
    async def test_emit_reaches_each_recipient_once(
        self, serve: Serve, options: dict[str, Any], one_hears: bool, other_hears: bool
    ) -> None:
        async with pair(serve) as two:
            for id, room in ((two.id, "red"), (two.id, "blue"), (two.other_id, "blue")):
                await two.engine.enter_room(id, room)
            await two.engine.enter_room(two.other_id, 7)
            ids = {"ONE": two.id, "OTHER": two.other_id}

            def named(value: Any) -> Any:
                return (
                    [named(each) for each in value]
                    if isinstance(value, list)
                    else (ids.get(value, value))
                )

            await two.engine.emit("e", 1, **{key: named(value) for key, value in options.items()})

            frames = ['42["e",1]']
            assert await two.heard() == (frames * one_hears, frames * other_hears)

    @pytest.mark.parametrize(
        ("data", "frames"),
        [
            (None, ['42["e"]']),
            ({"a": [1]}, ['42["e",{"a":[1]}]']),
            ([1, 2], ['42["e",[1,2]]']),
            ((1, [2]), ['42["e",1,[2]]']),
            ((), ['42["e"]']),
            (b"\x01", ['451-["e",{"_placeholder":true,"num":0}]', b"\x01"]),
        ],
    )
    async def test_emit_data_becomes_arguments(
        self, serve: Serve, data: Any, frames: list[str | bytes]
    ) -> None:
        async with pair(serve) as two:
            await two.engine.emit("e", data, to=two.id)
            assert await two.heard() == (frames, [])

    async def test_send_emits_event_message(self, serve: Serve) -> None:
        async with pair(serve) as two:
            await two.engine.send("hello", to=two.other_id)
            assert await two.heard() == ([], ['42["message","hello"]'])

    async def test_emit_in_connected_follows_connect_packet(self, serve: Serve) -> None:
        class Welcome:
            @observe(ServerEvents.CONNECTED)
            async def came(self, event: ConnectionEvent) -> None:
                assert event.server is not None
                engine: Any = event.server.engine
                await engine.emit("early", 1, to=event.connection.id)
                await engine.emit("early", 2, room=[event.connection.id, "none"])

        application = await serve(Echo, listeners=[Welcome])

        async with raw_socket(application) as raw:
            assert await raw.receive() == '42["early",1]'
            assert await raw.receive() == '42["early",2]'


class TestCallback:
    async def test_callback_is_called_once_and_removed(self, serve: Serve) -> None:
        called: list[tuple[Any, ...]] = []

        async with pair(serve) as two:
            await two.engine.emit(
                "ask", 1, to=two.id, callback=lambda *values: called.append(values)
            )
            assert await two.one.receive() == '421["ask",1]'
            await two.one.send("431[7,8]", "431[9]")
            await until_read(two.one)

            assert called == [(7, 8)]
            assert not two.engine.manager.callbacks.get(two.id)
            assert counts_of(two.application)["unexpected acknowledgement"] == 1

    async def test_callback_coroutine_function_is_awaited(self, serve: Serve) -> None:
        called: list[Any] = []

        async def callback(value: Any) -> None:
            called.append(value)

        async with pair(serve) as two:
            await two.engine.emit("ask", to=two.id, callback=callback)
            assert await two.one.receive() == '421["ask"]'
            await two.one.send("431[7]")
            await until(lambda: called == [7])

    async def test_callback_of_disconnected_client_is_removed(self, serve: Serve) -> None:
        async with pair(serve) as two:
            await two.engine.emit("ask", to=two.id, callback=lambda _: pytest.fail("called"))
            await two.one.send("41")
            await until(lambda: two.id not in two.engine.connections)

            assert two.engine.manager.callbacks == {}

    async def test_callback_ignores_acknowledgement_of_other_client(self, serve: Serve) -> None:
        called: list[Any] = []

        async with pair(serve) as two:
            await two.engine.emit("ask", to=two.id, callback=called.append)
            await two.other.send("431[7]")
            await until_read(two.other)
            assert called == []

    async def test_callback_and_call_have_different_ids(self, serve: Serve) -> None:
        """With equal ids, each would get the acknowledgement of the other."""
        called: list[Any] = []

        async with pair(serve) as two:
            connection = two.engine.connections[two.id]
            mine = asyncio.ensure_future(connection.call("mine"))
            assert await two.one.receive() == '421["mine"]'
            await two.engine.emit("its", to=two.id, callback=called.append)
            assert await two.one.receive() == '422["its"]'
            again = asyncio.ensure_future(connection.call("again"))
            assert await two.one.receive() == '423["again"]'
            await two.one.send('433["third"]', '432["second"]', '431["first"]')

            assert (await mine, await again, called) == ("first", "third", ["second"])

    async def test_callback_emit_in_connected_follows_connect_packet(self, serve: Serve) -> None:
        class Asking:
            @observe(ServerEvents.CONNECTED)
            async def came(self, event: ConnectionEvent) -> None:
                assert event.server is not None
                engine: Any = event.server.engine
                await engine.emit("early", to=event.connection.id, callback=print)

        application = await serve(Echo, listeners=[Asking])

        async with raw_socket(application, connect="") as raw:
            await raw.send("40")
            assert str(await raw.receive()).startswith("40{")
            assert await raw.receive() == '421["early"]'


class TestCall:
    @pytest.mark.parametrize("key", ["to", "sid"])
    async def test_call_returns_acknowledgement(self, serve: Serve, key: str) -> None:
        async with pair(serve) as two:
            calling = asyncio.ensure_future(two.engine.call("ask", (1, 2), **{key: two.id}))
            assert await two.one.receive() == '421["ask",1,2]'
            await two.one.send("431[7,8]")
            assert await calling == (7, 8)

    async def test_call_timeout_raises_library_error(self, serve: Serve) -> None:
        async with pair(serve) as two:
            with pytest.raises(socketio.exceptions.TimeoutError):
                await two.engine.call("ask", to=two.id, timeout=0.01)
            assert two.engine.connections[two.id].session.backpressure.expected == 0

    @pytest.mark.parametrize("namespace", ["/", "/chat"])
    async def test_call_unknown_id_raises_value_error(self, serve: Serve, namespace: str) -> None:
        async with pair(serve) as two:
            id = two.id if namespace == "/chat" else "nobody"
            with pytest.raises(ValueError, match="no client"):
                await two.engine.call("ask", to=id, namespace=namespace)


class TestRooms:
    async def test_rooms_are_entered_left_closed_and_listed(self, serve: Serve) -> None:
        async with pair(serve) as two:
            engine = two.engine
            for room in ("red", "blue", 7):
                await engine.enter_room(two.id, room)
                await engine.enter_room(two.other_id, room)
            assert sorted(engine.rooms(two.id), key=str) == sorted(
                [two.id, "red", "blue", 7], key=str
            )

            await engine.leave_room(two.id, 7)
            await engine.leave_room(two.id, "never entered")
            await engine.close_room("red")
            await engine.close_room("never there")

            assert set(engine.rooms(two.id)) == {two.id, "blue"}
            assert set(engine.rooms(two.other_id)) == {two.other_id, "blue", 7}
            assert engine.connections[two.id].rooms == {"blue"}
            await engine.emit("e", 1, room=["red", 7])
            assert await two.heard() == ([], ['42["e",1]'])

    async def test_room_none_raises_and_client_still_receives_broadcasts(
        self, serve: Serve
    ) -> None:
        """Room None of python-socketio contains every client."""
        async with pair(serve) as two:
            calls: list[Callable[[], Awaitable[None]]] = [
                lambda: two.engine.enter_room(two.id, None),
                lambda: two.engine.leave_room(two.id, None),
                lambda: two.engine.close_room(None),
            ]
            for call in calls:
                with pytest.raises(TypeError, match="room is None"):
                    await call()

            await two.engine.emit("e", 1)
            assert await two.heard() == (['42["e",1]'], ['42["e",1]'])

    async def test_rooms_disconnected_client_cannot_enter(self, serve: Serve) -> None:
        """The room would never be removed."""
        async with pair(serve) as two:
            await two.one.send("41")
            await until(lambda: two.id not in two.engine.connections)

            for id, namespace in ((two.id, "/"), ("nobody", "/"), (two.other_id, "/chat")):
                with pytest.raises(ValueError, match="not connected"):
                    await two.engine.enter_room(id, "red", namespace=namespace)
            assert "red" not in two.engine.manager.rooms["/"]
            assert "/chat" not in two.engine.manager.rooms

    async def test_rooms_of_client_end_with_connection(self, serve: Serve) -> None:
        async with pair(serve) as two:
            await two.engine.enter_room(two.id, "red")
            await two.one.send("41")
            await until(lambda: two.id not in two.engine.connections)

            assert set(two.engine.manager.rooms["/"]) == {None}


class TestSession:
    async def test_session_is_stored_per_client_and_namespace(self, serve: Serve) -> None:
        async with pair(serve) as two:
            await two.one.send("40/chat,")
            assert str(await two.one.receive()).startswith("40/chat,")
            chat = next(id for id in two.engine.connections if id not in (two.id, two.other_id))
            async with two.engine.session(two.id) as session:
                session["user"] = 1
            await two.engine.save_session(two.other_id, {"user": 2})

            assert await two.engine.get_session(two.id) == {"user": 1}
            assert await two.engine.get_session(two.other_id) == {"user": 2}
            assert await two.engine.get_session(chat, namespace="/chat") == {}

    async def test_session_of_disconnected_client_raises_key_error(self, serve: Serve) -> None:
        async with pair(serve) as two:
            with pytest.raises(KeyError):
                await two.engine.get_session("nobody")


class TestTransport:
    async def test_transport_after_upgrade_is_websocket(self, serve: Serve) -> None:
        application = await serve(Echo)
        engine: Any = application.servers["socketio"].engine

        async with connected(application, "polling") as polling, aiohttp.ClientSession() as http:
            assert isinstance(polling, OverPolling)
            (id,) = engine.connections
            assert engine.transport(id) == "polling"
            url = polling.url.replace("transport=polling", "transport=websocket")
            async with http.ws_connect(url) as socket:
                raw = RawSocket(socket)
                await raw.send("2probe")
                assert await raw.receive() == "3probe"
                assert engine.transport(id) == "polling"
                await raw.send("5")
                await until_read(raw)
                assert engine.transport(id) == "websocket"

    async def test_transport_of_websocket_is_websocket(self, serve: Serve) -> None:
        async with pair(serve) as two:
            assert two.engine.transport(two.id) == "websocket"


class TestDisconnect:
    async def test_disconnect_sends_packet_and_dispatches_disconnected_once(
        self, serve: Serve
    ) -> None:
        left: list[str] = []

        class Witness:
            @observe(ServerEvents.DISCONNECTED)
            async def left(self, event: ConnectionEvent) -> None:
                left.append(event.connection.id)

        async with pair(serve, Witness) as two:
            await two.engine.disconnect(two.id)
            await two.engine.disconnect(two.id)

            assert await two.one.receive() == "41"
            assert left == [two.id]
            assert list(two.engine.connections) == [two.other_id]
            await two.one.send("40")
            assert str(await two.one.receive()).startswith("40{")

    async def test_disconnect_of_one_namespace_keeps_others(self, serve: Serve) -> None:
        async with pair(serve) as two:
            await two.one.send("40/chat,")
            assert str(await two.one.receive()).startswith("40/chat,")
            await two.engine.disconnect(two.id)
            assert await two.one.receive() == "41"
            await two.one.send('42/chat,1["echo",7]')
            assert str(await two.one.receive()).startswith("43/chat,1[")


async def test_get_environ_contains_request_of_handshake(serve: Serve) -> None:
    async with pair(serve) as two:
        native = two.engine.get_environ(two.id)["aiohttp.request"]

        assert native.query["EIO"] == "4"
        assert two.engine.get_environ("nobody") is None
