"""The limits and timeouts of Socket.IO apply in a mounted application, too."""

import asyncio

import aiohttp

from rxkernel import (
    HttpSettings,
    Settings,
    SocketioSettings,
)
from tests.servers.mounted.hosts import (
    Calls,
    Connect,
    Host,
    mount,
    over_each_transport,
)
from tests.waiting import until


class TestLimits:
    async def test_page_of_other_origin_is_rejected(
        self, host: Host, session: aiohttp.ClientSession
    ) -> None:
        http = HttpSettings(origins=("http://good.example",))
        mount(host, Calls, settings=Settings(http=http))
        url = f"{await host.start()}/socket.io/?EIO=4&transport=polling"

        async with session.get(url, headers={"Origin": "http://evil.example"}) as response:
            assert response.status == 403
        async with session.get(url, headers={"Origin": "http://good.example"}) as response:
            assert response.status == 200
            allowed = response.headers["Access-Control-Allow-Origin"]
            assert allowed == "http://good.example"

    @over_each_transport
    async def test_payload_above_limit_closes_session(
        self, host: Host, connect: Connect, transport: str
    ) -> None:
        application = mount(
            host, Calls, settings=Settings(socketio=SocketioSettings(max_payload=1000))
        )
        client = await connect(await host.start(), transport)

        await client.emit("add", {"params": {"a": "x" * 2000, "b": 2}})

        await until(lambda: not client.connected)
        assert application.servers["socketio"].counts["socketio.max_payload"] == 1

    async def test_session_above_limit_is_503(
        self, host: Host, connect: Connect, session: aiohttp.ClientSession
    ) -> None:
        limits = SocketioSettings(max_sessions=1)
        mount(host, Calls, settings=Settings(socketio=limits))
        url = await host.start()
        await connect(url)

        async with session.get(f"{url}/socket.io/?EIO=4&transport=polling") as response:
            assert response.status == 503

    async def test_silent_client_is_closed_by_heartbeat(
        self, host: Host, session: aiohttp.ClientSession
    ) -> None:
        limits = SocketioSettings(ping_interval=0.05, ping_timeout=0.05)
        mount(host, Calls, settings=Settings(socketio=limits))
        url = f"{await host.start()}/socket.io/?EIO=4&transport=websocket"

        async with asyncio.timeout(20), session.ws_connect(url) as websocket:
            frames = [message.data async for message in websocket]

        assert "2" in frames

    async def test_client_that_reads_nothing_is_closed(
        self, host: Host, session: aiohttp.ClientSession
    ) -> None:
        """The limit of the send queue closes a client whose write buffer is full."""
        limits = SocketioSettings(max_outbound_bytes=10_000, max_payload=100_000_000)
        application = mount(host, Calls, settings=Settings(socketio=limits))
        url = f"{await host.start()}/socket.io/?EIO=4&transport=websocket"
        async with session.ws_connect(url) as websocket:
            await websocket.send_str("40")
            await websocket.receive()
            await websocket.receive()
            server = application.servers["socketio"]
            for _ in range(200):
                await server.engine.emit("news", "x" * 1_000_000)
                if not server.engine.connections:
                    break
            await until(lambda: not server.engine.connections)
            assert server.counts["socketio.max_outbound_bytes"] == 1
