"""Calls over a WebSocket, with the bytes of the packets."""

from pathlib import Path

import aiohttp
import pytest

from bundles.autoload import AutoloadBundle
from rxkernel import (
    Broadcaster,
    ConnectionEvent,
    ServerEvents,
    UnauthorizedException,
    http,
    observe,
)
from tests.bundles.metacom.conftest import SiteOf
from tests.bundles.metacom.example import Example


async def test_t03_call_of_add_gets_exact_bytes(site_of: SiteOf) -> None:
    site = await site_of(Example)
    async with site.client() as client:
        call = '{"type":"call","id":1,"method":"example/add","args":{"a":2,"b":3}}'

        assert await client.exchange(call) == '{"type":"callback","id":1,"result":5}'


async def test_t04_text_id_gets_callback_with_text_id(site_of: SiteOf) -> None:
    site = await site_of(Example)
    async with site.client("/api") as client:
        call = '{"type":"call","id":"x-1","method":"example/hello","args":{}}'
        expected = '{"type":"callback","id":"x-1","result":{"message":"hello"}}'

        assert await client.exchange(call) == expected


async def test_t33_event_of_call_arrives_before_its_callback(site_of: SiteOf) -> None:
    site = await site_of(Example)
    async with site.client() as client:
        await client.send({"type": "call", "id": 1, "method": "example/notify"})

        assert [await client.text(), await client.text()] == [
            '{"type":"event","name":"example/message","data":{"text":"before"}}',
            '{"type":"callback","id":1,"result":"done"}',
        ]


async def test_endpoint_of_autoload_is_a_method(site_of: SiteOf, tmp_path: Path) -> None:
    folder = tmp_path / "api" / "example"
    folder.mkdir(parents=True)
    (folder / "add.py").write_text(
        "access = 'public'\n"
        "parameters = {'a': 'number', 'b': 'number'}\n"
        "async def method(a, b):\n"
        "    return a + b\n"
    )
    site = await site_of(bundles=(AutoloadBundle(tmp_path),))
    async with site.client() as client:
        added = await client.call("example.1/add", {"a": 2, "b": 3})
        unknown = await client.call("example/nope", id=2)

    assert added["result"] == 5
    assert unknown == {
        "type": "callback",
        "id": 2,
        "error": {"message": "Not Found", "code": 404},
    }


async def test_room_event_reaches_metacom_client(site_of: SiteOf) -> None:
    async def join(event: ConnectionEvent) -> None:
        await event.connection.join("tea")

    site = await site_of(listeners=(observe(ServerEvents.CONNECTED)(join),))
    broadcaster = site.application.injector.get(Broadcaster)
    async with site.client() as client, site.client():
        await broadcaster.emit("chat/message", {"text": "tea"}, room="tea")
        await broadcaster.emit("chat/message", {"text": "milk"}, room="milk")
        await broadcaster.emit("chat/message", 1, 2)

        assert (await client.receive())["data"] == {"text": "tea"}
        assert (await client.receive())["data"] == [1, 2]


async def test_rejected_connection_gets_status_in_handshake(site_of: SiteOf) -> None:
    async def reject(event: ConnectionEvent) -> None:
        raise UnauthorizedException("sign in")

    site = await site_of(listeners=(observe(ServerEvents.CONNECTED)(reject),))

    with pytest.raises(aiohttp.WSServerHandshakeError) as error:
        async with site.client():
            pass

    assert error.value.status == 401


async def test_path_of_websocket_serves_other_requests(site_of: SiteOf) -> None:
    class Home:
        @http("GET", "/", "home")
        async def home(self) -> str:
            return "home"

    site = await site_of(Home)
    async with site.session.get(site.url) as response:
        assert await response.text() == "home"
