"""Rules and identities on the wire: both paths of HTTP, and the real clients of Socket.IO."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from rxkernel import Application, HttpSettings, LoggingSettings
from tests.bundles.security.shop import Articles, application_of, bearer, token_of


@asynccontextmanager
async def served(*, is_fast: bool = True, **http: Any) -> AsyncIterator[tuple[Application, str]]:
    settings = HttpSettings(port=0, max_connections=2000, fast_path=is_fast, **http)
    application = application_of(http=settings, logging=LoggingSettings(access=True))
    await application.start()
    try:
        yield application, str(application.servers["http"].url)
    finally:
        await application.stop()


@pytest.mark.parametrize("is_fast", [True, False])
async def test_rules_are_enforced_on_both_paths_of_http(
    is_fast: bool, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    async with (
        served(is_fast=is_fast) as (application, url),
        aiohttp.ClientSession(url) as session,
    ):

        async def send(method: str, path: str, **given: Any) -> tuple[int, Any]:
            async with session.request(method, path, **given) as response:
                return response.status, response.headers.get("WWW-Authenticate")

        ada, root = bearer("ada"), bearer("root")
        assert await send("GET", "/articles/x") == (200, None)
        assert await send("GET", "/articles/x", headers={"Authorization": "Bearer y"}) == (
            200,
            None,
        )
        assert await send("GET", "/articles") == (401, "Bearer")
        assert (await send("GET", "/articles", headers=ada))[0] == 200
        assert (await send("DELETE", "/articles/x", headers=ada))[0] == 403
        assert (await send("DELETE", "/articles/x", headers=root))[0] == 204
        expired = bearer("ada", -3600)
        assert await send("GET", "/articles", headers=expired) == (
            401,
            'Bearer error="invalid_token"',
        )
        large = {"Authorization": f"Bearer {'x' * 8200}"}
        assert (await send("GET", "/articles", headers=large))[0] in (401, 431)
        # the body of a refused upload is not read, and an invalid one does not hide the 401
        upload = {"data": b"{" * 100_000, "headers": {"Content-Type": "application/json"}}
        assert (await send("POST", "/articles", **upload))[0] == 401
        assert application.injector.get(Articles).ran == ["delete"]
    for token in (ada, root, expired):
        assert token["Authorization"].split()[1] not in caplog.text


# E11
async def test_preflight_of_protected_route_needs_no_credential() -> None:
    """The origin is echoed as it is in the list; browsers send no credential."""
    origin = "https://partner.example"
    async with (
        served(origins=(origin,), allow_credentials=True) as (_, url),
        aiohttp.ClientSession(url) as session,
    ):
        for sent, allowed in ((origin, origin), ("null", None), ("https://evil.example", None)):
            headers = {
                "Origin": sent,
                "Access-Control-Request-Method": "DELETE",
                "Access-Control-Request-Headers": "authorization, x-wild, <script>",
            }
            async with session.options("/articles/x", headers=headers) as response:
                assert response.status == (204 if allowed else 403)
                assert response.headers.get("Access-Control-Allow-Origin") == allowed
                assert "Origin" in response.headers["Vary"]
        headers = {"Origin": origin}
        async with session.delete("/articles/x", headers=headers) as response:
            assert response.status == 401
            assert response.headers["Access-Control-Allow-Origin"] == origin


@pytest.mark.node
@pytest.mark.parametrize("transport", ["websocket", "polling"])
async def test_socket_io_client_follows_its_credential(node: Path, transport: str) -> None:
    script = Path(__file__).with_name("sockets.mjs")
    async with served() as (_, url):
        tokens = (token_of("ada"), token_of("eve", 8), token_of("root"))
        process = await asyncio.create_subprocess_exec(
            node, script, url, transport, *tokens, stdout=asyncio.subprocess.PIPE
        )
        async with asyncio.timeout(40):
            out, _ = await process.communicate()
    assert json.loads(out) == {
        "refused": ["Invalid credentials", 401],
        "anonymous": 401,
        "login": 204,
        "authenticated": "root",
        "listed": "ada",
        "forbidden": 403,
        "told": {"reason": "expired"},
        "gone": "io server disconnect",
    }
