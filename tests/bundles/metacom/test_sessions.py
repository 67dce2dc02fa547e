"""Sessions by the token that an endpoint returns, over WebSocket and HTTP."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from textwrap import dedent
from typing import Any

import aiohttp
import pytest

from bundles.autoload import AutoloadBundle
from tests.bundles.autoload.sign_in import BUNDLES, FILES, SECURITY
from tests.bundles.metacom.conftest import RawClient, Site, SiteOf

TRANSPORTS = pytest.mark.parametrize("transport", ["ws", "http"])

SIGN_OUT = """
    import asyncio

    from bundles.autoload import Context

    access = "public"
    _released = asyncio.Event()

    async def slow(context: Context) -> None:
        context.session
        await context.client.emit("sign_out/begun")
        await _released.wait()
        await context.end_session()

    async def add(context: Context) -> None:
        context.session["cart"] = "of a stranger"
        await context.client.emit("sign_out/begun")
        await _released.wait()

    async def release() -> None:
        _released.set()

    async def show(context: Context) -> dict[str, object]:
        return dict(context.session)
    """
"""Methods that wait for another call of the connection."""


@pytest.fixture
async def site(site_of: SiteOf, tmp_path: Path) -> Site:
    for key, content in {**FILES, "api/sign_out.py": SIGN_OUT}.items():
        path = tmp_path / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(content))
    served: Site = await site_of(
        bundles=(AutoloadBundle(tmp_path), *BUNDLES), sections={"security": SECURITY}
    )
    return served


class Browser:
    """A client that keeps cookies and sends each call with POST."""

    def __init__(self, url: str, session: aiohttp.ClientSession) -> None:
        self._url = url
        self.session = session

    @property
    def cookies(self) -> dict[str, str]:
        return {cookie.key: cookie.value for cookie in self.session.cookie_jar}

    async def call(self, method: str, args: Any) -> Any:
        packet = {"type": "call", "id": 1, "method": method, "args": args}
        async with self.session.post(f"{self._url}/api", json=packet) as response:
            return await response.json()


@asynccontextmanager
async def browser_of(site: Site) -> AsyncIterator[Browser]:
    jar = aiohttp.CookieJar(unsafe=True)  # of an IP address too
    async with aiohttp.ClientSession(cookie_jar=jar) as session:
        yield Browser(site.url, session)


def client_of(site: Site, transport: str) -> Any:
    return site.client() if transport == "ws" else browser_of(site)


async def call(client: RawClient | Browser, method: str, **args: Any) -> Any:
    """Return the result, or the code of the error."""
    packet = await client.call(method, args)
    return packet["result"] if "error" not in packet else packet["error"]["code"]


# T36
@TRANSPORTS
async def test_calls_after_sign_in_see_the_session_and_its_state(
    site: Site, transport: str
) -> None:
    async with client_of(site, transport) as client, client_of(site, transport) as stranger:
        assert await call(client, "counter/add") == 401
        token = await call(client, "auth/sign_in", name="ada")
        assert len(token) == 43
        assert [await call(client, "counter/add") for _ in range(2)] == [1, 2]
        assert await call(stranger, "counter/add") == 401


# T37
@TRANSPORTS
@pytest.mark.parametrize("other", ["ws", "http"])
async def test_token_restored_by_a_second_client_gives_the_same_state(
    site: Site, transport: str, other: str
) -> None:
    async with client_of(site, transport) as first:
        token = await call(first, "auth/sign_in", name="ada")
        assert await call(first, "counter/add") == 1
        async with client_of(site, other) as second:
            assert await call(second, "auth/restore", token="unknown") is False
            assert await call(second, "auth/restore", token=token[:-1] + "=") is False
            assert await call(second, "counter/add") == 401
            assert await call(second, "auth/restore", token=token) is True
            assert await call(second, "counter/add") == 2
        assert await call(first, "counter/add") == 3


# T37
async def test_session_survives_a_reconnect(site: Site) -> None:
    async with site.client() as first:
        token = await call(first, "auth/sign_in", name="ada")
        assert await call(first, "counter/add") == 1
    async with site.client() as second:
        assert await call(second, "auth/restore", token=token) is True
        assert await call(second, "counter/add") == 2


# T38
@TRANSPORTS
async def test_sign_out_ends_the_session_for_all_that_share_it(site: Site, transport: str) -> None:
    """The connection that signs out stays open, and can sign in again."""
    async with (
        client_of(site, transport) as first,
        site.client() as second,
        browser_of(site) as third,
        client_of(site, transport) as fourth,
    ):
        token = await call(first, "auth/sign_in", name="ada")
        assert await call(second, "auth/restore", token=token) is True
        assert await call(third, "auth/restore", token=token) is True
        closed = asyncio.create_task(second.closed())
        assert await call(first, "auth/sign_out") is None

        assert await closed == 1000
        assert await call(first, "counter/add") == 401
        assert await call(third, "counter/add") == 401
        assert await call(fourth, "auth/restore", token=token) is False
        await call(first, "auth/sign_in", name="ada")
        assert await call(first, "counter/add") == 1


@TRANSPORTS
async def test_session_of_a_user_gives_the_client_its_identity(site: Site, transport: str) -> None:
    async with client_of(site, transport) as first, client_of(site, transport) as second:
        token = await call(first, "auth/log_in", name="ada")
        assert await call(first, "counter/who") == ["ada", "ada"]
        assert await call(second, "counter/who") == 401
        assert await call(second, "auth/restore", token=token) is True
        assert await call(second, "counter/who") == ["ada", "ada"]
        await call(second, "auth/sign_out")
        assert await call(second, "counter/who") == 401
        await call(second, "auth/log_in", name="eve")
        assert await call(second, "counter/who") == ["eve", "eve"]


async def test_sign_out_that_began_before_a_sign_in_ends_its_session_and_identity(
    site: Site,
) -> None:
    async with site.client() as client, site.client() as other:
        await client.send({"type": "call", "id": 9, "method": "sign_out/slow"})
        assert (await client.receive())["name"] == "sign_out/begun"
        token = await call(client, "auth/log_in", name="ada")
        assert await call(client, "counter/who") == ["ada", "ada"]
        await client.send({"type": "call", "id": 8, "method": "sign_out/release"})
        packets = [await client.receive() for _ in range(2)]

        assert all(packet["result"] is None for packet in packets)
        assert await call(client, "sign_out/show") == {}
        assert await call(client, "counter/who") == 401
        assert await call(other, "auth/restore", token=token) is False


async def test_call_that_began_before_restore_does_not_write_into_that_session(
    site: Site,
) -> None:
    async with site.client() as client, site.client() as eve:
        token = await call(eve, "auth/log_in", name="eve")
        await client.send({"type": "call", "id": 9, "method": "sign_out/add"})
        assert (await client.receive())["name"] == "sign_out/begun"
        assert await call(client, "auth/restore", token=token) is True
        await client.send({"type": "call", "id": 8, "method": "sign_out/release"})
        packets = {packet["id"]: packet for packet in [await client.receive() for _ in range(2)]}

        assert packets[9]["error"]["code"] == 401
        assert await call(eve, "sign_out/show") == {"name": "eve", "count": 0}
        assert await call(client, "counter/who") == ["eve", "eve"]


async def test_session_of_another_user_on_a_connection_is_409(site: Site) -> None:
    async with site.client() as client:
        await call(client, "auth/log_in", name="ada")
        assert await call(client, "auth/log_in", name="eve") == 409
        assert await call(client, "counter/who") == ["ada", "ada"]


# T39
async def test_sign_in_over_http_sets_the_cookie_of_later_requests(site: Site) -> None:
    """This includes the REST routes, and the handshake of a WebSocket."""
    async with browser_of(site) as browser, site.client() as client:
        token = await call(browser, "auth/sign_in", name="ada")
        assert browser.cookies == {"sid": token}
        (cookie,) = browser.session.cookie_jar
        assert (cookie["httponly"], cookie["samesite"]) == (True, "Lax")
        assert await call(browser, "counter/add") == 1

        url = f"{site.url}/api/counter/add"
        async with browser.session.post(url, json={}) as response:
            assert await response.json(content_type=None) == 2
        async with browser.session.ws_connect(site.url) as websocket:
            assert await call(RawClient(websocket), "counter/add") == 3
        assert await call(client, "auth/restore", token=token) is True
        assert await call(client, "counter/add") == 4

        closed = asyncio.create_task(client.closed())
        assert await call(browser, "auth/sign_out") is None
        assert browser.cookies == {}
        assert await closed == 1000
        assert await call(browser, "counter/add") == 401


# T39
async def test_sign_in_of_another_site_over_http_is_403(site: Site) -> None:
    """The other site could make its visitors use a session of its choice."""
    async with browser_of(site) as browser:
        browser.session.headers.update({"Sec-Fetch-Site": "cross-site", "Origin": "https://evil"})
        assert await call(browser, "auth/sign_in", name="ada") == 403
        assert browser.cookies == {}
