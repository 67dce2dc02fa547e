"""Calls of the Python client."""

import asyncio
from typing import Any

import aiohttp
import pytest

from bundles.metacom.client import Metacom, MetacomError
from rxkernel import ConnectionEvent, ServerEvents, UnauthorizedException, observe
from tests.bundles.metacom.client.conftest import Peer, Scripted
from tests.bundles.metacom.client.units import Account, Chat
from tests.bundles.metacom.conftest import SiteOf
from tests.bundles.metacom.example import Example
from tests.ports import reserved_port


async def test_load_makes_methods_of_units(site_of: SiteOf) -> None:
    site = await site_of(Example, Chat)
    async with Metacom(site.websocket_url) as client:
        await client.load("example", "chat.1", "chat")

        assert await client.api.example.add(a=1, b=2) == 3
        assert await client["chat.1"].send(text="hello") == 1
        assert await client.api.chat.send(text="hello") == 2
        assert await client.api.chat["on"]() == "the method on"
        assert {"add", "hello", "on"} <= set(dir(client.api.example))
        assert client.api.example.add.description["parameters"]["required"] == ["a", "b"]


async def test_load_of_unknown_unit_raises_lookup_error(site_of: SiteOf) -> None:
    site = await site_of(Example)
    async with Metacom(site.websocket_url) as client:
        with pytest.raises(LookupError, match=r"no unit 'nope', 'example\.7'"):
            await client.load("example", "nope", "example.7")
        with pytest.raises(AttributeError, match=r"'example' is not loaded"):
            await client.api.example.add(a=1, b=2)


async def test_unknown_names_raise_clear_errors(site_of: SiteOf) -> None:
    site = await site_of(Example)
    async with Metacom(site.websocket_url) as client:
        await client.load("example")

        with pytest.raises(AttributeError, match="'example' has no method 'ad'"):
            await client.api.example.ad(a=1)
        with pytest.raises(KeyError, match=r"'chat.1' is not loaded; await client.load\('chat.1'"):
            client["chat.1"]


async def test_second_load_keeps_unit(site_of: SiteOf) -> None:
    site = await site_of(Example)
    async with Metacom(site.websocket_url) as client:
        await client.load("example")
        example = client.api.example
        await client.load("example")

        assert client.api.example is example
        assert client["example"] is example


# T05
async def test_parallel_calls_get_their_own_results(site_of: SiteOf) -> None:
    site = await site_of(Example)
    async with Metacom(site.websocket_url) as client:
        times = [100 - 5 * index for index in range(20)]
        calls = [client.call("example/wait", {"milliseconds": time}) for time in times]

        assert await asyncio.gather(*calls) == times


async def test_call_with_an_array_sends_it_unchanged(site_of: SiteOf) -> None:
    site = await site_of(Example)
    async with Metacom(site.websocket_url) as client:
        assert await client.call("example/echo", [1, "2"]) == [1, "2"]


async def test_error_has_code_message_and_errors(site_of: SiteOf) -> None:
    site = await site_of(Example)
    async with Metacom(site.websocket_url) as client:
        with pytest.raises(MetacomError) as invalid:
            await client.call("example/add", {"a": 1, "b": "2"})
        with pytest.raises(MetacomError, match=r"Not Found \(404\)"):
            await client.call("example/nope")
        with pytest.raises(MetacomError) as failed:
            await client.call("example/fail")

    assert invalid.value.code == 422
    assert [error["path"] for error in invalid.value.errors] == ["body.b"]
    assert failed.value.code == 500
    assert failed.value.request_id
    assert "secret" not in failed.value.message


async def test_call_without_json_raises_and_connection_stays(site_of: SiteOf) -> None:
    site = await site_of(Example)
    async with Metacom(site.websocket_url) as client:
        with pytest.raises(TypeError):
            await client.call("example/echo", {"value": object()})
        assert await client.call("example/hello") == {"message": "hello"}


async def test_late_callback_of_timed_out_call_is_ignored(
    scripted: Scripted, caplog: pytest.LogCaptureFixture
) -> None:
    async def script(peer: Peer) -> None:
        first, second = await peer.receive(), await peer.receive()
        await peer.respond(first, "late")
        await peer.respond(second, "in time")
        await peer.wait()

    async with Metacom(await scripted(script)) as client:
        with pytest.raises(TimeoutError, match=r"no response to 'a/b' within 0\.05 s$"):
            await client.call("a/b", timeout=0.05)
        assert await client.call("a/b", timeout=20) == "in time"
    assert not caplog.records


async def test_callback_of_cancelled_call_is_ignored(scripted: Scripted) -> None:
    received = asyncio.Event()

    async def script(peer: Peer) -> None:
        first = await peer.receive()
        received.set()
        second = await peer.receive()
        await peer.respond(first, 1)
        await peer.respond(second, 2)
        await peer.wait()

    async with Metacom(await scripted(script), timeout=20) as client:
        cancelled = asyncio.create_task(client.call("a/b"))
        await asyncio.wait_for(received.wait(), 20)
        cancelled.cancel()

        assert await client.call("a/c") == 2


async def test_call_of_client_that_is_not_open_raises(scripted: Scripted) -> None:
    client = Metacom(await scripted(Peer.echo))
    with pytest.raises(ConnectionError, match="not connected"):
        await client.call("a/b")
    async with client:
        assert await client.call("a/b") == "a/b"
    with pytest.raises(ConnectionError, match="the client is closed"):
        await client.call("a/b")
    with pytest.raises(RuntimeError, match="opened before"):
        await client.open()


async def test_connect_returns_open_client(scripted: Scripted) -> None:
    client = await Metacom.connect(await scripted(Peer.echo), timeout=20)
    try:
        assert await client.call("a/b") == "a/b"
    finally:
        await client.close()


async def test_close_ends_running_call(scripted: Scripted) -> None:
    client = await Metacom.connect(await scripted(Peer.wait))
    call = asyncio.create_task(client.call("a/b"))
    await asyncio.sleep(0)
    await client.close()

    with pytest.raises(ConnectionError, match="the client was closed"):
        await call


async def test_connect_to_closed_port_raises() -> None:
    with reserved_port() as port, pytest.raises(ConnectionError, match="cannot connect to ws://"):
        await Metacom.connect(f"ws://127.0.0.1:{port}/?token=secret")


async def test_rejected_handshake_raises(site_of: SiteOf) -> None:
    async def reject(event: ConnectionEvent) -> None:
        raise UnauthorizedException("sign in")

    site = await site_of(listeners=(observe(ServerEvents.CONNECTED)(reject),))
    with pytest.raises(ConnectionError, match="401"):
        await Metacom.connect(site.websocket_url)


async def test_session_of_application_is_used_and_not_closed(site_of: SiteOf) -> None:
    seen: list[str | None] = []

    async def note(event: ConnectionEvent) -> None:
        seen.append(event.connection.headers.get("authorization"))

    site = await site_of(Account, listeners=(observe(ServerEvents.CONNECTED)(note),))
    async with aiohttp.ClientSession(headers={"Authorization": "Bearer 1"}) as session:
        async with Metacom(site.websocket_url, session=session):
            pass
        assert not session.closed
    assert seen == ["Bearer 1"]


@pytest.mark.parametrize("url", ["", "127.0.0.1", "ftp://host/", "ws:///path"])
def test_client_with_an_invalid_url_raises(url: str) -> None:
    with pytest.raises(ValueError, match="url must begin with ws://"):
        Metacom(url)


@pytest.mark.parametrize(
    "option",
    [
        {"timeout": 0},
        {"timeout": "7"},
        {"heartbeat": -1},
        {"max_size": 0},
        {"max_reconnect_delay": None},
        {"session": "a"},
    ],
    ids=repr,
)
def test_invalid_option_raises(option: dict[str, Any]) -> None:
    with pytest.raises((ValueError, TypeError), match=next(iter(option))):
        Metacom("ws://host/", **option)
