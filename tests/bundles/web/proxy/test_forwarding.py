"""Requests that a rule forwards to another server."""

import asyncio
import gzip
import json
from collections.abc import AsyncIterator
from io import BytesIO
from typing import Any

import pytest
from aiohttp import web
from multidict import CIMultiDict

from tests.bundles.web.conftest import Site
from tests.bundles.web.proxy.conftest import (
    forwarded_to,
    forwarded_to_bytes,
    settled,
    upstream,
)
from tests.servers.raw_http import raw_http

MEGABYTE = 1 << 20


async def echo(native: web.Request) -> web.Response:
    """Respond with the received request."""
    body = await native.read()
    return web.json_response(
        {
            "method": native.method,
            "target": native.raw_path,
            "headers": [[name.lower(), value] for name, value in native.headers.items()],
            "body": body.decode("latin-1"),
        },
        status=207,
        headers={"X-Method": native.method, "X-Target": native.raw_path},
    )


def headers_of(received: Any) -> CIMultiDict[str]:
    return CIMultiDict((name, value) for name, value in received["headers"])


# T74
async def test_proxy_route_forwards_method_target_headers_and_body(site: Site) -> None:
    """The proxy of 2015 sent neither headers nor a body."""
    async with forwarded_to(site, echo) as session:
        sent = {"X-Own": "1", "Cookie": "a=b", "Authorization": "Bearer t", "Content-Type": "a/b"}
        async with session.post("/there/a%2Fb?c=%20d", data=b"text", headers=sent) as response:
            received = await response.json()
            assert response.status == 207

    assert received["method"] == "POST"
    assert received["target"] == "/a%2Fb?c=%20d"
    assert received["body"] == "text"
    headers = headers_of(received)
    assert {name: headers[name] for name in sent} == sent
    assert headers["Content-Length"] == "4"
    assert headers["Host"].startswith("127.0.0.1:")


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD"])
async def test_every_method_is_forwarded(site: Site, method: str) -> None:
    async with (
        forwarded_to(site, echo) as session,
        session.request(method, "/there/x") as response,
    ):
        assert response.status == 207
        assert response.headers["X-Method"] == method


# T74
async def test_response_is_streamed(site: Site) -> None:
    """The second piece is sent after the first one has arrived."""
    arrived = asyncio.Event()

    async def stream(native: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"X-Own": "1"})
        await response.prepare(native)
        await response.write(b"one")
        await arrived.wait()
        await response.write(b"two")
        return response

    async with forwarded_to(site, stream) as session, session.get("/there/") as response:
        assert response.headers["X-Own"] == "1"
        assert await response.content.readany() == b"one"
        arrived.set()
        assert await response.content.read() == b"two"


async def test_request_body_is_streamed(site: Site) -> None:
    """The second piece is sent after the other server has received the first one."""
    arrived = asyncio.Event()

    async def receive(native: web.Request) -> web.Response:
        first = await native.content.readany()
        arrived.set()
        return web.Response(body=first + b"," + await native.content.read())

    async def pieces() -> AsyncIterator[bytes]:
        yield b"one"
        await arrived.wait()
        yield b"two"

    async with (
        forwarded_to(site, receive) as session,
        session.post("/there/", data=pieces()) as response,
    ):
        assert await response.read() == b"one,two"


async def test_large_bodies_pass_both_ways(site: Site) -> None:
    async def mirror(native: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(native)
        async for piece in native.content.iter_any():
            await response.write(piece)
        return response

    data = bytes(range(256)) * (10 * MEGABYTE // 256)
    async with (
        forwarded_to(site, mirror) as session,
        session.put("/there/", data=BytesIO(data)) as response,
    ):
        assert await response.read() == data


async def test_hop_by_hop_fields_are_removed_both_ways(site: Site) -> None:
    """RFC 9110 §7.6.1: this includes the fields that Connection names."""
    answer = (
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: X-Secret, close\r\nX-Secret: 1\r\n"
        b"Keep-Alive: timeout=5\r\nProxy-Authenticate: Basic\r\nTrailer: X\r\nX-Kept: 1\r\n\r\nok"
    )
    async with forwarded_to_bytes(site, answer) as session, session.get("/there/") as response:
        assert await response.read() == b"ok"
        assert response.headers["X-Kept"] == "1"
        for name in ("X-Secret", "Keep-Alive", "Proxy-Authenticate", "Trailer"):
            assert name not in response.headers

    async with forwarded_to(site, echo), raw_http(site.application) as raw:
        await raw.send(
            b"GET /there/ HTTP/1.1\r\nHost: a\r\nConnection: close, X-Hop\r\nX-Hop: 1\r\n"
            b"TE: trailers\r\nProxy-Authorization: x\r\nKeep-Alive: 1\r\nX-Kept: 1\r\n\r\n"
        )
        headers = headers_of((await raw.answer()).json)
    assert headers["X-Kept"] == "1"
    assert not {"X-Hop", "TE", "Proxy-Authorization", "Keep-Alive"} & {
        name.title() for name in headers
    }
    assert headers.get("Connection", "keep-alive") == "keep-alive"


async def test_connection_cannot_remove_the_coding_of_a_body(site: Site) -> None:
    """The server has decompressed the body. With the length of the compressed body, the other
    server would read the rest as another request."""
    text = b"x" * 1000
    coded = gzip.compress(text)
    async with forwarded_to(site, echo), raw_http(site.application) as raw:
        await raw.send(
            b"POST /there/ HTTP/1.1\r\nHost: a\r\nConnection: Content-Encoding, close\r\n"
            b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(coded) + coded
        )
        response = (await raw.answer()).json
    assert response["body"] == text.decode()
    assert "Content-Length" not in headers_of(response)


@pytest.mark.parametrize("other", ["short", "much longer than it was"])
async def test_body_of_another_length_than_promised_is_error(site: Site, other: str) -> None:
    async with upstream(echo) as origin:
        files = {
            "app/get.py": "async def get(client): return 'root'",
            "app/send/post.py": f"""
from bundles.web import ReverseProxy

async def pieces():
    yield {other.encode()!r}

async def post(client, proxy: ReverseProxy):
    return await proxy.upstream({origin!r}).forward(client.request, "/", pieces())
""",
        }
        async with (
            site.served(files) as session,
            session.post("/send/", data=b"x" * 10) as response,
        ):
            assert response.status == 500


async def test_forwarded_fields_of_a_client_are_replaced(site: Site) -> None:
    lies = {
        "X-Forwarded-For": "10.0.0.1",
        "X_Forwarded_For": "10.0.0.1",
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Host": "evil.example",
        "X-Real-IP": "10.0.0.1",
        "Forwarded": "for=10.0.0.1",
        "Host": "site.example",
    }
    async with (
        forwarded_to(site, echo) as session,
        session.get("/there/", headers=lies) as response,
    ):
        headers = headers_of(await response.json())

    assert headers.getall("X-Forwarded-For") == ["127.0.0.1"]
    assert headers.getall("X-Forwarded-Proto") == ["http"]
    assert headers.getall("X-Forwarded-Host") == ["site.example"]
    assert headers.getall("Forwarded") == ['for=127.0.0.1;host="site.example";proto=http']
    assert "X-Real-IP" not in headers
    assert "X_Forwarded_For" not in headers


async def test_client_of_a_trusted_proxy_is_forwarded(site: Site) -> None:
    sent = {"X-Forwarded-For": "2001:db8::1", "X-Forwarded-Proto": "https"}
    trusted = ["127.0.0.1"]
    async with (
        forwarded_to(site, echo, http__trusted_proxies=trusted) as session,
        session.get("/there/", headers={**sent, "Host": "a.example"}) as response,
    ):
        headers = headers_of(await response.json())

    assert headers["X-Forwarded-For"] == "2001:db8::1"
    assert headers["X-Forwarded-Proto"] == "https"
    assert headers["Forwarded"] == 'for="[2001:db8::1]";host="a.example";proto=https'


async def test_via_is_added_both_ways(site: Site) -> None:
    async def respond(native: web.Request) -> web.Response:
        return web.Response(text=native.headers["Via"], headers={"Via": "1.0 there"})

    async with (
        forwarded_to(site, respond) as session,
        session.get("/there/", headers={"Via": "1.1 before"}) as response,
    ):
        assert (await response.text()).startswith("1.1 before, 1.1 rxkernel-")
        assert response.headers["Via"].startswith("1.0 there, 1.1 rxkernel-")


async def test_several_cookies_are_kept(site: Site) -> None:
    async def respond(native: web.Request) -> web.Response:
        headers = CIMultiDict([("Set-Cookie", "a=1"), ("Set-Cookie", "b=2; HttpOnly")])
        return web.Response(headers=headers)

    async with forwarded_to(site, respond) as session, session.get("/there/") as response:
        assert response.headers.getall("Set-Cookie") == ["a=1", "b=2; HttpOnly"]


async def test_redirect_is_passed_to_the_client(site: Site) -> None:
    async def respond(native: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": "http://elsewhere.example/x"})

    async with (
        forwarded_to(site, respond) as session,
        session.get("/there/", allow_redirects=False) as response,
    ):
        assert response.status == 302
        assert response.headers["Location"] == "http://elsewhere.example/x"


async def test_compressed_response_is_passed_as_it_is(site: Site) -> None:
    data = gzip.compress(b"text" * 100_000)

    async def respond(native: web.Request) -> web.Response:
        return web.Response(body=data, headers={"Content-Encoding": "gzip"})

    async with (
        forwarded_to(site, respond) as session,
        session.get("/there/", auto_decompress=False) as response,
    ):
        assert await response.read() == data


async def test_compressed_request_is_forwarded_decompressed(site: Site) -> None:
    """The server has decompressed it, with the limits of the route."""
    async with forwarded_to(site, echo) as session:
        headers = {"Content-Encoding": "gzip"}
        data = gzip.compress(b"text")
        async with session.post("/there/", data=data, headers=headers) as response:
            received = await response.json()

    assert received["body"] == "text"
    assert "Content-Encoding" not in headers_of(received)


@pytest.mark.parametrize("status", [204, 304])
async def test_response_without_content_is_forwarded_without_content(
    site: Site, status: int
) -> None:
    async def respond(native: web.Request) -> web.Response:
        return web.Response(status=status, headers={"ETag": '"a"', "X-Own": "1"})

    async with forwarded_to(site, respond) as session:
        async with session.get("/there/") as response:
            assert response.status == status
            assert (response.headers["ETag"], response.headers["X-Own"]) == ('"a"', "1")
            assert await response.read() == b""
        async with session.get("/there/") as response:
            assert response.status == status


async def test_head_has_the_length_of_get_and_no_body(site: Site) -> None:
    async def respond(native: web.Request) -> web.Response:
        return web.Response(body=b"x" * 1234)

    async with forwarded_to(site, respond) as session:
        async with session.head("/there/") as response:
            assert response.headers["Content-Length"] == "1234"
            assert await response.read() == b""
        async with session.get("/there/") as response:
            assert await response.read() == b"x" * 1234


async def test_expect_continue_gets_the_body(site: Site) -> None:
    async with (
        forwarded_to(site, echo) as session,
        session.post("/there/", data=b"x" * 1000, expect100=True) as response,
    ):
        received = await response.json()

    assert len(received["body"]) == 1000
    assert "Expect" not in headers_of(received)


async def test_host_of_the_client_is_kept_on_request(site: Site) -> None:
    files = {
        "app/get.py": """
from bundles.web import ReverseProxy

async def get(client):
    proxy = await client.request.get(ReverseProxy)
    there = proxy.upstream(client.parameters['origin'], keep_host=True)
    return await there.forward(client.request, '/x')
""",
    }
    async with upstream(echo) as origin, site.served(files) as session:
        own = {"Host": "site.example"}
        async with session.get("/", params={"origin": origin}, headers=own) as response:
            assert headers_of(await response.json())["Host"] == "site.example"


async def test_json_of_the_other_server_is_passed_unchanged(site: Site) -> None:
    async def respond(native: web.Request) -> web.Response:
        return web.json_response({"a": [1, 2]}, headers={"X-Empty": ""})

    async with (
        forwarded_to(site, respond) as session,
        session.get("/there/", headers={"Accept": "application/msgpack"}) as response,
    ):
        assert json.loads(await response.text()) == {"a": [1, 2]}
        assert response.content_type == "application/json"


async def test_event_stream_is_passed_at_once(site: Site) -> None:
    arrived = asyncio.Event()

    async def stream(native: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(native)
        await response.write(b"data: 1\n\n")
        await arrived.wait()
        await response.write(b"id: 2\ndata: 2\n\n")
        return response

    async with forwarded_to(site, stream) as session, session.get("/there/") as response:
        assert response.content_type == "text/event-stream"
        assert await response.content.readany() == b"data: 1\n\n"
        arrived.set()
        assert await response.content.read() == b"id: 2\ndata: 2\n\n"


async def test_latin_1_in_a_header_becomes_utf_8(site: Site) -> None:
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX-Name: caf\xe9\r\nX-Ok: \xc3\xa9\r\n\r\n"
    async with forwarded_to_bytes(site, answer) as session, session.get("/there/") as response:
        assert (response.headers["X-Name"], response.headers["X-Ok"]) == ("café", "é")


async def test_connection_is_used_again(site: Site) -> None:
    peers: set[Any] = set()

    async def respond(native: web.Request) -> web.Response:
        assert native.transport is not None
        peers.add(native.transport.get_extra_info("peername"))
        return web.Response(text="ok")

    async with forwarded_to(site, respond) as session:
        for _ in range(5):
            async with session.get("/there/") as response:
                assert await response.text() == "ok"
    assert len(peers) == 1


async def test_client_that_does_not_read_stops_the_other_server(site: Site) -> None:
    """The memory is bounded, since the body is not read faster than the client reads."""
    sent = 0

    async def send(native: web.Request) -> web.StreamResponse:
        nonlocal sent
        response = web.StreamResponse()
        await response.prepare(native)
        while sent < 2_000:
            await response.write(bytes(65_536))
            sent += 1
        return response

    async with forwarded_to(site, send) as session, session.get("/there/") as response:
        assert await asyncio.wait_for(settled(lambda: sent), 20) < 500
        size = 0
        async for piece in response.content.iter_any():
            size += len(piece)
        assert size == 2_000 * 65_536


async def test_request_id_is_forwarded(site: Site) -> None:
    async with (
        forwarded_to(site, echo) as session,
        session.get("/there/", headers={"X-Request-Id": "abc-1"}) as response,
    ):
        assert headers_of(await response.json())["X-Request-Id"] == "abc-1"
