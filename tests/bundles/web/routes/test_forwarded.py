"""Rules that forward requests, with the reverse proxy."""

import io

import pytest
from aiohttp import WSMsgType
from aiohttp.test_utils import TestServer

from tests.bundles.web.conftest import Site
from tests.bundles.web.routes.test_forwarding import FILES, rules, upstream

__all__ = ["upstream"]

pytest.importorskip("bundles.web.proxy.reverse_proxy", reason="the reverse proxy is not merged")


# T74
async def test_rule_forwards_body_and_headers_and_streams(
    site: Site, upstream: TestServer
) -> None:
    files = {**FILES, "config/routes.py": rules(upstream)}
    async with site.served(files) as session:
        async with session.post("/shop/a%20b?x=1", data=b"body") as response:
            assert await response.json() == ["POST", "/v1/a%20b?x=1", "body"]
        async with session.get("/old/c") as response:
            assert await response.json() == ["GET", "/v1/c", ""]
        async with session.get("/only") as response:
            assert await response.json() == ["GET", "/only", ""]
        async with session.head("/only") as response:
            assert response.status == 200
        async with session.get("/shop/") as response:
            assert await response.json() == ["GET", "/v1/", ""]
        async with session.post("/shop/big", data=io.BytesIO(b"x" * 900_000)) as response:
            assert len((await response.json())[2]) == 900_000
        async with session.get("/down") as response:
            assert response.status == 502
            assert (await response.json())["statusCode"] == 502


# T74
async def test_websocket_forwarded_by_a_rule_keeps_its_protocol(
    site: Site, upstream: TestServer
) -> None:
    files = {**FILES, "config/routes.py": rules(upstream)}
    async with (
        site.served(files) as session,
        session.ws_connect("/chat", protocols=["tea"]) as client,
    ):
        assert client.protocol == "tea"
        await client.send_str("hello")
        assert await client.receive_str() == "hello!"
        await client.close(code=4000)
        assert (await client.receive()).type is WSMsgType.CLOSED
