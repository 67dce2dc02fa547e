"""``client.session``, ``client.sign_in`` and ``client.sign_out``, over a real server."""

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from yarl import URL

from bundles.web.sessions.client_sessions import ClientSessions
from rxkernel import Request, RxKernelError
from tests.bundles.security.shop import token_of
from tests.bundles.web.conftest import Site
from tests.bundles.web.users import served_with_users

FILES = {
    "app/put.json/post.py": """
        async def post(client):
            client.session[client.parameters["key"]] = client.parameters["value"]
    """,
    "app/show.json/get.py": """
        async def get(client):
            user = client.user
            names = {key: value for key, value in client.session.items() if key != "web.anonymous"}
            return {"user": user and user.username, "groups": sorted(client.groups), **names}
    """,
    "app/in.json/post.py": """
        from tests.bundles.web.users import Users

        async def post(client):
            client.session["before"] = "x"
            user = await Users().load(client.parameters["name"])
            await client.sign_in(user)
            client.session["after"] = "y"
            return {"user": client.user.username, "groups": sorted(client.groups)}
    """,
    "app/out.json/post.py": """
        async def post(client):
            was = await client.sign_out()
            return {"was": was, "user": client.user, "groups": sorted(client.groups)}
    """,
    "app/change.json/post.py": """
        async def post(client):
            client.session["list"] = ["tea"]
            client.session["list"].append("private")
    """,
    "app/late.json/post.py": """
        async def post(client):
            client.session["cart"] = "private"
            await client.sign_out()
    """,
    "app/closed.json/access.py": "groups = ['admin']",
    "app/closed.json/get.py": "async def get(client): return client.user.username",
    "app/plain.json/get.py": "async def get(client): return 1",
}


@pytest.fixture
async def browser(site: Site) -> AsyncIterator[aiohttp.ClientSession]:
    async with served_with_users(site, FILES) as session:
        yield session


async def put(browser: aiohttp.ClientSession, key: str, value: str) -> None:
    async with browser.post("/put.json", json={"key": key, "value": value}) as response:
        assert response.status == 200


async def sent(browser: aiohttp.ClientSession, method: str, path: str, **data: Any) -> Any:
    async with browser.request(method, path, json=data or None) as response:
        assert response.status == 200, await response.text()
        return await response.json()


async def origin_of(browser: aiohttp.ClientSession) -> URL:
    async with browser.get("/plain.json") as response:
        return response.url.origin()


def cookie_of(browser: aiohttp.ClientSession) -> str | None:
    found = [cookie.value for cookie in browser.cookie_jar if cookie.key == "sid"]
    return found[0] if found else None


async def test_session_is_created_on_first_write(browser: aiohttp.ClientSession) -> None:
    assert await sent(browser, "GET", "/show.json") == {"user": None, "groups": []}
    assert cookie_of(browser) is None

    await put(browser, "cart", "tea")

    assert cookie_of(browser) is not None
    assert (await sent(browser, "GET", "/show.json"))["cart"] == "tea"


# T72
async def test_login_and_logout_keep_anonymous_data(
    browser: aiohttp.ClientSession,
) -> None:
    """The data stays. The id changes, since another client that knows it would be logged in
    too."""
    await put(browser, "cart", "tea")
    anonymous = cookie_of(browser)

    assert await sent(browser, "POST", "/in.json", name="root") == {
        "user": "root",
        "groups": ["admin"],
    }
    await put(browser, "secret", "of root")
    assert cookie_of(browser) not in (None, anonymous)
    assert await sent(browser, "GET", "/show.json") == {
        "user": "root",
        "groups": ["admin"],
        "cart": "tea",
        "before": "x",
        "after": "y",
        "secret": "of root",
    }
    logged_in = cookie_of(browser)

    assert await sent(browser, "POST", "/out.json") == {"was": True, "user": None, "groups": []}

    assert cookie_of(browser) not in (None, anonymous, logged_in)
    assert await sent(browser, "GET", "/show.json") == {
        "user": None,
        "groups": [],
        "cart": "tea",
        "before": "x",
    }


@pytest.mark.parametrize("moment", ["login", "logout"])
async def test_session_id_before_is_unknown_afterwards(
    browser: aiohttp.ClientSession, moment: str
) -> None:
    """Session fixation: an attacker may have set the id in the browser."""
    await put(browser, "cart", "tea")
    if moment == "logout":
        await sent(browser, "POST", "/in.json", name="ada")
    old = cookie_of(browser)
    await sent(browser, "POST", "/in.json" if moment == "login" else "/out.json", name="ada")

    async with aiohttp.ClientSession(await origin_of(browser)) as other:
        headers = {"Cookie": f"sid={old}"}
        async with other.get("/show.json", headers=headers) as response:
            assert await response.json() == {"user": None, "groups": []}


async def test_session_login_opens_directories_of_the_group(
    browser: aiohttp.ClientSession,
) -> None:
    async with browser.get("/closed.json") as response:
        assert response.status == 401
    await sent(browser, "POST", "/in.json", name="ada")
    async with browser.get("/closed.json") as response:
        assert response.status == 403
    await sent(browser, "POST", "/in.json", name="root")
    assert await sent(browser, "GET", "/closed.json") == "root"


async def test_session_login_of_other_user_removes_all_values(
    browser: aiohttp.ClientSession,
) -> None:
    await sent(browser, "POST", "/in.json", name="root")
    await put(browser, "secret", "of root")

    await sent(browser, "POST", "/in.json", name="ada")

    found = await sent(browser, "GET", "/show.json")
    assert found == {"user": "ada", "groups": [], "after": "y"}


async def test_session_second_login_of_same_user_keeps_anonymous_values(
    browser: aiohttp.ClientSession,
) -> None:
    await put(browser, "cart", "tea")
    for _ in range(2):
        await sent(browser, "POST", "/in.json", name="ada")
    await sent(browser, "POST", "/out.json")

    assert await sent(browser, "GET", "/show.json") == {
        "user": None,
        "groups": [],
        "cart": "tea",
        "before": "x",
    }


async def test_sign_out_removes_values_that_were_written_while_logged_in(
    browser: aiohttp.ClientSession,
) -> None:
    """This includes names from before the login: the next user of the browser must not see the
    values."""
    for key in ("cart", "same", "list"):
        await put(browser, key, "tea")
    await sent(browser, "POST", "/in.json", name="ada")
    await put(browser, "cart", "private")
    await put(browser, "card", "4711")
    await sent(browser, "POST", "/change.json")

    await sent(browser, "POST", "/out.json")

    guest: dict[str, Any] = {"user": None, "groups": [], "same": "tea", "before": "x"}
    assert await sent(browser, "GET", "/show.json") == guest
    found = await sent(browser, "POST", "/in.json", name="root")
    assert found == {"user": "root", "groups": ["admin"]}
    found = await sent(browser, "GET", "/show.json")
    assert found == {**guest, "user": "root", "groups": ["admin"], "after": "y"}


async def test_sign_out_removes_values_that_were_changed_in_the_same_message(
    browser: aiohttp.ClientSession,
) -> None:
    await put(browser, "cart", "tea")
    await sent(browser, "POST", "/in.json", name="ada")

    await sent(browser, "POST", "/late.json")

    found = await sent(browser, "GET", "/show.json")
    assert found == {"user": None, "groups": [], "before": "x"}


async def test_sign_out_of_guest_changes_nothing(browser: aiohttp.ClientSession) -> None:
    await put(browser, "cart", "tea")

    assert await sent(browser, "POST", "/out.json") == {"was": False, "user": None, "groups": []}
    assert (await sent(browser, "GET", "/show.json"))["cart"] == "tea"


@pytest.mark.parametrize("path", ["/in.json", "/out.json"])
async def test_login_from_page_of_other_site_is_403(
    browser: aiohttp.ClientSession, path: str
) -> None:
    await sent(browser, "POST", "/in.json", name="ada")

    headers = {"Sec-Fetch-Site": "cross-site"}
    async with browser.post(path, json={"name": "root"}, headers=headers) as response:
        assert response.status == 403
    assert (await sent(browser, "GET", "/show.json"))["user"] == "ada"


G6 = {
    "8000 letters": "sid=" + "x" * 8000,
    "200 cookies": "; ".join(f"c{number}=v" for number in range(200)),
    "bad quoting": 'sid="abc; other="\\',
    "no name": "=x; ;;; sid",
    "prefix attack": "__Host-sid=abc; sid=__Host-sid=abc",
    "twice": f"sid={'a' * 43}; sid={'b' * 43}",
    "other letters": "sid=%00%0d%0aSet-Cookie:x=y",
    "a path": "sid=../../etc/passwd",
}


# G6
@pytest.mark.parametrize("cookie", list(G6.values()), ids=list(G6))
async def test_hostile_cookie_is_ignored(browser: aiohttp.ClientSession, cookie: str) -> None:
    headers = {"Cookie": cookie}
    async with aiohttp.ClientSession(await origin_of(browser)) as other:
        async with other.get("/show.json", headers=headers) as response:
            assert response.status == 200
            assert await response.json() == {"user": None, "groups": []}
            assert "Set-Cookie" not in response.headers
        data = {"key": "a", "value": "b"}
        async with other.post("/put.json", json=data, headers=headers) as response:
            assert response.status == 200
            assert response.cookies["sid"].value not in cookie


# G6
async def test_cookie_of_8_kb_is_431(browser: aiohttp.ClientSession) -> None:
    """The server closes the connection, so that a client may not see the response."""
    async with aiohttp.ClientSession(await origin_of(browser)) as other:
        try:
            async with other.get("/show.json", headers={"Cookie": "sid=" + "x" * 9000}) as found:
                assert found.status == 431
        except aiohttp.ClientConnectionError:
            pass
    assert await sent(browser, "GET", "/show.json") == {"user": None, "groups": []}


async def test_session_is_read_for_client_with_cookie_and_token(site: Site) -> None:
    """The bundle security does not read the session of a client with an access token."""
    async with served_with_users(site, FILES) as browser:
        async with browser.post("/put.json", json={"key": "a", "value": "b"}):
            pass
        headers = {"Authorization": f"Bearer {token_of('ada')}"}
        async with browser.get("/show.json", headers=headers) as response:
            assert await response.json() == {"user": "ada", "groups": [], "a": "b"}


async def test_session_of_before_prepare_is_an_error(site: Site) -> None:
    client = await site.start({"app/get.py": "async def get(client): ..."})
    sessions = client.application.injector.get(ClientSessions)
    request = Request("HTTP", {"Cookie": "sid=" + "a" * 43})

    with pytest.raises(RxKernelError, match="prepare"):
        sessions.session_of(request)
