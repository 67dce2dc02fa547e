"""`ConnectionEvent.reason` for each cause of the end of a connection, over real sockets.

The reasons of the official server (socket.io 4, Server API, "disconnect") correspond: "client
namespace disconnect" is `client` here, "server namespace disconnect" `server`, "server shutting
down" `shutdown`; "parse error" is a `transport error`, or a `limit` where a setting is exceeded.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from rxkernel import (
    Application,
    ConnectionEvent,
    DisconnectReason,
    ServerEvents,
    observe,
    websocket,
)
from rxkernel.servers.aiohttp.request.disconnect import is_disconnected
from tests.servers.conftest import Serve
from tests.servers.hostile import (
    CLOSE,
    FAR,
    TEXT,
    Client,
    OverPolling,
    OverWebsocket,
    encode,
    wire,
)
from tests.servers.socketio.clients import (
    connected,
    counts_of,
    engine_of,
    is_polled,
    only_connection,
    only_session,
)
from tests.servers.socketio_clients import raw_socket
from tests.waiting import until

End = Callable[[Application, Any], Awaitable[None]]


class Presence:
    def __init__(self) -> None:
        self.came: list[str] = []
        self.reasons: list[tuple[str, DisconnectReason | None]] = []
        self.hold = asyncio.Event()
        self.hold.set()

    @observe(ServerEvents.CONNECTED)
    async def connected(self, event: ConnectionEvent) -> None:
        assert event.reason is None
        self.came.append(event.connection.namespace)
        await event.connection.join("all")
        await self.hold.wait()

    @observe(ServerEvents.DISCONNECTED)
    async def disconnected(self, event: ConnectionEvent) -> None:
        assert event.connection.rooms == {"all"}
        self.reasons.append((event.connection.namespace, event.reason))


class Events:
    @websocket("hang")
    async def hang(self) -> None:
        await asyncio.Event().wait()

    @websocket("nothing", namespace="/chat")
    async def nothing(self) -> None: ...


Start = Callable[..., Awaitable[tuple[Application, Presence]]]


@pytest.fixture
def start(serve: Serve) -> Start:
    async def start(**settings: Any) -> tuple[Application, Presence]:
        """The ping interval is long, except in tests about it."""
        settings = {"ping_interval": FAR, "ping_timeout": FAR, **settings}
        application = await serve(
            Events, listeners=[Presence], socketio=settings, shutdown_timeout=0.1
        )
        return application, application.injector.get(Presence)

    return start


async def send_disconnect(_: Application, client: Client) -> None:
    await client.send("41")


async def send_close(_: Application, client: Client) -> None:
    await client.send("1")


async def disconnect_connection(application: Application, _: Client) -> None:
    await only_connection(application).disconnect()


async def disconnect_by_socketio(application: Application, _: Client) -> None:
    await engine_of(application).disconnect(only_connection(application).id)


async def disconnect_by_engineio(application: Application, _: Client) -> None:
    await engine_of(application).eio.disconnect(only_connection(application).session.sid)


async def break_protocol(_: Application, client: Client) -> None:
    await client.send("4nonsense")


async def send_attachments(_: Application, client: Client) -> None:
    await client.send('4599-["nothing",{"_placeholder":true,"num":0}]')


async def stop(application: Application, _: Client) -> None:
    await application.stop()


@pytest.mark.parametrize("transport", ["websocket", "polling"])
@pytest.mark.parametrize(
    ("end", "reason"),
    [
        (send_disconnect, "client"),
        (send_close, "client"),
        (disconnect_connection, "server"),
        (disconnect_by_socketio, "server"),
        (disconnect_by_engineio, "server"),
        (break_protocol, "transport error"),
        (send_attachments, "limit"),
        (stop, "shutdown"),
    ],
)
async def test_reason_of_explicit_disconnect_is_client_or_server(
    start: Start, transport: str, end: End, reason: str
) -> None:
    application, presence = await start()

    async with connected(application, transport) as client:
        await end(application, client)
        await until(lambda: presence.reasons)

    assert presence.reasons == [("/", reason)]


@pytest.mark.parametrize("is_said", [True, False])
async def test_reason_websocket_closed_is_transport_close(start: Start, is_said: bool) -> None:
    """A page that is closed sends a close frame (RFC 6455 §5.5.1), a killed process none."""
    application, presence = await start()

    async with wire(application) as client:
        if is_said:
            client.write(encode(CLOSE, (1001).to_bytes(2)))
        else:
            client.writer.transport.abort()
        await until(lambda: presence.reasons)

    assert presence.reasons == [("/", "transport close")]


async def test_reason_poll_aborted_is_transport_close(start: Start) -> None:
    application, presence = await start()

    async with connected(application, "polling") as client:
        assert isinstance(client, OverPolling)
        connection = only_connection(application)
        polling = asyncio.ensure_future(client.poll())
        await until(lambda: is_polled(only_session(application)))
        polling.cancel()
        native = engine_of(application).get_environ(connection.id)["aiohttp.request"]
        await until(lambda: is_disconnected(native))
        await connection.emit("news")
        await until(lambda: presence.reasons)

    assert presence.reasons == [("/", "transport close")]


async def test_reason_broken_websocket_is_transport_error(start: Start) -> None:
    """A reserved bit (RFC 6455 section 5.2)."""
    application, presence = await start()

    async with wire(application) as client:
        client.write(encode(TEXT, b"3", reserved=4))
        await until(lambda: presence.reasons)

    assert presence.reasons == [("/", "transport error")]


@pytest.mark.parametrize("transport", ["websocket", "polling"])
async def test_reason_no_pong_is_ping_timeout(start: Start, transport: str) -> None:
    application, presence = await start(ping_interval=0.1, ping_timeout=0.1)

    if transport == "websocket":
        async with wire(application):
            await until(lambda: presence.reasons)
    else:
        async with connected(application, "polling"):
            await until(lambda: presence.reasons)

    assert presence.reasons == [("/", "ping timeout")]


async def exceed_payload(_: Application, client: OverWebsocket) -> None:
    await client.send("x" * 201)


async def exceed_outbound(application: Application, _: OverPolling) -> None:
    connection = only_connection(application)
    for _turn in range(3):
        await connection.emit("news", "x" * 1000)


async def exceed_stall(_: Application, client: OverWebsocket) -> None:
    await client.send(*['42["hang"]'] * 5)


@pytest.mark.parametrize(
    ("transport", "exceed", "settings"),
    [
        ("websocket", exceed_payload, {"max_payload": 200}),
        ("polling", exceed_outbound, {"max_outbound_bytes": 2000}),
        (
            "websocket",
            exceed_stall,
            {
                "concurrency": 1,
                "max_waiting": 1,
                "stall_timeout": 0.1,
                "ping_interval": 0.05,
                "ping_timeout": 0.05,
            },
        ),
    ],
)
async def test_reason_setting_exceeded_is_limit(
    start: Start, transport: str, exceed: End, settings: dict[str, Any]
) -> None:
    application, presence = await start(**settings)

    async with connected(application, transport) as client:
        await exceed(application, client)
        await until(lambda: presence.reasons)

    assert presence.reasons == [("/", "limit")]


async def test_reason_of_each_namespace_is_its_own(start: Start) -> None:
    application, presence = await start()

    async with raw_socket(application) as raw:
        await raw.send("40/chat,")
        assert str(await raw.receive()).startswith("40/chat")
        await raw.send("41/chat,")
        await until(lambda: presence.reasons)
        raw.vanish()
        await until(lambda: len(presence.reasons) == 2)

    assert presence.reasons == [("/chat", "client"), ("/", "transport close")]


@pytest.mark.parametrize("end", ["vanish", "stop"])
async def test_reason_of_client_that_disconnects_during_connected_is_kept(
    start: Start, end: str
) -> None:
    """The session has ended before the listeners of CONNECTED have."""
    application, presence = await start(ping_interval=0.1, ping_timeout=1.0)
    presence.hold.clear()
    sockets = engine_of(application).eio.sockets

    async with raw_socket(application, connect="") as raw:
        await raw.send("40")
        await until(lambda: presence.came)
        if end == "stop":
            stopping = asyncio.ensure_future(application.stop())
            await until(lambda: not sockets)
        else:
            raw.vanish()
            await until(lambda: not sockets)
        presence.hold.set()
        await until(lambda: presence.reasons)
        if end == "stop":
            await stopping

    assert presence.reasons == [("/", "shutdown" if end == "stop" else "transport close")]


@pytest.mark.parametrize("transport", ["polling", "websocket"])
async def test_event_in_transit_when_server_disconnects_namespace_is_ignored(
    start: Start, transport: str
) -> None:
    """The client has not read the DISCONNECT yet; its other namespaces stay connected."""
    application, presence = await start()
    counts = counts_of(application)

    async with connected(application, transport) as client:
        await client.send("40/chat,")
        assert str(await client.receive()).startswith("40/chat")
        connections = engine_of(application).connections.values()
        (chat,) = [one for one in connections if one.namespace == "/chat"]
        await chat.disconnect()
        await client.send('42/chat,1["nothing"]')
        assert await client.receive() == "41/chat,"

        await client.send("40/chat,")
        assert str(await client.receive()).startswith("40/chat")
        await client.send('42/chat,2["nothing"]')
        assert str(await client.receive()).startswith("43/chat,2")
        await client.send("41/chat,")
        await until(lambda: len(presence.reasons) == 2)
        assert counts["protocol error"] == 0
        await client.send('42/chat,3["nothing"]')
        await client.closed()

    assert counts["protocol error"] == 1
    assert presence.reasons[:2] == [("/chat", "server"), ("/chat", "client")]
