"""Calls of the Python client over HTTP."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest
from aiohttp import web

from bundles.metacom.client import Metacom, MetacomError
from tests.bundles.metacom.client.conftest import serve
from tests.bundles.metacom.client.units import Chat
from tests.bundles.metacom.conftest import SiteOf
from tests.bundles.metacom.example import Example

Respond = Callable[[web.Request], Awaitable[web.StreamResponse]]


@pytest.fixture
async def answering() -> AsyncIterator[Callable[[Respond], Awaitable[str]]]:
    """Serve POST requests for ``/api``."""
    async with AsyncExitStack() as stack:

        async def start(respond: Respond) -> str:
            application = web.Application()
            application.router.add_post("/api", respond)
            return f"http://127.0.0.1:{await serve(stack, application)}/api"

        yield start


Answering = Callable[[Respond], Awaitable[str]]


# T02
async def test_method_called_over_http_returns_or_raises(site_of: SiteOf) -> None:
    site = await site_of(Example, Chat)
    async with Metacom(f"{site.url}/api") as client:
        await client.load("example", "chat.1")

        assert await client.api.example.add(a=1, b=2) == 3
        assert await client["chat.1"].send(text="hello") == 1
        with pytest.raises(MetacomError) as error:
            await client.call("example/add", {"a": 1, "b": "2"})
        assert error.value.code == 422
        with pytest.raises(TimeoutError, match=r"no response to 'example/wait' within 0\.05 s"):
            await client.call("example/wait", {"milliseconds": 60_000}, timeout=0.05)


async def test_cookies_of_server_are_sent_back(answering: Answering) -> None:
    async def respond(request: web.Request) -> web.Response:
        call = await request.json()
        packet = {"type": "callback", "id": call["id"], "result": request.cookies.get("token")}
        response = web.json_response(packet)
        if call["method"] == "auth/signIn":
            response.set_cookie("token", "secret")
        return response

    client = Metacom(await answering(respond), timeout=20)
    client.on_connect(lambda: client.call("auth/signIn"))
    async with client:
        assert await client.call("auth/me") == "secret"


@pytest.mark.parametrize(
    ("response", "problem"),
    [
        (lambda: web.Response(status=502, text="<h1>Bad Gateway</h1>"), "status 502 is not a"),
        (lambda: web.json_response([]), "status 200 is not a packet"),
        (lambda: web.json_response({"result": 5}), "its type is not 'callback'"),
        (lambda: web.json_response({"type": "callback", "id": 99}), "belongs to another call"),
        (lambda: web.Response(body=b"x" * 5_000_000), "more than max_size=4194304 bytes"),
        (lambda: web.Response(status=307, headers={"Location": "/other"}), "status 307"),
    ],
)
async def test_response_that_is_not_a_callback_raises(
    answering: Answering, response: Callable[[], web.Response], problem: str
) -> None:
    async def respond(request: web.Request) -> web.Response:
        return response()

    async with Metacom(await answering(respond), timeout=20) as client:
        with pytest.raises(ConnectionError, match=problem):
            await client.call("a/b")


async def test_error_without_id_is_raised(answering: Answering) -> None:
    """Both dialects send such a packet for a call that the server cannot read."""
    packets: list[Any] = [
        {"type": "callback", "error": {"code": 500, "message": "Internal Server Error"}},
        {"type": "callback", "id": "", "error": {"code": 400, "message": "Bad Request"}},
    ]

    async def respond(request: web.Request) -> web.Response:
        return web.Response(text=json.dumps(packets.pop(0)), content_type="text/html", status=500)

    async with Metacom(await answering(respond), timeout=20) as client:
        for code in (500, 400):
            with pytest.raises(MetacomError) as error:
                await client.call("a/b")
            assert error.value.code == code


async def test_request_that_breaks_raises(answering: Answering) -> None:
    requests = 0

    async def respond(request: web.Request) -> web.Response:
        nonlocal requests
        requests += 1
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    async with Metacom(await answering(respond), timeout=20) as client:
        with pytest.raises(ConnectionError, match="the request for 'a/b' failed"):
            await client.call("a/b")
    assert requests == 1


async def test_client_over_http_rejects_events_and_streams() -> None:
    async with Metacom("http://127.0.0.1:9/api") as client:
        with pytest.raises(RuntimeError, match="need a WebSocket"):
            client.on("a/b", print)
        with pytest.raises(RuntimeError, match="need a WebSocket"):
            await client.upload("a", b"1")
        with pytest.raises(RuntimeError, match="need a WebSocket"):
            client.download(-1)
