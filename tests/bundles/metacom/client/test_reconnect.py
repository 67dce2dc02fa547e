"""Connections of the Python client that break."""

import asyncio
from contextlib import AsyncExitStack, suppress
from typing import Any

import pytest
from aiohttp import ClientSession, web

from bundles.metacom.client import Metacom, MetacomError
from bundles.metacom.client.websocket_transport import FIRST_DELAY, delay_after
from tests.bundles.metacom.client.conftest import Peer, Scripted, serve
from tests.bundles.metacom.client.units import Account, Chat
from tests.bundles.metacom.conftest import Site, SiteOf
from tests.waiting import until


async def break_connections(site: Site) -> None:
    for connection in tuple(site.server.engine):
        await connection.close(1001)


async def test_session_and_subscription_are_restored(site_of: SiteOf) -> None:
    site = await site_of(Account, Chat)
    client = Metacom(site.websocket_url, timeout=20)

    @client.on_connect
    async def restore() -> None:
        await client.call("account/restore", {"token": "token of ann"})
        await client.call("chat.2/subscribe")

    messages: asyncio.Queue[Any] = asyncio.Queue()
    client.on("chat/message", messages.put)
    async with client:
        assert await client.call("account/me") == "ann"
        before = set(site.server.engine)
        await break_connections(site)
        await until(lambda: set(site.server.engine) - before)

        assert await client.call("account/me") == "ann"
        await client.call("chat/send", {"text": "again"})
        assert await messages.get() == {"text": "again"}


async def test_call_in_flight_fails_when_connection_breaks(scripted: Scripted) -> None:
    """The call is never repeated."""
    calls: list[str] = []

    async def script(peer: Peer) -> None:
        calls.append((await peer.receive())["method"])
        if peer.number == 1:
            return
        await peer.wait()

    async with Metacom(await scripted(script), timeout=20) as client:
        with pytest.raises(ConnectionError, match=r"may have run: the server closed it"):
            await client.call("a/first")
        second = asyncio.create_task(client.call("a/second"))
        await until(lambda: len(calls) == 2)
        second.cancel()

    assert calls == ["a/first", "a/second"]


async def test_call_during_break_waits_for_connection(scripted: Scripted) -> None:
    async def script(peer: Peer) -> None:
        if peer.number > 1:
            await peer.echo()

    async with Metacom(await scripted(script), timeout=20, max_reconnect_delay=0.01) as client:
        results: list[Any] = []
        while not results:
            with suppress(ConnectionError):  # the break is not noticed yet
                results.append(await client.call("a/b"))
        assert results == ["a/b"]


async def test_call_during_break_times_out_with_reason() -> None:
    """The server is stopped."""
    async with AsyncExitStack() as server:
        client = await _client_of(server)
        async with client:
            await client.call("a/b")
            await server.aclose()
            with pytest.raises(ConnectionError, match="lost"):
                await client.call("a/b", timeout=20)
            with pytest.raises(TimeoutError, match=r"within 0\.05 s: the client is not connected"):
                await client.call("a/b", timeout=0.05)


async def test_close_during_break_ends_waiting_calls() -> None:
    async with AsyncExitStack() as server:
        client = await _client_of(server)
        async with client:
            await server.aclose()
            with pytest.raises(ConnectionError, match="lost"):
                await client.call("a/b", timeout=20)
            waiting = asyncio.create_task(client.call("a/b", timeout=20))
            await asyncio.sleep(0)
        with pytest.raises(ConnectionError, match="the client is closed"):
            await waiting


async def test_waiting_calls_are_sent_after_the_calls_of_on_connect(scripted: Scripted) -> None:
    received: list[str] = []

    async def script(peer: Peer) -> None:
        async for call in peer.calls():
            received.append(f"{peer.number} {call['method']}")
            if call["method"] == "a/break":
                return
            await peer.respond(call)

    client = Metacom(await scripted(script), timeout=20)

    @client.on_connect
    async def restore() -> None:
        await client.call("a/restore")
        await asyncio.gather(client.call("a/subscribe"), client.call("a/subscribe"))

    async with client:
        with pytest.raises(ConnectionError):
            await client.call("a/break")
        await asyncio.gather(*(client.call("a/other") for _ in range(3)))

    once = ["a/restore", "a/subscribe", "a/subscribe"]
    assert received == [
        *(f"1 {method}" for method in once),
        "1 a/break",
        *(f"2 {method}" for method in once),
        *["2 a/other"] * 3,
    ]


async def test_error_of_on_connect_is_raised_by_open(site_of: SiteOf) -> None:
    site = await site_of(Account)
    client = Metacom(site.websocket_url)
    client.on_connect(lambda: client.call("account/me"))

    with pytest.raises(MetacomError, match="401"):
        await client.open()
    await until(lambda: not len(tuple(site.server.engine)))


async def test_error_of_on_connect_after_reconnect_is_logged(
    scripted: Scripted, caplog: pytest.LogCaptureFixture
) -> None:
    async def script(peer: Peer) -> None:
        if peer.number == 1:
            await peer.receive()
        else:
            await peer.echo()

    client = Metacom(await scripted(script), timeout=20)
    async with client:

        @client.on_connect
        async def fail() -> None:
            raise RuntimeError("no session")

        restored = client.on_connect(lambda: client.call("a/restore"))
        assert restored is not None
        with pytest.raises(ConnectionError):
            await client.call("a/b")
        assert await client.call("a/b") == "a/b"

    assert "a function of on_connect failed" in caplog.messages


async def test_connection_that_breaks_in_on_connect_is_replaced(scripted: Scripted) -> None:
    async def script(peer: Peer) -> None:
        if peer.number == 1 or peer.number > 3:
            await peer.echo()

    client = Metacom(await scripted(script), timeout=20, max_reconnect_delay=0.01)
    client.on_connect(lambda: client.call("a/restore"))
    async with client:
        with pytest.raises(ConnectionError):
            await client.call("a/break")
        assert await client.call("a/b") == "a/b"


async def test_server_that_rejects_handshakes_is_tried_again() -> None:
    handshakes = 0

    async def handle(request: web.Request) -> web.StreamResponse:
        nonlocal handshakes
        handshakes += 1
        if 1 < handshakes < 4:
            return web.Response(status=503)
        websocket = web.WebSocketResponse()
        await websocket.prepare(request)
        if handshakes > 1:
            await Peer(websocket, handshakes).echo()
        return websocket

    async with AsyncExitStack() as server:
        client = await _client_of(server, handle, max_reconnect_delay=0.01)
        async with client:
            with pytest.raises(ConnectionError):
                await client.call("a/b")
            assert await client.call("a/b") == "a/b"
    assert handshakes == 4


@pytest.mark.parametrize("has_own_session", [True, False])
async def test_redirect_to_invalid_host_is_a_failed_attempt(*, has_own_session: bool) -> None:
    handshakes = 0

    async def handle(request: web.Request) -> web.StreamResponse:
        nonlocal handshakes
        handshakes += 1
        if handshakes == 2:
            raise web.HTTPFound("http://" + "a" * 70 + ".x/")
        websocket = web.WebSocketResponse()
        await websocket.prepare(request)
        if handshakes > 2:
            await Peer(websocket, handshakes).echo()
        return websocket

    async with AsyncExitStack() as stack:
        session = None if has_own_session else await stack.enter_async_context(ClientSession())
        client = await _client_of(stack, handle, max_reconnect_delay=0.01, session=session)
        async with client:
            await until(lambda: handshakes > 2)
            assert await client.call("a/b") == "a/b"


async def test_redirect_is_not_followed() -> None:
    paths: list[str] = []

    async def redirect(request: web.Request) -> web.StreamResponse:
        paths.append(request.path)
        raise web.HTTPFound("/other")

    async with AsyncExitStack() as server:
        client = await _client_of(server, redirect)
        with pytest.raises(ConnectionError, match="the server redirects to '/other'"):
            await client.open()
    assert paths == ["/"]


@pytest.mark.parametrize("error", [RuntimeError, asyncio.CancelledError])
async def test_on_connect_that_fails_after_reconnect_is_logged(
    scripted: Scripted, caplog: pytest.LogCaptureFixture, error: type[BaseException]
) -> None:
    runs = 0

    async def script(peer: Peer) -> None:
        if peer.number > 1:
            await peer.echo()

    client = Metacom(await scripted(script), timeout=20, max_reconnect_delay=0.01)

    @client.on_connect
    async def fail() -> None:
        nonlocal runs
        runs += 1
        if runs == 2:
            raise error

    async with client:
        await until(lambda: runs == 2)
        assert await client.call("a/b") == "a/b"
    assert "a function of on_connect failed" in caplog.text


async def test_on_connect_is_cancelled_when_connection_breaks_again(scripted: Scripted) -> None:
    ends: list[str] = []

    async def script(peer: Peer) -> None:
        if peer.number > 2:
            await peer.echo()
        elif peer.number == 2:
            await started.wait()

    started = asyncio.Event()
    client = Metacom(await scripted(script), timeout=20, max_reconnect_delay=0.01)

    @client.on_connect
    async def wait() -> None:
        ends.append("begins")
        if len(ends) == 2:
            started.set()
            try:
                await asyncio.Event().wait()
            finally:
                ends.append("is cancelled")

    async with client:
        await until(lambda: len(ends) == 4)
        assert await client.call("a/b") == "a/b"
    assert ends == ["begins", "begins", "is cancelled", "begins"]


async def test_open_raises_if_connection_breaks_while_on_connect_waits(
    scripted: Scripted,
) -> None:
    async def script(peer: Peer) -> None:
        await started.wait()

    started = asyncio.Event()
    client = Metacom(await scripted(script), timeout=20)

    @client.on_connect
    async def wait() -> None:
        started.set()
        await asyncio.Event().wait()

    with pytest.raises(ConnectionError, match="on_connect was cancelled: the server closed"):
        await client.open()


@pytest.mark.parametrize("run", [1, 2])
async def test_on_connect_may_close_the_client(scripted: Scripted, run: int) -> None:
    runs: list[str] = []

    async def script(peer: Peer) -> None:
        if peer.number == run:
            await peer.wait()

    client = Metacom(await scripted(script), timeout=20, max_reconnect_delay=0.01)

    @client.on_connect
    async def close() -> None:
        runs.append("begins")
        if len(runs) == run:
            await client.close()
            runs.append("is closed")

    await client.open()
    await until(lambda: runs[-1] == "is closed")
    with pytest.raises(ConnectionError, match="closed"):
        await client.call("a/b")
    await client.close()


def test_pauses_double_up_to_the_longest() -> None:
    pauses = {failures: [delay_after(failures, 30) for _ in range(200)] for failures in (1, 2, 99)}

    assert min(pauses[1]) >= 0
    assert max(pauses[1]) <= FIRST_DELAY < max(pauses[2]) <= 1
    assert 1 < max(pauses[99]) <= 30
    assert len(set(pauses[99])) > 100


async def _client_of(server: AsyncExitStack, handle: Any = None, **options: Any) -> Metacom:
    async def echo(request: web.Request) -> web.StreamResponse:
        websocket = web.WebSocketResponse()
        await websocket.prepare(request)
        await Peer(websocket, 1).echo()
        return websocket

    application = web.Application()
    application.router.add_get("/", handle or echo)
    port = await serve(server, application)
    return Metacom(f"ws://127.0.0.1:{port}/", **{"timeout": 20, **options})
