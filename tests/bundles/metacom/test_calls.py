"""Calls over a WebSocket, with the bytes of the packets."""

import json
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bundles.autoload import AutoloadBundle
from bundles.autoload.security_defaults import NoUsers, settings_without_users
from bundles.metacom import METACOM
from bundles.security import SecurityBundle
from bundles.sessions import SessionsBundle
from rxkernel import (
    Broadcaster,
    ConfigurationError,
    Connection,
    ConnectionEvent,
    KernelEvents,
    Request,
    ResponseEvent,
    ServerEvents,
    UnauthorizedException,
    http,
    observe,
    procedure,
)
from tests.bundles.metacom.conftest import SiteOf
from tests.bundles.metacom.example import Example


# T03
async def test_call_of_add_gets_exact_bytes(site_of: SiteOf) -> None:
    site = await site_of(Example)
    async with site.client() as client:
        call = '{"type":"call","id":1,"method":"example/add","args":{"a":2,"b":3}}'

        assert await client.exchange(call) == '{"type":"callback","id":1,"result":5}'


# T04
async def test_text_id_gets_callback_with_text_id(site_of: SiteOf) -> None:
    site = await site_of(Example)
    async with site.client("/api") as client:
        call = '{"type":"call","id":"x-1","method":"example/hello","args":{}}'
        expected = '{"type":"callback","id":"x-1","result":{"message":"hello"}}'

        assert await client.exchange(call) == expected


# T33
async def test_event_of_call_arrives_before_its_callback(site_of: SiteOf) -> None:
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


async def test_path_of_the_websocket_serves_http_routes(site_of: SiteOf) -> None:
    class Home:
        @http("GET", "/", "home")
        async def home(self) -> str:
            return "home"

    site = await site_of(Home)
    async with site.session.get(site.url) as response:
        assert await response.text() == "home"


# T05
async def test_parallel_calls_get_their_own_callbacks(site_of: SiteOf) -> None:
    site = await site_of(Example)
    async with site.client() as client:
        delays = {id: 20 * (id % 5) for id in range(1, 21)}
        for id, delay in delays.items():
            await client.send(
                {
                    "type": "call",
                    "id": id,
                    "method": "example/wait",
                    "args": {"milliseconds": delay},
                }
            )
        packets = [await client.receive() for _ in delays]

    assert {packet["id"]: packet["result"] for packet in packets} == delays
    assert [packet["id"] for packet in packets] != list(delays)


# T06
async def test_ping_of_dialect_a_gets_the_same_text(site_of: SiteOf) -> None:
    site = await site_of(Example)
    async with site.client() as client:
        assert await client.exchange("{}") == "{}"


async def test_ping_of_dialect_b_is_a_wrong_packet(site_of: SiteOf) -> None:
    site = await site_of(Example)
    async with site.client() as client:
        await client.call("example/hello", id="x-1")
        packet = json.loads(await client.exchange("{}"))

    assert (packet["id"], packet["error"]["code"]) == ("", 400)


# T07
@pytest.mark.parametrize("value", [False, 0, None, "", [], {}, 1.5, 2**70, "é\u2028"])
async def test_result_is_sent_as_it_is(site_of: SiteOf, value: Any) -> None:
    site = await site_of(Example)
    async with site.client() as client:
        packet = await client.call("example/value", {"value": value})

    assert packet == {"type": "callback", "id": 1, "result": value}


# T09
async def test_unit_without_version_is_its_highest_version(site_of: SiteOf) -> None:
    site = await site_of(Example)
    async with site.client() as client:
        results = [
            (await client.call(f"{unit}/hello")).get("result")
            for unit in ("versioned", "versioned.*", "versioned.1", "versioned.3", "versioned.x")
        ]

    assert results == [2, 2, 1, None, None]


# T10
async def test_method_of_lower_version_is_not_found_without_version(site_of: SiteOf) -> None:
    site = await site_of(Example)
    async with site.client() as client:
        packet = await client.call("versioned/only1")

    assert packet["error"] == {"message": "Not Found", "code": 404}


async def test_unit_without_version_is_version_1(site_of: SiteOf) -> None:
    site = await site_of(Example)
    async with site.client() as client:
        assert (await client.call("example.1/hello"))["result"] == {"message": "hello"}


async def test_procedure_with_other_name_is_an_error_at_boot(site_of: SiteOf) -> None:
    class Wrong:
        @procedure("hello", METACOM)
        async def hello(self) -> None: ...

        @procedure("a/b/c", METACOM)
        async def deep(self) -> None: ...

    with pytest.raises(ConfigurationError, match="must be like 'unit/method'") as error:
        await site_of(Wrong)

    assert len(error.value.problems) == 2


# T13
async def test_endpoint_without_access_is_closed(site_of: SiteOf, tmp_path: Path) -> None:
    """The call is refused before any code of the method runs."""
    folder = tmp_path / "api" / "example"
    folder.mkdir(parents=True)
    (folder / "secret.py").write_text("async def method():\n    raise SystemExit\n")
    site = await site_of(
        bundles=(AutoloadBundle(tmp_path), SessionsBundle, SecurityBundle(NoUsers)),
        sections={"security": settings_without_users()},
    )
    async with site.client() as client:
        packet = await client.call("example/secret")

    assert packet["error"]["code"] == 401


async def test_connection_of_a_call_has_headers_and_query_of_the_handshake(
    site_of: SiteOf,
) -> None:
    class Who:
        @procedure("who/am_i", METACOM)
        async def am_i(self, request: Request, connection: Connection) -> Any:
            assert request.client is not None
            assert request.connection is connection
            return [
                connection.headers["X-Tea"],
                connection.query["key"],
                connection.site,
                request.client.host,
                request.url,
            ]

    site = await site_of(Who)
    async with site.client("/api?key=7", headers={"X-Tea": "green"}) as client:
        packet = await client.call("who/am_i")

    assert packet["result"] == ["green", "7", site.url, "127.0.0.1", "who/am_i"]


async def test_listeners_see_every_message(site_of: SiteOf) -> None:
    seen: list[Any] = []

    async def count(event: ResponseEvent) -> None:
        seen.append((event.request.transport, event.request.url, event.response.status_code))

    site = await site_of(Example, listeners=(observe(KernelEvents.KERNEL_RESPONSE)(count),))
    async with site.client() as client:
        await client.call("example/hello")
        await client.call("example/nope")
        await client.exchange("wrong")

    assert seen == [
        (METACOM, "example/hello", 200),
        (METACOM, "example/nope", 404),
        (METACOM, "", 400),
    ]
