"""Hostile packets of a client do no harm; each gets one response."""

import json
from typing import Any

import pytest
from aiohttp import WSMsgType

from bundles.metacom import METACOM
from rxkernel import procedure
from tests.bundles.metacom.conftest import RawClient, SiteOf
from tests.bundles.metacom.example import Example

BAD_REQUEST = 400


async def assert_lives(client: RawClient) -> None:
    """Check that *client* is served, and that nothing else was sent to it."""
    await client.send({"type": "call", "id": 77, "method": "example/hello"})
    assert (await client.receive())["id"] == 77


# T31
@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "{ }",
        "{",
        "not json",
        "null",
        "0",
        '"x"',
        "[]",
        '[{"type":"call","id":1,"method":"example/hello"}]',
        "NaN",
        '{"id":1e999}',
        '{"type":"call","id":' + "9" * 5000 + "}",
        '{"type":"call","args":' + "[" * 1000 + "]" * 1000 + "}",
        '{"call":1,"example/hello":{}}',
        '{"type":"call"}',
        '{"type":"stream","name":"x","size":1}',
        '{"type":"call","method":"example/hello"}',
        '{"type":"call","id":0,"method":"example/hello"}',
        '{"type":"call","id":-0.0,"method":"example/hello"}',
        '{"type":"call","id":"","method":"example/hello"}',
        '{"type":"call","id":null,"method":"example/hello"}',
        '{"type":"call","id":true,"method":"example/hello"}',
        '{"type":"call","id":[1],"method":"example/hello"}',
        '{"type":"call","id":{"a":1},"method":"example/hello"}',
        '{"type":"event","name":"example/message","data":{}}',
        '{"type":"call","id":"\\ud800","method":"example/hello"}',
    ],
)
async def test_packet_without_usable_id_gets_one_error(site_of: SiteOf, text: str) -> None:
    site = await site_of(Example)
    async with site.client() as client:
        packet = json.loads(await client.exchange(text))

        assert packet["type"] == "callback"
        assert "id" not in packet
        assert packet["error"]["code"] == BAD_REQUEST
        await assert_lives(client)


# T31
@pytest.mark.parametrize("id", [1, -1, 1.5, 2**60, 10**30, "x", "x" * 1000, "\x00é\u2028"])
@pytest.mark.parametrize(
    "packet",
    [
        {"type": "call"},
        {"type": "call", "method": None},
        {"type": "call", "method": ""},
        {"type": "call", "method": 1},
        {"type": "call", "method": ["example", "hello"]},
        {"type": "call", "method": {"a": 1}},
        {"type": "unknown", "method": "example/hello"},
        {"type": None, "method": "example/hello"},
        {"type": ["call"], "method": "example/hello"},
        {"method": "example/hello"},
        {"type": "call", "method": "example/hello", "args": 1},
        {"type": "call", "method": "example/hello", "args": "x"},
        {"type": "call", "method": "example/hello", "args": True},
    ],
)
async def test_wrong_packet_with_id_gets_error_with_that_id(
    site_of: SiteOf, packet: dict[str, Any], id: Any
) -> None:
    site = await site_of(Example)
    async with site.client() as client:
        await client.send({**packet, "id": id})
        received = await client.receive()

        assert received["id"] == id
        assert type(received["id"]) is type(id)
        assert received["error"]["code"] == BAD_REQUEST
        await assert_lives(client)


# T12, T32, F1
@pytest.mark.parametrize(
    "method",
    [
        "__proto__/x",
        "constructor/name",
        "toString/x",
        "example/constructor",
        "example/__class__",
        "example/__init__",
        "__class__",
        "__init__.__globals__",
        "_private",
        "mro",
        "a.b.c.d",
        "example",
        "example/",
        "/hello",
        "/",
        "//",
        "example/hello/extra",
        "example.2/hello",
        "example.x/hello",
        "example.-1/hello",
        "example.1.1/hello",
        "example.01/hello",
        "example.\uff11/hello",
        "example./hello",
        "example.*.*/hello",
        ".*/hello",
        "example/nope",
        "\uff45xample/hello",
        "example/hello ",
        "Example/hello",
        "example\u0000/hello",
        "e" * 10_000,
    ],
)
async def test_unknown_or_hostile_name_gets_404(site_of: SiteOf, method: str) -> None:
    """Metarhia does not respond to names such as ``__proto__/x``."""
    site = await site_of(Example)
    async with site.client() as client:
        packet = await client.call(method)

        assert packet == {
            "type": "callback",
            "id": 1,
            "error": {"message": "Not Found", "code": 404},
        }
        await assert_lives(client)


# T17
async def test_null_arguments_get_error_with_id(site_of: SiteOf) -> None:
    site = await site_of(Example)
    async with site.client() as client:
        call = '{"type":"call","id":5,"method":"example/add","args":null}'
        packet = json.loads(await client.exchange(call))

        assert packet["id"] == 5
        assert packet["error"]["code"] == BAD_REQUEST
        await assert_lives(client)


# F2
@pytest.mark.parametrize(
    "args",
    [
        {},
        [],
        [1, 2],
        {"a": 1},
        {"a": 1, "b": 2, "c": 3},
        {"a": 1, "b": 2, "self": 1},
        {"a": 1, "b": 2, "__proto__": {}},
        {"a": None, "b": None},
        {"a": [1], "b": {}},
        {f"k{n}": n for n in range(10_000)},
    ],
)
async def test_wrong_arguments_get_validation_error(site_of: SiteOf, args: Any) -> None:
    site = await site_of(Example)
    async with site.client() as client:
        await client.send({"type": "call", "id": 3, "method": "example/add", "args": args})
        packet = await client.receive()

        assert packet["id"] == 3
        assert packet["error"]["code"] == 422
        assert packet["error"]["errors"]
        await assert_lives(client)


# T16
async def test_extra_field_is_named(site_of: SiteOf) -> None:
    site = await site_of(Example)
    async with site.client() as client:
        packet = await client.call("example/add", {"a": 1, "b": 2, "c": 3})

        assert [error["path"] for error in packet["error"]["errors"]] == ["body.c"]


# F3
async def test_id_that_is_used_twice_gets_a_callback_each(site_of: SiteOf) -> None:
    site = await site_of(Example)
    async with site.client() as client:
        for value in (1, 2):
            call = {"type": "call", "id": 9, "method": "example/echo", "args": {"v": value}}
            await client.send(call)
        packets = [await client.receive(), await client.receive()]

        assert [packet["id"] for packet in packets] == [9, 9]
        assert [packet["result"]["v"] for packet in packets] == [1, 2]


class Broken:
    @procedure("broken/result", METACOM)
    async def result(self) -> Any:
        return {"x": object()}

    @procedure("broken/text", METACOM)
    async def text(self) -> str:
        return "\ud800"

    @procedure("broken/exit", METACOM)
    async def exit(self) -> None:
        raise SystemExit("no")

    @procedure("broken/group", METACOM)
    async def group(self) -> None:
        raise ExceptionGroup("several", [RuntimeError("the secret")])


@pytest.mark.parametrize("method", ["result", "text", "exit", "group"])
async def test_method_that_breaks_gets_error_500_without_its_text(
    site_of: SiteOf, method: str, caplog: pytest.LogCaptureFixture
) -> None:
    site = await site_of(Example, Broken)
    async with site.client() as client:
        packet = await client.call(f"broken/{method}")

        assert packet["id"] == 1
        assert packet["error"]["code"] == 500
        assert packet["error"]["message"] == "Internal Server Error"
        await assert_lives(client)
    assert caplog.records


async def test_chunk_of_unknown_stream_gets_error(site_of: SiteOf) -> None:
    site = await site_of(Example)
    async with site.client() as client:
        for chunk in (b"", b"\0", b"\0\0\0\7hello", b"\xff" * 300):
            await client.send(chunk)
            assert (await client.receive())["error"]["code"] == BAD_REQUEST
        await assert_lives(client)


async def test_invalid_packet_with_text_id_does_not_change_the_dialect(site_of: SiteOf) -> None:
    site = await site_of(Example)
    async with site.client() as client:
        await client.send({"type": "call", "id": "x", "method": None})
        assert (await client.receive())["error"]["code"] == BAD_REQUEST
        assert await client.exchange("{}") == "{}"


async def test_text_that_is_not_utf8_closes_the_websocket(site_of: SiteOf) -> None:
    site = await site_of(Example)
    async with site.client() as client:
        await client.websocket.send_frame(b"\xff\xfe", WSMsgType.TEXT)

        assert await client.closed() == 1007


async def test_message_above_max_size_closes_with_1009(site_of: SiteOf) -> None:
    site = await site_of(Example, max_size=1000)
    async with site.client() as client:
        await client.send("x" * 1001)

        assert await client.closed() == 1009
