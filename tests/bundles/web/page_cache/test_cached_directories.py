"""``client.cache`` in handler directories."""

import asyncio
from typing import Any

import aiohttp
import pytest

from bundles.clock import Clock
from bundles.web import PageCache
from rxkernel import KernelClient
from tests.bundles.security.shop import token_of
from tests.bundles.web.conftest import Site
from tests.bundles.web.page_cache.pages import MovedClock
from tests.bundles.web.users import served_with_users
from tests.waiting import until

COUNTED = """
    from bundles.autoload import lib

    async def get(client):
        client.cache("10m")
        lib.count.runs.append(client.query)
        return len(lib.count.runs)
    """

FILES = {"lib/count.py": "runs = []", "app/x.json/get.py": COUNTED}


async def contents(client: KernelClient, count: int, name: str, **options: Any) -> list[Any]:
    return [(await client.http(name, **options)).content for _ in range(count)]


async def test_cache_sends_the_page_without_the_handlers(site: Site) -> None:
    client = await site.start(FILES)

    assert await contents(client, 3, "GET /x.json") == [b"1"] * 3
    assert await contents(client, 2, "GET /x.json", params={"a": "1"}) == [b"2"] * 2


async def test_cache_in_stage_of_parent_is_for_the_whole_tree(site: Site) -> None:
    client = await site.start(
        {
            **FILES,
            "app/request.py": "async def request(client): client.cache(60)",
            "app/x.json/get.py": COUNTED.replace('client.cache("10m")', "pass"),
            "app/x.json/post.py": COUNTED.replace('client.cache("10m")', "pass").replace(
                "get(", "post("
            ),
        }
    )

    assert await contents(client, 2, "GET /x.json") == [b"1"] * 2
    assert await contents(client, 2, "POST /x.json") == [b"2", b"3"]


async def test_cache_called_twice_uses_the_later_lifetime(site: Site) -> None:
    client = await site.start(
        {
            **FILES,
            "app/end.py": "async def end(client): client.cache(client.query.get('s', '1s'))",
        }
    )

    await contents(client, 1, "GET /x.json", params={"s": "0s"})

    assert await contents(client, 2, "GET /x.json", params={"s": "0s"}) == [b"2", b"3"]
    assert await contents(client, 2, "GET /x.json") == [b"4"] * 2


async def test_cached_page_past_its_lifetime_is_computed_again(site: Site) -> None:
    clock = MovedClock()
    await site.start(FILES)
    await site.application.stop()
    client = KernelClient(site.application, overrides={Clock: clock})

    assert await contents(client, 2, "GET /x.json") == [b"1"] * 2
    clock.time += 600
    assert await contents(client, 2, "GET /x.json") == [b"2"] * 2
    await client.close()


async def test_cache_invalid_lifetime_is_500(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    """It is not 422, since the client sent nothing invalid."""
    client = await site.start(
        {**FILES, "app/x.json/get.py": COUNTED.replace('"10m"', '"10 minutes"')}
    )

    assert (await client.http("GET /x.json")).status_code == 500
    assert "client.cache('10 minutes'): write a number of seconds" in caplog.text


async def test_cache_reload_removes_the_pages(site: Site) -> None:
    client = await site.start(FILES)
    assert await contents(client, 2, "GET /x.json") == [b"1"] * 2

    await site.change({"lib/count.py": "runs = [5, 6]"})

    assert await contents(client, 2, "GET /x.json") == [b"3"] * 2


async def test_cache_after_error_keeps_nothing(site: Site) -> None:
    client = await site.start(
        {
            **FILES,
            "app/x.json/get.py": COUNTED.replace("return", "client.error(404, 'x')\n        #"),
        }
    )

    assert (await client.http("GET /x.json")).status_code == 404
    assert (await client.http("GET /x.json")).status_code == 404
    assert len(site.application.injector.get(PageCache)) == 0


async def test_cache_page_with_cookie_is_not_kept(site: Site) -> None:
    client = await site.start(
        {
            **FILES,
            "app/x.json/get.py": """
                from bundles.autoload import lib
                from rxkernel import Response

                async def get(client):
                    client.cache(60)
                    lib.count.runs.append(1)
                    response = Response(len(lib.count.runs))
                    response.set_cookie("a", "b")
                    return response
                """,
        }
    )

    assert await contents(client, 2, "GET /x.json") == [1, 2]


async def test_cache_session_that_is_created_is_not_kept(site: Site) -> None:
    """Its cookie is added after the handlers have ended."""
    client = await site.start(
        {
            **FILES,
            "app/x.json/get.py": """
                from bundles.autoload import lib
                from bundles.sessions import CurrentSession

                async def get(client, session: CurrentSession):
                    client.cache(60)
                    lib.count.runs.append(1)
                    session["count"] = session.get("count", 0) + 1
                    return session["count"]
                """,
        }
    )

    first, second = KernelClient(site.application), KernelClient(site.application)

    assert await contents(first, 1, "GET /x.json") == [b"1"]
    assert await contents(second, 1, "GET /x.json") == [b"1"]
    assert first.cookies.sent_to("/") != second.cookies.sent_to("/")
    assert len(site.application.injector.get(PageCache)) == 0
    assert client is not first


async def test_cache_page_of_a_session_is_for_that_session(site: Site) -> None:
    await site.start(
        {
            **FILES,
            "app/set.json/get.py": """
                from bundles.sessions import CurrentSession

                async def get(client, session: CurrentSession):
                    session["name"] = client.query["name"]
                """,
            "app/x.json/get.py": """
                from bundles.sessions import CurrentSession

                async def get(client, session: CurrentSession):
                    client.cache(60)
                    return session.get("name")
                """,
        }
    )
    clients = [KernelClient(site.application) for _ in range(3)]
    for client, name in zip(clients, ("a", "b"), strict=False):
        await client.http("GET /set.json", params={"name": name})

    for _ in range(2):
        found = [(await client.http("GET /x.json")).content for client in clients]
        assert found == [b'"a"', b'"b"', b"null"]
    assert len(site.application.injector.get(PageCache)) == 3


async def test_cache_size_0_keeps_nothing(site: Site) -> None:
    async with site.served(FILES, options={"web.page_cache_size": 0}) as session:
        assert [await number(session) for _ in range(2)] == [1, 2]


async def number(session: aiohttp.ClientSession, url: str = "/x.json") -> Any:
    async with session.get(url) as response:
        assert response.status == 200
        return await response.json()


def module_of(site: Site) -> Any:
    return site.snapshot.files["lib/count.py"].module


GATED = """
    from bundles.autoload import lib

    async def get(client):
        client.cache("10m")
        lib.count.runs.append(1)
        await lib.count.gate.wait()
        client.headers["X-Run"] = "1"
        return len(lib.count.runs)
    """


async def test_cache_over_http_concurrent_requests_share_one_run(site: Site) -> None:
    files = {
        "lib/count.py": "import asyncio\n\nruns = []\ngate = asyncio.Event()\n",
        "app/x.json/get.py": GATED,
    }
    async with site.served(files) as session:
        count = module_of(site)
        requests = [asyncio.create_task(number(session)) for _ in range(20)]
        await until(lambda: count.runs)
        count.gate.set()

        assert {await request for request in requests} == {1}
        async with session.get("/x.json") as response:
            assert (await response.json(), response.headers["X-Run"]) == (1, "1")


async def test_cache_over_http_next_request_runs_if_the_first_client_disconnects(
    site: Site,
) -> None:
    files = {
        "lib/count.py": "import asyncio\n\nruns = []\ngate = asyncio.Event()\n",
        "app/x.json/get.py": GATED,
    }
    async with site.served(files) as session:
        count = module_of(site)
        first = asyncio.create_task(number(session))
        await until(lambda: count.runs)
        second = asyncio.create_task(number(session))
        first.cancel()
        count.gate.set()

        assert await second in (1, 2)


async def test_cache_request_with_body_neither_keeps_nor_gets_a_page(site: Site) -> None:
    """The fields of the body are parameters, so the page would belong to another request."""
    files = {
        "app/x.json/get.py": """
            async def get(client):
                client.cache("10m")
                return client.parameters.get("q")
            """
    }
    async with site.served(files) as session:
        for _ in range(2):
            async with session.get("/x.json", json={"q": "evil"}) as response:
                first = await response.json()
            async with session.get("/x.json", data={"q": "form"}) as response:
                second = await response.json()

            assert (first, second, await number(session)) == ("evil", "form", None)


async def test_cache_page_depends_on_the_cookies_in_vary(site: Site) -> None:
    files = {
        "app/x.json/get.py": """
            async def get(client):
                client.cache("10m")
                client.headers["Vary"] = "Cookie"
                return client.request.cookies.get("theme")
            """
    }
    async with site.served(files) as session:
        for theme in ("dark", "light", "dark", "light"):
            async with session.get("/x.json", cookies={"theme": theme}) as response:
                assert await response.json() == theme


async def test_cache_conditional_request_of_page_is_304(site: Site) -> None:
    files = {
        "app/x.json/get.py": """
            from rxkernel import Response

            async def get(client):
                client.cache(60)
                response = Response([1])
                response.set_etag()
                return response
            """
    }
    async with site.served(files) as session:
        async with session.get("/x.json") as response:
            tag = response.headers["ETag"]
        async with session.get("/x.json", headers={"If-None-Match": tag}) as response:
            assert response.status == 304


SESSION_PAGES = {
    "app/in.json/post.py": """
        from tests.bundles.web.users import Users

        async def post(client):
            await client.sign_in(await Users().load("ada"))
        """,
    "app/put.json/post.py": """
        async def post(client):
            client.session["card"] = client.parameters["card"]
        """,
    "app/x.json/get.py": """
        async def get(client):
            client.cache(60)
            return client.session.get("card")
        """,
}


@pytest.mark.parametrize("is_logged_in", [False, True], ids=["guest", "user"])
@pytest.mark.parametrize("is_basic", [False, True], ids=["no basic", "basic"])
@pytest.mark.parametrize(
    "sent",
    [
        ("Bearer expired",),
        ("Bearer a.b.c", "Bearer a.b.d"),
        ("Basic YTpi",),
        ("Basic",),
        ("Unknown x",),
        (f"Bearer {token_of('root')}",),
    ],
    ids=["expired", "two", "basic", "empty", "unknown", "other user"],
)
async def test_cache_page_with_a_session_and_another_credential_is_not_for_others(
    site: Site, sent: tuple[str, ...], is_basic: bool, is_logged_in: bool
) -> None:
    """A handler may read the session of a cookie although the request has another credential."""
    headers = [("Authorization", value) for value in sent]
    async with served_with_users(site, SESSION_PAGES, **{"security.basic": is_basic}) as owner:
        async with owner.get("/x.json") as response:
            origin = response.url.origin()
        if is_logged_in:
            async with owner.post("/in.json"):
                pass
        async with owner.post("/put.json", json={"card": "4711"}) as response:
            assert response.status == 200
        for _ in range(2):
            async with owner.get("/x.json", headers=headers) as response:
                assert await response.json() == "4711" or response.status == 401

        async with aiohttp.ClientSession(origin) as guest:
            assert await number(guest) is None
            async with guest.get("/x.json", headers=headers) as response:
                assert await response.json() is None or response.status == 401


async def test_cache_page_of_a_session_is_not_sent_after_its_end(site: Site) -> None:
    """Then a copy of the cookie is invalid, even with another credential."""
    files = {**SESSION_PAGES, "app/out.json/post.py": "async def post(c): await c.sign_out()"}
    headers = {"Authorization": "Bearer expired"}
    async with served_with_users(site, files) as owner:
        async with owner.post("/in.json") as response:
            copied = {"Cookie": f"sid={response.cookies['sid'].value}"}
            origin = response.url.origin()
        async with owner.post("/put.json", json={"card": "4711"}):
            pass
        for each in ({}, headers):
            async with owner.get("/x.json", headers=each) as response:
                assert await response.json() == "4711"
        async with owner.post("/out.json"):
            pass

        async with aiohttp.ClientSession(origin) as other:
            for each in (copied, {**copied, **headers}):
                async with other.get("/x.json", headers=each) as response:
                    assert await response.json() is None
