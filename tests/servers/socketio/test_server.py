"""Socket.IO over real connections."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import attrs
import pytest
import socketio
from injector import Binder, ProviderOf, inject
from socketio.exceptions import ConnectionError as ConnectionFailed

from rxkernel import (
    Application,
    Broadcaster,
    ConnectionEvent,
    ExceptionEvent,
    FileResponse,
    ForbiddenException,
    KernelEvents,
    Request,
    Response,
    ResponseEvent,
    ServerEvents,
    SocketioSettings,
    StreamResponse,
    TerminateEvent,
    UnauthorizedException,
    connection_scope,
    http,
    observe,
    websocket,
)
from tests.servers.conftest import Serve, http_url
from tests.servers.socketio_clients import client, raw_socket
from tests.waiting import until

MAX_WAITING = SocketioSettings().max_waiting


@attrs.frozen
class Point:
    x: int
    data: bytes


class Echo:
    @websocket("echo")
    async def echo(self, request: Request) -> dict[str, Any]:
        return {"params": dict(request.params), "body": request.body}

    @websocket("created")
    async def created(self, request: Request) -> Response:
        return Response({"ok": True}, 201, {"X-Mine": "yes"})

    @websocket("content")
    async def content(self, request: Request) -> Any:
        async def pieces() -> AsyncIterator[bytes]:
            yield b"x"

        circular: list[Any] = []
        circular.append(circular)
        return {
            "none": None,
            "attrs": Point(1, b"\x00"),
            "nan": [float("nan")],
            "stream": StreamResponse(pieces()),
            "file": FileResponse("x"),
            "circular": circular,
            "object": object(),
        }[request.body]

    @websocket("forbidden")
    async def forbidden(self, request: Request) -> None:
        raise ForbiddenException("not you", code="no", errors=[1])

    @websocket("broken")
    async def broken(self, request: Request) -> None:
        raise RuntimeError("secret")

    @websocket("join", namespace="/chat")
    async def join(self, request: Request) -> list[str]:
        assert request.connection is not None
        await request.connection.join(request.body)
        return sorted(request.connection.rooms)

    @websocket("leave", namespace="/chat")
    async def leave(self, request: Request) -> list[str]:
        assert request.connection is not None
        await request.connection.leave(request.body)
        return sorted(request.connection.rooms)


class TestArguments:
    @pytest.mark.parametrize(
        ("sent", "params", "body"),
        [
            ({"params": {"a": 1}, "body": [2]}, {"a": 1}, [2]),
            ({"params": {"a": 1}}, {"a": 1}, None),
            ({"body": "x"}, {}, "x"),
            ({}, {}, None),
            ({"params": None}, {}, None),
            ({"params": {}, "other": 1}, {}, {"params": {}, "other": 1}),
            ({"title": "x"}, {}, {"title": "x"}),
            ("text", {}, "text"),
            ([1, {"a": None}], {}, [1, {"a": None}]),
            (1.5, {}, 1.5),
            (True, {}, True),
            (b"\x00\xff", {}, b"\x00\xff"),
            ({"body": {"deep": [b"1", b"2"]}}, {}, {"deep": [b"1", b"2"]}),
        ],
    )
    async def test_event_argument_may_be_any_value(
        self, serve: Serve, sent: Any, params: Any, body: Any
    ) -> None:
        application = await serve(Echo)

        async with client(application) as socket:
            answer = await socket.call("echo", sent)

        assert answer == {
            "statusCode": 200,
            "headers": {},
            "content": {"params": params, "body": body},
        }

    async def test_event_arguments_missing_null_or_several(self, serve: Serve) -> None:
        """RxStack hangs on an event with only an acknowledgement, and on two arguments."""
        application = await serve(Echo)

        async with raw_socket(application) as raw:
            await raw.send('421["echo"]', '422["echo",null]', '423["echo",1,[2]]')
            bodies = [(await raw.acknowledged(id))["content"]["body"] for id in (1, 2, 3)]

        assert bodies == [None, None, [1, [2]]]

    async def test_event_params_not_an_object_are_rejected(self, serve: Serve) -> None:
        application = await serve(Echo)

        async with client(application) as socket:
            answer = await socket.call("echo", {"params": [1]})

        assert answer == {
            "statusCode": 422,
            "message": "validation failed; see errors",
            "errors": [
                {
                    "path": "params",
                    "code": "type",
                    "message": "expected object, got array",
                    "params": {"expected": "object", "got": "array"},
                }
            ],
        }


class TestAcknowledgement:
    async def test_acknowledgement_has_status_headers_and_content(self, serve: Serve) -> None:
        """The format that clients of RxStack expect."""
        application = await serve(Echo)

        async with client(application) as socket:
            assert await socket.call("created") == {
                "statusCode": 201,
                "headers": {"X-Mine": "yes"},
                "content": {"ok": True},
            }

    async def test_acknowledgement_of_error_has_headers(self, serve: Serve) -> None:
        """The headers of the exception and of response listeners, and the id, as over HTTP."""

        class Guard:
            @websocket("guarded")
            async def guarded(self, request: Request) -> None:
                raise UnauthorizedException(headers={"WWW-Authenticate": "Bearer"})

            @observe(ServerEvents.CONNECTED)
            async def door(self, event: ConnectionEvent) -> None:
                if event.connection.auth:
                    raise UnauthorizedException(headers={"WWW-Authenticate": "Bearer"})

            @observe(KernelEvents.KERNEL_RESPONSE)
            async def stamp(self, event: ResponseEvent) -> None:
                event.response.headers["X-Stamp"] = "yes"

        application = await serve(Guard, request_id_header="X-Request-ID")

        headers = {"X-Request-ID": "mine"}
        async with client(application, headers=headers) as socket:
            answer = await socket.call("guarded")
            assert answer["headers"].pop("X-Request-ID").startswith("mine-")
            assert answer == {
                "statusCode": 401,
                "message": "Unauthorized",
                "headers": {"WWW-Authenticate": "Bearer", "X-Stamp": "yes"},
            }
        async with raw_socket(application, connect="") as stranger:
            await stranger.send('40{"token":1}')
            assert '"WWW-Authenticate":"Bearer"' in str(await stranger.receive())

    async def test_acknowledgement_content_of_each_kind(self, serve: Serve) -> None:
        """NaN would break JSON.parse in every browser of a room."""
        application = await serve(Echo)

        async with client(application) as socket:
            contents = [
                (await socket.call("content", kind))["content"]
                for kind in ("none", "attrs", "nan")
            ]

        assert contents == [None, {"x": 1, "data": b"\x00"}, [None]]

    @pytest.mark.parametrize("kind", ["stream", "file", "circular", "object"])
    async def test_acknowledgement_of_stream_is_500_and_logged(
        self, serve: Serve, kind: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        application = await serve(Echo)

        async with client(application) as socket:
            answer = await socket.call("content", kind)
            assert (await socket.call("created"))["statusCode"] == 201

        assert answer["statusCode"] == 500
        assert len(caplog.records) == 1

    async def test_acknowledgement_of_lone_surrogate_is_500(self, serve: Serve) -> None:
        class Surrogate:
            @websocket("surrogate")
            async def surrogate(self, request: Request) -> str:
                return "\udcff"

        application = await serve(Surrogate)

        async with client(application) as socket:
            assert (await socket.call("surrogate"))["statusCode"] == 500

    async def test_error_is_acknowledged_as_error_body(self, serve: Serve) -> None:
        application = await serve(Echo)

        async with client(application) as socket:
            assert await socket.call("forbidden") == {
                "statusCode": 403,
                "message": "not you",
                "code": "no",
                "errors": [1],
            }
            assert await socket.call("broken") == {
                "statusCode": 500,
                "message": "Internal Server Error",
            }
            assert (await socket.call("unheard"))["statusCode"] == 404

    async def test_event_unknown_passes_through_exception_phase(self, serve: Serve) -> None:
        class Shape:
            @observe(KernelEvents.KERNEL_EXCEPTION)
            async def shape(self, event: ExceptionEvent) -> None:
                event.set_response(Response("shaped", 404))

        application = await serve(Echo, listeners=[Shape])

        async with client(application) as socket:
            answer = await socket.call("unheard")

        assert (answer["statusCode"], answer["content"]) == (404, "shaped")

    async def test_error_shaped_by_listener_is_equal_over_http(self, serve: Serve) -> None:
        class Shape:
            @observe(KernelEvents.KERNEL_EXCEPTION)
            async def shape(self, event: ExceptionEvent) -> None:
                event.set_response(Response({"error": str(event.exception)}, 403))

        application = await serve(Echo, listeners=[Shape, Handshake])

        async with client(application) as socket:
            assert await socket.call("forbidden") == {"statusCode": 403, "error": "not you"}
        async with raw_socket(application, connect="") as raw:
            await raw.send('40{"as":"bad"}')
            assert json.loads(str(await raw.receive())[2:]) == {
                "message": "Forbidden",
                "data": {"statusCode": 403, "error": "who are you?"},
            }

    async def test_acknowledgement_over_polling_is_received(self, serve: Serve) -> None:
        application = await serve(Echo)

        async with client(application, transports=["polling"]) as socket:
            answer = await socket.call("echo", {"body": b"\x01"})

        assert answer["content"]["body"] == b"\x01"


class Handshake:
    """Records connected and disconnected clients; rejects some by ``as`` in their ``auth``."""

    def __init__(self) -> None:
        self.trace: list[str] = []
        self.connections: list[Any] = []
        self.hold = asyncio.Event()
        self.hold.set()
        self.held = asyncio.Event()

    @observe(ServerEvents.CONNECTED)
    async def connected(self, event: ConnectionEvent) -> None:
        connection = event.connection
        self.held.set()
        await self.hold.wait()
        claimed = (connection.auth or {}).get("as")
        if claimed == "bad":
            raise UnauthorizedException("who are you?")
        if claimed == "broken":
            raise RuntimeError("secret")
        await connection.join("everyone")
        await connection.emit("welcome", connection.namespace)
        self.trace.append("connected")
        self.connections.append(connection)

    @observe(ServerEvents.DISCONNECTED)
    async def disconnected(self, event: ConnectionEvent) -> None:
        self.trace.append("disconnected")


def handshake_of(application: Application) -> Handshake:
    return application.injector.get(Handshake)


class TestConnecting:
    async def test_connection_contains_handshake(self, serve: Serve) -> None:
        application = await serve(Echo, listeners=[Handshake])
        url = application.servers["socketio"].url

        socket = socketio.AsyncClient()
        await socket.connect(
            f"{url}?tenant=7", auth={"token": "x"}, headers={"X-Mine": "yes"}, retry=False
        )
        (connection,) = handshake_of(application).connections
        await socket.disconnect()

        assert connection.headers["x-mine"] == "yes"
        assert connection.query["tenant"] == "7"
        assert connection.auth == {"token": "x"}
        assert connection.client.host == "127.0.0.1"
        assert connection.namespace == "/"

    @pytest.mark.parametrize(
        ("auth", "message", "status"),
        [("bad", "who are you?", 401), ("broken", "Internal Server Error", 500)],
    )
    async def test_connected_listener_that_raises_rejects_with_error_body(
        self, serve: Serve, auth: str, message: str, status: int
    ) -> None:
        application = await serve(Echo, listeners=[Handshake])

        async with raw_socket(application, connect="") as raw:
            await raw.send("40" + json.dumps({"as": auth}))
            answer = await raw.receive()
            assert isinstance(answer, str)
            assert answer.startswith("44{")
            assert json.loads(answer[2:]) == {
                "message": message,
                "data": {"statusCode": status, "message": message},
            }
            await raw.send("40")
            assert str(await raw.receive()).startswith("40"), "a second attempt was not accepted"

        await until(lambda: handshake_of(application).trace == ["connected", "disconnected"])

    async def test_emit_in_connected_follows_connect_packet(self, serve: Serve) -> None:
        """python-socketio sends such an event before the CONNECT packet."""
        application = await serve(Echo, listeners=[Handshake])

        async with raw_socket(application) as raw:
            assert await raw.receive() == '42["welcome","/"]'

    async def test_broadcast_skips_connection_not_accepted_yet(self, serve: Serve) -> None:
        application = await serve(Echo, listeners=[Handshake])
        handshake = handshake_of(application)
        handshake.hold.clear()

        async with raw_socket(application, connect="") as raw:
            await raw.send("40")
            await handshake.held.wait()
            await application.injector.get(Broadcaster).emit("secret")
            handshake.hold.set()
            assert str(await raw.receive()).startswith("40{")
            assert await raw.receive() == '42["welcome","/"]'

    async def test_connection_events_are_in_order_if_client_disconnects_in_connected(
        self, serve: Serve
    ) -> None:
        """RxStack never dispatches DISCONNECTED; plain python-socketio keeps the connection."""
        application = await serve(
            Echo, listeners=[Handshake], socketio={"ping_interval": 0.1, "ping_timeout": 0.1}
        )
        handshake = handshake_of(application)
        engine = application.servers["socketio"].engine
        handshake.hold.clear()

        async with raw_socket(application, connect="") as raw:
            await raw.send("40")
            await handshake.held.wait()
            raw.vanish()
        await until(lambda: not engine.environ)
        handshake.hold.set()

        await until(lambda: handshake.trace == ["connected", "disconnected"])
        assert engine.connections == {}
        assert engine.manager.rooms == {}

    async def test_packet_after_connect_waits_for_connected(
        self, serve: Serve, session: aiohttp.ClientSession
    ) -> None:
        """With polling, requests can overlap: a second POST closes the session, as in Node."""
        application = await serve(Echo, listeners=[Handshake])
        handshake = handshake_of(application)
        handshake.hold.clear()
        url = f"{application.servers['socketio'].url}/socket.io/?EIO=4&transport=polling"
        async with session.get(url) as response:
            url += "&sid=" + json.loads((await response.text())[1:])["sid"]

        first = asyncio.ensure_future(session.post(url, data="40"))
        await handshake.held.wait()
        async with session.post(url, data='421["created"]') as second:
            assert second.status == 400
        handshake.hold.set()
        await first
        async with session.get(url) as response:
            assert response.status == 400

        assert handshake.trace == ["connected", "disconnected"]
        assert application.servers["socketio"].engine.manager.rooms == {}

    async def test_disconnect_in_connected_rejects_connection(self, serve: Serve) -> None:
        class Door:
            @observe(ServerEvents.CONNECTED)
            async def connected(self, event: ConnectionEvent) -> None:
                await event.connection.disconnect()

        application = await serve(Echo, listeners=[Door])

        async with raw_socket(application, connect="") as raw:
            await raw.send("40")
            assert json.loads(str(await raw.receive())[2:])["data"]["statusCode"] == 403

    async def test_rejection_that_cannot_be_encoded_leaves_no_state(self, serve: Serve) -> None:
        """A header that is not UTF-8 contains lone surrogates, which packets cannot."""

        class Door:
            @observe(ServerEvents.CONNECTED)
            async def connected(self, event: ConnectionEvent) -> None:
                raise UnauthorizedException("unknown \udcff")

        application = await serve(Echo, listeners=[Door])
        engine = application.servers["socketio"].engine

        async with raw_socket(application, connect="") as raw:
            await raw.send("40")
            assert json.loads(str(await raw.receive())[2:])["data"]["statusCode"] == 500
        assert (engine.connections, engine.manager.rooms, engine.manager.pending_connect) == (
            {},
            {},
            {},
        )

    async def test_reconnect_on_same_session_gets_no_earlier_acknowledgements(
        self, serve: Serve
    ) -> None:
        application = await serve(Gate, Echo)
        gate = application.injector.get(Gate)

        async with raw_socket(application) as raw:
            await raw.send('420["pass",1]')
            await until(lambda: gate.started)
            await raw.send("41", "40")
            assert str(await raw.receive()).startswith("40{")
            gate.open.set()
            await until(lambda: not gate.running)
            await raw.send('420["created"]')
            assert (await raw.acknowledged(0))["statusCode"] == 201

    async def test_connection_ends_once(self, serve: Serve) -> None:
        application = await serve(Echo, listeners=[Handshake])
        handshake = handshake_of(application)

        for _ in range(3):
            async with client(application):
                pass
        async with client(application):
            await handshake.connections[-1].disconnect()
            await handshake.connections[-1].disconnect()

        await until(lambda: handshake.trace == ["connected", "disconnected"] * 4)
        assert application.servers["socketio"].engine.connections == {}

    async def test_disconnected_listener_that_raises_is_logged(
        self, serve: Serve, caplog: pytest.LogCaptureFixture
    ) -> None:
        class Broken:
            @observe(ServerEvents.DISCONNECTED)
            async def fail(self, event: ConnectionEvent) -> None:
                raise RuntimeError("on leaving")

        application = await serve(Echo, listeners=[Broken])
        async with client(application):
            pass

        await until(lambda: "on leaving" in caplog.text)

    async def test_namespace_unknown_is_rejected(self, serve: Serve) -> None:
        application = await serve(Echo)

        with pytest.raises(ConnectionFailed):
            async with client(application, "/nowhere"):
                pass


class TestRoomsAndBroadcasts:
    async def test_rooms_are_joined_left_and_addressed(self, serve: Serve) -> None:
        application = await serve(Echo)
        broadcaster = application.injector.get(Broadcaster)
        heard: asyncio.Queue[Any] = asyncio.Queue()

        async with client(application, "/chat") as one, client(application, "/chat") as other:
            for name, socket in {"one": one, "other": other}.items():
                socket.on(
                    "news",
                    lambda *args, name=name: heard.put_nowait((name, *args)),
                    namespace="/chat",
                )
            answer = await one.call("join", "red", namespace="/chat")
            assert answer["content"] == ["red"]

            await broadcaster.emit("news", 1, room="red", namespace="/chat")
            await broadcaster.emit("news", 2, {"b": b"\x00"}, namespace="/chat")
            await broadcaster.emit("news", 3, namespace="/")
            await broadcaster.emit(
                "news", 4, namespace="/chat", skip=one.get_sid(namespace="/chat")
            )
            async with asyncio.timeout(20):
                got = [await heard.get() for _ in range(4)]
            assert sorted(got, key=str) == [
                ("one", 1),
                ("one", 2, {"b": b"\x00"}),
                ("other", 2, {"b": b"\x00"}),
                ("other", 4),
            ]
            assert (await one.call("leave", "red", namespace="/chat"))["content"] == []
            await broadcaster.emit("news", 5, room="red", namespace="/chat")
            await broadcaster.emit("news", 6, namespace="/chat", skip=[])
            async with asyncio.timeout(20):
                assert {await heard.get(), await heard.get()} == {("one", 6), ("other", 6)}

    async def test_broadcast_from_http_controller_reaches_sockets(
        self, serve: Serve, session: aiohttp.ClientSession
    ) -> None:
        class Announce:
            @inject
            def __init__(self, broadcaster: Broadcaster) -> None:
                self.broadcaster = broadcaster

            @http("POST", "/announce", "announce")
            async def announce(self, request: Request) -> None:
                await self.broadcaster.emit("news", request.body)

        application = await serve(Announce, Echo)
        async with raw_socket(application) as raw:
            async with session.post(http_url(application, "/announce"), json={"a": 1}) as response:
                assert response.status == 200
            assert await raw.receive() == '42["news",{"a":1}]'


class TestCall:
    @pytest.mark.parametrize(
        ("values", "expected"), [("[]", None), ('["x"]', "x"), ("[1,2]", (1, 2))]
    )
    async def test_call_returns_acknowledgement_of_client(
        self, serve: Serve, values: str, expected: Any
    ) -> None:
        application = await serve(Echo, listeners=[Handshake])

        async with raw_socket(application) as raw:
            await raw.receive()
            (connection,) = handshake_of(application).connections
            calling = asyncio.ensure_future(connection.call("ask", 1))
            assert await raw.receive() == '421["ask",1]'
            await raw.send(f"431{values}", f"431{values}", "4399[1]")

            assert await calling == expected

    async def test_call_without_acknowledgement_times_out_and_leaves_no_state(
        self, serve: Serve
    ) -> None:
        """python-socketio keeps an entry for each call."""
        application = await serve(Echo, listeners=[Handshake])

        async with raw_socket(application):
            (connection,) = handshake_of(application).connections
            with pytest.raises(TimeoutError):
                await connection.call("ask", timeout=0.001)
            assert connection._calls == {}

    async def test_call_after_disconnect_raises_at_once(self, serve: Serve) -> None:
        application = await serve(Echo, listeners=[Handshake])

        async with client(application):
            (connection,) = handshake_of(application).connections
        await until(lambda: connection.is_ended)

        with pytest.raises(TimeoutError, match="has disconnected"):
            await connection.call("ask")

    async def test_call_acknowledgement_after_event_flood_is_read(self, serve: Serve) -> None:
        """The reader that is held back has to read the acknowledgement."""

        class Asking:
            @websocket("ask")
            async def ask(self, request: Request) -> Any:
                assert request.connection is not None
                return await request.connection.call("question", timeout=20)

        application = await serve(Asking, Echo, socketio={"concurrency": 1})

        async with raw_socket(application) as raw:
            await raw.send('421["ask"]', *('42["created"]' for _ in range(200)))
            assert await raw.receive() == '421["question"]'
            await raw.send('431["answer"]')
            assert (await raw.acknowledged(1))["content"] == "answer"

    async def test_call_ends_when_client_disconnects(self, serve: Serve) -> None:
        application = await serve(Echo, listeners=[Handshake])

        async with raw_socket(application) as raw:
            await raw.receive()
            (connection,) = handshake_of(application).connections
            calling = asyncio.ensure_future(connection.call("ask"))
            await raw.receive()
        with pytest.raises(TimeoutError, match="disconnected before it acknowledged"):
            await calling


async def polling_session(application: Application, session: aiohttp.ClientSession) -> str:
    """The URL of a session that has sent CONNECT, but has not read the response."""
    url = f"{application.servers['socketio'].url}/socket.io/?EIO=4&transport=polling"
    async with session.get(url) as response:
        sid: str = json.loads((await response.text())[1:])["sid"]
    async with session.post(f"{url}&sid={sid}", data="40"):
        pass
    return f"{url}&sid={sid}"


class Gate:
    def __init__(self) -> None:
        self.started: list[int] = []
        self.running = 0
        self.most = 0
        self.open = asyncio.Event()

    @websocket("pass")
    async def enter(self, request: Request) -> int:
        self.started.append(request.body)
        self.running += 1
        self.most = max(self.most, self.running)
        await self.open.wait()
        self.running -= 1
        return int(request.body)


class TestOrder:
    async def test_events_start_in_order_up_to_concurrency(self, serve: Serve) -> None:
        application = await serve(Gate, socketio={"concurrency": 3})
        gate = application.injector.get(Gate)

        async with raw_socket(application) as raw:
            for number in range(20):
                await raw.send(f'42{number}["pass",{number}]')
            await until(lambda: len(gate.started) == 3)
            gate.open.set()
            answers = {(await raw.receive()) for _ in range(20)}

        assert gate.started == list(range(20))
        assert gate.most == 3
        assert len(answers) == 20, "an event was not acknowledged exactly once"

    async def test_events_concurrency_one_run_one_after_another(self, serve: Serve) -> None:
        application = await serve(Gate, socketio={"concurrency": 1})
        gate = application.injector.get(Gate)
        gate.open.set()

        async with raw_socket(application) as raw:
            await raw.send(*(f'42{number}["pass",{number}]' for number in range(10)))
            for number in range(10):
                assert (await raw.acknowledged(number))["content"] == number

        assert (gate.most, gate.started) == (1, list(range(10)))

    async def test_event_flood_is_not_read_and_other_clients_are_served(
        self, serve: Serve
    ) -> None:
        """Plain python-socketio creates a task for each event."""
        application = await serve(Gate, Echo, socketio={"concurrency": 2})
        gate = application.injector.get(Gate)

        async with client(application) as other, raw_socket(application) as raw:
            await raw.send(*('42["pass",1]' for _ in range(500)))
            assert (await other.call("created"))["statusCode"] == 201
            (queue,) = [
                c.event_queue
                for c in application.servers["socketio"].engine.connections.values()
                if c.event_queue.waiting
            ]
            await until(lambda: queue.waiting == MAX_WAITING)
            assert gate.most == 2
            assert (await other.call("created"))["statusCode"] == 201
            gate.open.set()
            await until(lambda: len(gate.started) == 500)

    async def test_client_not_read_has_no_ping_timeout(self, serve: Serve) -> None:
        """While the queue is full, the PONG of a client waits after its events."""
        application = await serve(
            Gate, socketio={"concurrency": 1, "ping_interval": 0.1, "ping_timeout": 0.1}
        )
        gate = application.injector.get(Gate)

        async with raw_socket(application) as raw:
            await raw.send(*(f'42{number}["pass",{number}]' for number in range(70)))
            for _ in range(5):
                assert await raw.socket.receive_str() == "2"
                await raw.send("3")
            gate.open.set()
            answers = {await raw.receive() for _ in range(70)}

        assert len(answers) == 70

    async def test_events_read_before_disconnect_run(self, serve: Serve) -> None:
        """Events of a client that emits and then closes are handled."""
        application = await serve(Gate, socketio={"concurrency": 1})
        gate = application.injector.get(Gate)

        async with raw_socket(application) as raw:
            await raw.send(*(f'42["pass",{number}]' for number in range(5)), "41")
            await until(lambda: gate.started)
        await until(lambda: not application.servers["socketio"].engine.connections)
        gate.open.set()

        await until(lambda: gate.started == list(range(5)))

    async def test_event_flood_over_polling_is_not_read(
        self, serve: Serve, session: aiohttp.ClientSession
    ) -> None:
        application = await serve(Gate, socketio={"concurrency": 1})
        gate = application.injector.get(Gate)
        url = await polling_session(application, session)
        payload = "\x1e".join(['42["pass",1]'] * 90)

        post = asyncio.ensure_future(session.post(url, data=payload))
        (connection,) = application.servers["socketio"].engine.connections.values()
        await until(lambda: connection.event_queue.waiting == MAX_WAITING)
        assert not post.done()
        gate.open.set()
        assert (await post).status == 200
        await until(lambda: len(gate.started) == 90)


class TestStopping:
    async def test_stop_acknowledges_running_event_then_closes(self, serve: Serve) -> None:
        application = await serve(Gate, listeners=[Handshake])
        gate = application.injector.get(Gate)
        handshake = handshake_of(application)

        async with raw_socket(application) as raw:
            await raw.receive()
            await raw.send('421["pass",1]')
            await until(lambda: gate.started)
            stopping = asyncio.ensure_future(application.stop())
            await asyncio.sleep(0)
            await raw.send('422["pass",2]')
            assert (await raw.acknowledged(2))["statusCode"] == 503
            gate.open.set()
            assert (await raw.acknowledged(1))["content"] == 1
            assert await raw.receive() in ("1", None)
            assert await raw.receive() is None
            await stopping

        assert handshake.trace == ["connected", "disconnected"]
        assert gate.started == [1]

    async def test_stop_serves_waiting_events_and_rejects_new_connections(
        self, serve: Serve
    ) -> None:
        application = await serve(Gate, socketio={"concurrency": 1})
        gate = application.injector.get(Gate)

        async with raw_socket(application) as raw, raw_socket(application, connect="") as late:
            await raw.send('421["pass",1]', '422["pass",2]')
            (connection,) = application.servers["socketio"].engine.connections.values()
            await until(lambda: connection.event_queue.waiting == 1)
            stopping = asyncio.ensure_future(application.stop())
            await asyncio.sleep(0)
            await late.send("40")
            assert json.loads(str(await late.receive())[2:])["data"]["statusCode"] == 503
            gate.open.set()
            assert (await raw.acknowledged(1))["content"] == 1
            assert (await raw.acknowledged(2))["content"] == 2
            assert await stopping is True

    async def test_stop_waits_for_events_of_disconnected_client(self, serve: Serve) -> None:
        application = await serve(Gate)
        gate = application.injector.get(Gate)

        async with raw_socket(application) as raw:
            await raw.send('42["pass",1]')
            await until(lambda: gate.started)
        await until(lambda: not application.servers["socketio"].engine.connections)
        stopping = asyncio.ensure_future(application.stop())
        await asyncio.sleep(0)
        assert gate.running == 1
        gate.open.set()

        assert await stopping is True
        assert gate.running == 0

    async def test_stop_cancels_events_at_the_deadline(self, serve: Serve) -> None:
        application = await serve(Gate, shutdown_timeout=0.1)
        gate = application.injector.get(Gate)

        async with raw_socket(application) as raw:
            await raw.send('42["pass",1]')
            await until(lambda: gate.started)
            assert await application.stop() is False

        assert not [task for task in asyncio.all_tasks() if "_serve" in str(task.get_coro())]


async def test_connection_services_are_closed_after_last_event(serve: Serve) -> None:
    closed = asyncio.Event()

    class Seat:
        async def aclose(self) -> None:
            closed.set()

    class Sitting:
        @inject
        def __init__(self, seat: ProviderOf[Seat]) -> None:
            self.seat = seat
            self.entered = asyncio.Event()
            self.release = asyncio.Event()

        @websocket("sit")
        async def sit(self, request: Request) -> None:
            self.seat.get()
            self.entered.set()
            await self.release.wait()
            assert not closed.is_set()

    def configure(binder: Binder) -> None:
        binder.bind(Seat, scope=connection_scope)

    application = await serve(Sitting, modules=[configure])
    sitting = application.injector.get(Sitting)
    async with raw_socket(application) as raw:
        await raw.send('42["sit"]')
        await sitting.entered.wait()
    await until(lambda: not application.servers["socketio"].engine.connections)
    assert not closed.is_set()
    sitting.release.set()

    async with asyncio.timeout(20):
        await closed.wait()


async def test_terminate_runs_after_acknowledgement(serve: Serve) -> None:
    seen: list[str | None] = []

    class After:
        @observe(KernelEvents.KERNEL_TERMINATE)
        async def after(self, event: TerminateEvent) -> None:
            seen.append(event.request.route_name)

    application = await serve(Echo, listeners=[After])
    async with client(application) as socket:
        await socket.call("created")

    await until(lambda: seen == ["created"])


async def test_server_own_port_and_path(serve: Serve, session: aiohttp.ClientSession) -> None:
    application = await serve(Echo, socketio={"port": 0, "path": "/live"})
    servers = application.servers

    assert servers["socketio"].port not in (0, servers["http"].port)
    async with session.get(f"{servers['socketio'].url}/live/?EIO=4&transport=polling") as response:
        assert response.status == 200
    async with session.get(http_url(application, "/live/?EIO=4&transport=polling")) as response:
        assert response.status == 404


async def test_server_disabled_is_not_started(
    serve: Serve, session: aiohttp.ClientSession
) -> None:
    application = await serve(Echo, socketio={"enabled": False})

    assert list(application.servers) == ["http"]
    async with session.get(
        http_url(application, "/socket.io/?EIO=4&transport=polling")
    ) as response:
        assert response.status == 404
