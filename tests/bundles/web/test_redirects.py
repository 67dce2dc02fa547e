"""``client.redirect`` to another host: a listed host, an address that a visitor sent, or a
mistake."""

import pytest
from yarl import URL

from tests.bundles.web.conftest import Site

TARGET = "https://accounts.example.com/x"

REDIRECT = "async def get(client): client.redirect(%s)"
POST = "async def post(client): client.redirect(%s)"


async def test_redirect_to_a_listed_host_is_sent(site: Site) -> None:
    hosts = "hosts=['accounts.example.com']"
    client = await site.start({"app/a.json/get.py": REDIRECT % f"'{TARGET}', 303, {hosts}"})

    response = await client.http("GET /a.json")

    assert (response.status_code, response.headers["Location"]) == (303, TARGET)


@pytest.mark.parametrize("query", ["", "?user=ada&x=/x"])
async def test_redirect_that_the_programmer_wrote_is_logged_and_500(
    site: Site, caplog: pytest.LogCaptureFixture, query: str
) -> None:
    files = {"app/a.json/get.py": REDIRECT % f"'{TARGET}'"}
    async with site.served(files) as session, session.get(f"/a.json{query}") as response:
        assert response.status == 500
        assert "accounts" not in await response.text()
    assert "leads to another host, accounts.example.com" in caplog.text
    assert "write client.redirect(url, hosts=['www.example.org'])" in caplog.text


@pytest.mark.parametrize(
    ("argument", "query"),
    [
        ("client.query['to']", "?to=//evil.com"),
        ("client.query['to']", "?to=https:%2F%2FEVIL.com/a"),
        ("client.query['to']", "?to=%2F%5Cevil.com"),
        ("'https://' + client.query['to']", "?to=evil.com"),
        ("'https://' + client.query['to'] + '.com/'", "?to=evil"),
        ("client.query['to'][1]", "?to=/&to=//evil.com"),
        ("client.request.headers['Referer']", ""),
        ("'https://[' + client.query['to']", "?to=::1"),
    ],
)
async def test_redirect_that_a_visitor_sent_is_400_without_advice_for_programmers(
    site: Site, caplog: pytest.LogCaptureFixture, argument: str, query: str
) -> None:
    files = {"app/a.json/get.py": REDIRECT % argument}
    headers = {"Referer": "https://evil.com/page"}
    url = f"/a.json{query}"
    async with site.served(files) as session, session.get(url, headers=headers) as response:
        text = await response.text()
    assert response.status == 400, text
    assert "the target of the redirect is not a page of this site" in text
    assert "hosts" not in text
    assert "Traceback" not in caplog.text


async def test_redirect_from_a_field_of_json_is_400(site: Site) -> None:
    files = {"app/a.json/post.py": POST % "client.fields['to']['url']"}
    sent = {"to": {"url": "//evil.com", "n": 1}}
    async with site.served(files) as session, session.post("/a.json", json=sent) as response:
        assert response.status == 400


# B12
@pytest.mark.parametrize(
    "target",
    [
        "//evil.com",
        "https:evil.com",
        "\\\\evil.com",
        "/\\evil.com",
        "%2f%2fevil.com",
        "/\t/evil.com",
    ],
    ids=["slashes", "scheme", "backslashes", "slash-backslash", "encoded", "tab"],
)
async def test_redirect_that_a_browser_takes_for_another_site_is_400(
    site: Site, target: str
) -> None:
    files = {"app/a.json/get.py": REDIRECT % "client.query['to']"}
    async with (
        site.served(files) as session,
        session.get("/a.json", params={"to": target}, allow_redirects=False) as response,
    ):
        assert response.status == 400


# B12
async def test_redirect_to_another_listed_host_is_sent_and_to_one_below_it_is_not(
    site: Site,
) -> None:
    hosts = "hosts=['example.com']"
    files = {"app/a.json/get.py": REDIRECT % f"client.query['to'], 303, {hosts}"}
    async with site.served(files) as session:
        for target, status in (
            ("https://example.com/", 303),
            ("https://example.com.evil.com/", 400),
            ("https://example.com@evil.com/", 400),
        ):
            query = {"to": target}
            async with session.get("/a.json", params=query, allow_redirects=False) as response:
                assert response.status == status, target


async def test_redirect_to_a_path_has_the_prefix_once(site: Site) -> None:
    locations = {
        "/b/?c=/d": "/shop/b/?c=/d",
        "/": "/shop/",
        "/shopping/": "/shop/shopping/",
        "/shop/b/": "/shop/b/",
        "/shop?a=1": "/shop?a=1",
        "b/": "b/",
        "?a=1": "?a=1",
    }
    files = {"app/a.json/get.py": REDIRECT % "client.query['to']"}
    async with site.served(files, options={"http.prefix": "/shop"}) as session:

        async def found(target: str) -> tuple[int, str]:
            url = URL("/shop/a.json").with_query(to=target)
            async with session.get(url, allow_redirects=False) as response:
                return response.status, response.headers.get("Location", "")

        for target, location in locations.items():
            assert await found(target) == (302, location)
        for target in ("//evil.example", "/\\evil.example", "/\n", "/\x00"):
            assert await found(target) == (400, "")
