"""Sessions over real connections: both paths of HTTP, proxies, the client of npm."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from multidict import CIMultiDict

from bundles.sessions.credentials import id_of
from rxkernel import Application
from tests.bundles.sessions.conftest import SiteOf
from tests.bundles.sessions.shop import Site
from tests.clients.conftest import RunNode

MEMORY = pytest.mark.parametrize("store_name", ["memory"])
PATHS = pytest.mark.parametrize("fast_path", [True, False])


@asynccontextmanager
async def served(site: Site, **http: Any) -> AsyncIterator[tuple[Application, str]]:
    application = site.application(**http)
    await application.start()
    try:
        yield application, str(application.servers["http"].url)
    finally:
        await application.stop()


@PATHS
async def test_session_over_the_wire_is_stored_before_the_response(
    site_of: SiteOf, fast_path: bool
) -> None:
    async with (
        served(site_of(), fast_path=fast_path) as (_, url),
        aiohttp.ClientSession(url, cookie_jar=aiohttp.CookieJar(unsafe=True)) as client,
    ):
        for name in "abc":
            await client.post("/put", params={"name": name, "value": "1"})
        await client.post("/login", params={"user": "ada"})
        async with client.get("/get") as values, client.get("/about") as about:
            assert await values.json() == dict.fromkeys("abc", "1")
            assert (await about.json())[1:] == [False, "ada"]
        async with client.get("/stream") as stream:
            assert await stream.content.readexactly(1) == b"1"
        async with client.get("/get") as values:
            assert "before" in await values.json()
        await client.post("/logout")
        assert len(client.cookie_jar) == 0
        async with client.get("/get") as values:
            assert await values.json() == {}


@MEMORY
@PATHS
@pytest.mark.parametrize(
    ("proto", "proxies", "is_secure"),
    [
        ("https", ("127.0.0.1",), True),
        ("http", ("127.0.0.1",), False),
        ("https", (), False),
    ],
)
async def test_session_cookie_is_secure_behind_trusted_proxy_with_tls(
    site_of: SiteOf, fast_path: bool, proto: str, proxies: tuple[str, ...], is_secure: bool
) -> None:
    async with (
        served(site_of(), fast_path=fast_path, trusted_proxies=proxies) as (_, url),
        aiohttp.ClientSession(url) as client,
        client.post(
            "/put",
            params={"name": "a", "value": "1"},
            headers={"X-Forwarded-Proto": proto, "X-Forwarded-Host": "example.com"},
        ) as response,
    ):
        attributes = response.headers["Set-Cookie"].split("; ")[1:]

    assert sorted(attributes) == sorted(
        ["HttpOnly", "Path=/", "SameSite=Lax", *(["Secure"] if is_secure else [])]
    )


@MEMORY
@PATHS
async def test_session_cookie_in_one_of_several_headers_is_found(
    site_of: SiteOf, fast_path: bool
) -> None:
    """RFC 9113 §8.2.3: a client of HTTP/2 may send a header for each cookie."""
    async with (
        served(site_of(), fast_path=fast_path) as (_, url),
        aiohttp.ClientSession(url, cookie_jar=aiohttp.DummyCookieJar()) as client,
    ):

        async def user(*cookies: str) -> object:
            headers = CIMultiDict([("Cookie", cookie) for cookie in cookies])
            async with client.get("/about", headers=headers) as response:
                return (await response.json())[2]

        async with client.post("/login", params={"user": "ada"}) as response:
            sid = response.headers["Set-Cookie"].partition(";")[0]

        assert await user("a=1") is None
        assert await user("a=1", sid) == "ada"
        assert await user(sid, "a=1") == "ada"
        assert await user(f"a=1; {sid}") == "ada"
        assert await user(sid) == await user(sid) == "ada"


@MEMORY
async def test_session_address_above_limit_is_429(site_of: SiteOf) -> None:
    site = site_of(max_per_address=2)
    async with (
        served(site, trusted_proxies=("127.0.0.1",)) as (_, url),
        aiohttp.ClientSession(url, cookie_jar=aiohttp.DummyCookieJar()) as client,
    ):

        async def status(address: str) -> int:
            params = {"name": "a", "value": "1"}
            headers = {"X-Forwarded-For": address}
            async with client.post("/put", params=params, headers=headers) as response:
                return response.status

        v4 = [await status("192.0.2.1") for _ in range(3)]
        v6 = [await status(f"2001:db8:1:2::{n}") for n in range(3)]
        others = [await status("192.0.2.2"), await status("2001:db8:1:3::1")]

    assert v4 == v6 == [200, 200, 429]
    assert others == [200, 200]


@MEMORY
@pytest.mark.node
@pytest.mark.parametrize("transport", ["websocket", "polling"])
async def test_session_of_socket_io_client_lasts_until_logout(
    site_of: SiteOf, run_node: RunNode, transport: str
) -> None:
    site = site_of()
    async with served(site) as (_, url):
        report = await run_node("sessions.mjs", url, transport)

    assert report == {
        "user": "ada",
        "values": {"tea": "3"},
        "reason": "io server disconnect",
        "bye": "bye",
        "after": {},
    }
    assert site.ended.reasons == ["destroyed", "destroyed"]


@MEMORY
async def test_session_secret_is_in_no_log(
    site_of: SiteOf, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    async with (
        served(site_of()) as (_, url),
        aiohttp.ClientSession(url, cookie_jar=aiohttp.CookieJar(unsafe=True)) as client,
    ):
        await client.post("/login", params={"user": "ada"})
        await client.post("/fail")
        (cookie,) = client.cookie_jar

    assert cookie.value not in caplog.text
    assert id_of(cookie.value) is not None
