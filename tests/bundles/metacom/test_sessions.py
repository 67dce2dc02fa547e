"""Sessions of clients of Metacom, by the token that an endpoint returns."""

import asyncio
from pathlib import Path
from textwrap import dedent
from typing import Any

import aiohttp
import pytest

from bundles.autoload import AutoloadBundle
from tests.bundles.autoload.sign_in import BUNDLES, FILES, SECURITY
from tests.bundles.metacom.conftest import RawClient, Site, SiteOf


@pytest.fixture
async def site(site_of: SiteOf, tmp_path: Path) -> Site:
    for key, content in FILES.items():
        path = tmp_path / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(content))
    served: Site = await site_of(
        bundles=(AutoloadBundle(tmp_path), *BUNDLES), sections={"security": SECURITY}
    )
    return served


async def call(client: RawClient, method: str, **args: Any) -> Any:
    """Return the result, or the code of the error."""
    packet = await client.call(method, args)
    return packet["result"] if "error" not in packet else packet["error"]["code"]


async def test_t36_calls_after_sign_in_see_the_session_and_its_state(site: Site) -> None:
    async with site.client() as client, site.client() as stranger:
        assert await call(client, "counter/add") == 401
        token = await call(client, "auth/sign_in", name="ada")
        assert len(token) == 43
        assert [await call(client, "counter/add") for _ in range(2)] == [1, 2]
        assert await call(stranger, "counter/add") == 401


async def test_t37_token_restored_on_a_second_connection_gives_the_same_state(site: Site) -> None:
    async with site.client() as first:
        token = await call(first, "auth/sign_in", name="ada")
        assert await call(first, "counter/add") == 1
        async with site.client("/api") as second:
            assert await call(second, "auth/restore", token="unknown") is False
            assert await call(second, "auth/restore", token=token[:-1] + "=") is False
            assert await call(second, "counter/add") == 401
            assert await call(second, "auth/restore", token=token) is True
            assert await call(second, "counter/add") == 2
        assert await call(first, "counter/add") == 3


async def test_t37_session_survives_a_reconnect(site: Site) -> None:
    async with site.client() as first:
        token = await call(first, "auth/sign_in", name="ada")
        assert await call(first, "counter/add") == 1
    async with site.client() as second:
        assert await call(second, "auth/restore", token=token) is True
        assert await call(second, "counter/add") == 2


async def test_t38_sign_out_ends_the_session_for_all_that_share_it(site: Site) -> None:
    """The connection that signs out stays open, and can sign in again."""
    async with site.client() as first, site.client() as second, site.client() as third:
        token = await call(first, "auth/sign_in", name="ada")
        assert await call(second, "auth/restore", token=token) is True
        closed = asyncio.create_task(second.closed())
        assert await call(first, "auth/sign_out") is None

        assert await closed == 1000
        assert await call(first, "counter/add") == 401
        assert await call(third, "auth/restore", token=token) is False
        await call(first, "auth/sign_in", name="ada")
        assert await call(first, "counter/add") == 1


async def test_session_of_a_user_gives_the_connection_its_identity(site: Site) -> None:
    async with site.client() as first, site.client() as second:
        token = await call(first, "auth/log_in", name="ada")
        assert await call(first, "counter/who") == ["ada", "ada"]
        assert await call(second, "counter/who") == 401
        assert await call(second, "auth/restore", token=token) is True
        assert await call(second, "counter/who") == ["ada", "ada"]
        assert await call(second, "auth/log_in", name="eve") == 409
        await call(second, "auth/sign_out")
        assert await call(second, "counter/who") == 401
        await call(second, "auth/log_in", name="eve")
        assert await call(second, "counter/who") == ["eve", "eve"]


async def test_t39_sign_in_over_http_sets_the_cookie_of_later_requests(site: Site) -> None:
    """Also of the handshake of a WebSocket."""
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as browser:

        async def post(method: str, **body: Any) -> Any:
            url = f"{site.url}/api/{method}"
            async with browser.post(url, json=body) as response:
                text = await response.text()
                return text if response.ok else response.status

        assert await post("counter/add") == 401
        token = await post("auth/sign_in", name="ada")
        (cookie,) = browser.cookie_jar
        assert (cookie.key, cookie.value) == ("sid", token)
        assert (cookie["httponly"], cookie["samesite"]) == (True, "Lax")
        assert await post("counter/add") == "1"

        async with browser.ws_connect(site.url) as websocket:
            assert await call(RawClient(websocket), "counter/add") == 2
        async with site.client() as client:
            assert await call(client, "auth/restore", token=token) is True
            assert await call(client, "counter/add") == 3
        assert await post("auth/sign_out") == ""
        assert not list(browser.cookie_jar)
        assert await post("counter/add") == 401
