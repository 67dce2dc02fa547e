"""Rules that forward requests to another server."""

from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.bundles.web.conftest import Site
from tests.servers.raw_http import raw_http

FILES = {
    "app/get.py": "async def get(client): return 'root'",
    "app/shop/get.py": "async def get(client): return 'own shop'",
    "app/shop/closed/access.py": "guests = False",
}


@pytest.fixture
async def upstream() -> AsyncIterator[TestServer]:
    async def handle(request: web.Request) -> web.Response:
        return web.json_response([request.method, request.raw_path, await request.text()])

    async def talk(request: web.Request) -> web.WebSocketResponse:
        response = web.WebSocketResponse(protocols=("tea",))
        await response.prepare(request)
        async for message in response:
            await response.send_str(message.data + "!")
        return response

    application = web.Application()
    application.router.add_get("/talk", talk)
    application.router.add_route("*", "/{path:.*}", handle)
    server = TestServer(application)
    await server.start_server()
    yield server
    await server.close()


def rules(upstream: TestServer) -> str:
    return f"""
routes = [
    {{"url": "/shop/(.*)", "target": "http://127.0.0.1:{upstream.port}/v1/[1]"}},
    {{"url": "/only", "host": "127.0.0.1", "port": {upstream.port}, "methods": ["GET"]}},
    {{"url": "/old/(.*)", "rewrite": "/shop/[1]"}},
    {{"url": "/chat", "host": "127.0.0.1", "port": {upstream.port}, "rewrite": "/talk"}},
    {{"url": "/down", "target": "http://127.0.0.1:1"}},
]
"""


async def test_encoded_dots_are_not_forwarded(site: Site, upstream: TestServer) -> None:
    files = {**FILES, "config/routes.py": rules(upstream)}
    async with site.served(files), raw_http(site.application) as http:
        for path in ("..", "../a", "%2e%2e/a", "a/..%2fb", "..%5ca", ".", "a/%2E"):
            await http.send(f"GET /shop/{path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            assert (await http.answer()).status in (400, 404)


async def test_access_of_the_tree_applies_to_forwarded_paths(
    site: Site, upstream: TestServer
) -> None:
    files = {**FILES, "config/routes.py": rules(upstream)}
    async with site.served(files) as session:
        for path in ("/shop/closed/a", "/old/closed/a", "/shop/closed%2Fa", "/shop/%63losed"):
            async with session.get(path) as response:
                assert response.status == 401, path


@pytest.mark.parametrize(
    ("paths", "status"),
    [
        pytest.param(
            (
                *(
                    "/shop//closed/a",
                    "//shop/closed/a",
                    "/shop/closed;v=1/a",
                    "/shop/closed%3Bv/a",
                ),
                *("/shop;v/closed/a", "/shop/\\closed/a", "/shop\\closed\\a", "/shop/%5Cclosed"),
                *("/shop/closed./a", "/shop/closed%20/a", "/shop/;v/closed", "/shop/Closed;a"),
            ),
            {401, 404},
            id="closed",
        ),
        pytest.param(
            ("/shop/open;v=1/a", "/shop/a\\b", "/shop//x", "/shop/b./c", "/shop/own;x/a"),
            {200},
            id="open",
        ),
        pytest.param(
            ("/shop/..;/a", "/shop/..;v=1/a", "/shop/%2e%2e%3b/a", "/shop/.;/a", "/shop/..%20/a"),
            {400},
            id="dots",
        ),
        pytest.param(("/shop/own;x/closed/a",), {401}, id="own"),
    ],
)
async def test_access_applies_to_each_reading_of_the_path(
    paths: tuple[str, ...], status: set[int], site: Site, upstream: TestServer
) -> None:
    """Servlets drop what follows a semicolon in a part (RFC 3986 §3.3), IIS reads a backslash as a
    slash and drops dots and spaces at the end of a part, and nginx merges slashes."""
    rule = f"routes = [{{'url': '/(.*)', 'target': 'http://127.0.0.1:{upstream.port}/[1]'}}]"
    own = {"app/shop/own;x/closed/access.py": "guests = False"}
    files = {**FILES, **own, "config/routes.py": rule}
    async with site.served(files), raw_http(site.application) as http:
        for path in paths:
            await http.send(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            assert (await http.answer()).status in status, path


async def test_request_with_another_method_than_the_rule_is_handled_by_the_site(
    site: Site, upstream: TestServer
) -> None:
    files = {**FILES, "config/routes.py": rules(upstream)}
    async with site.served(files) as session, session.post("/only") as response:
        assert response.status == 404
