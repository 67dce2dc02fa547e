"""Rules that rewrite the paths of requests."""

import json
from typing import Any

import aiohttp
import pytest

from bundles.web import Route, WebBundle
from rxkernel import ConfigurationError, KernelEvents, RequestEvent
from tests.bundles.web.conftest import Site
from tests.servers.raw_http import raw_http

RULES = """
routes = [
    {"url": "/news/(.*)", "rewrite": "/articles/[1]"},
    {"url": "/(en|uk)/page", "rewrite": "/page.json?language=[1]"},
    {"url": "/user/([^/]+)/photo", "rewrite": "/photo.json?name=[1]&size=2"},
    {"url": "/put", "rewrite": "/page.json", "methods": ["POST"]},
    {"url": "/a", "rewrite": "/b"},
    {"url": "/b", "rewrite": "/page.json"},
    {"url": "/x/(.*)", "rewrite": "/y/[1]"},
    {"url": "/y/(a|b)", "rewrite": "/x/[1]"},
    {"url": "/feed", "rewrite": "/feed.sse"},
    {"url": "/chat", "rewrite": "/talk.ws"},
    {"url": "/logo", "rewrite": "/logo.svg"},
    {"url": "/closed", "rewrite": "/members/"},
    {"url": "/missing", "rewrite": "/nothing"},
    {"url": "/стаття", "rewrite": "/page.json"},
]
"""

FILES = {
    "config/routes.py": RULES,
    "app/get.py": "async def get(client): return 'root'",
    "app/page.json/get.py": """
async def get(client):
    return [client.request.url, client.request.path, client.parameters]
""",
    "app/page.json/post.py": "async def post(client): return client.fields",
    "app/photo.json/get.py": "async def get(client): return client.parameters",
    "app/articles/access.py": "virtual = True",
    "app/articles/get.py": "async def get(client): return f'article {client.path}'",
    "app/feed.sse/get.py": "async def get(client): client.subscribe('news')",
    "app/talk.ws/get.py": """
async def get(client):
    await client.websocket.accept()
    async for message in client.websocket:
        await client.websocket.send(message + '!')
""",
    "app/logo.svg": "<svg/>",
    "app/members/access.py": "guests = False",
    "app/members/get.py": "async def get(client): return 'secret'",
    "app/secret/access.py": "http = False",
    "app/secret/a.txt": "secret",
}


async def body(session: aiohttp.ClientSession, path: str, **sent: Any) -> Any:
    async with session.get(path, **sent) as response:
        assert response.status == 200, (path, response.status)
        return await response.text()


# T74
async def test_target_of_a_rule_handles_the_request(site: Site) -> None:
    async with site.served(FILES) as session:
        assert await body(session, "/news/2015/first") == "article 2015/first"
        assert json.loads(await body(session, "/uk/page?a=1")) == [
            "/page.json?language=uk&a=1",
            "/page.json",
            {"language": "uk", "a": "1"},
        ]
        assert json.loads(await body(session, "/user/ann/photo")) == {"name": "ann", "size": "2"}
        assert json.loads(await body(session, "/a?q=1")) == [
            "/page.json?q=1",
            "/page.json",
            {"q": "1"},
        ]
        assert await body(session, "/logo") == "<svg/>"
        assert json.loads(await body(session, "/стаття"))[0] == "/page.json"
        async with session.head("/a") as response:
            assert response.status == 200
        async with session.post("/put", json={"x": 1}) as response:
            assert await response.json() == {"x": 1}
        async with session.get("/put") as response:
            assert response.status == 404
        async with session.get("/news/2015/", allow_redirects=False) as response:
            assert response.status == 200


# T74
async def test_loop_is_508_with_the_error_of_the_kernel(site: Site) -> None:
    async with site.served(FILES) as session:
        async with session.get("/x/a") as response:
            assert response.status == 508
            assert await response.json() == {"statusCode": 508, "message": "Loop Detected"}
        async with session.get("/x/c") as response:
            assert response.status == 404


async def test_rewritten_request_has_access_404_and_405_of_its_target(site: Site) -> None:
    async with site.served(FILES) as session:
        async with session.get("/closed") as response:
            assert response.status == 401
        async with session.get("/missing") as response:
            assert response.status == 404
        async with session.put("/a") as response:
            assert (response.status, response.headers["Allow"]) == (
                405,
                "GET, HEAD, OPTIONS, POST",
            )
        preflight = {"Origin": "https://other.example", "Access-Control-Request-Method": "POST"}
        async with session.options("/put", headers=preflight) as response:
            assert response.status == 403


async def test_streams_and_websockets_are_rewritten(site: Site) -> None:
    async with site.served(FILES) as session:
        async with session.get("/feed") as response:
            assert response.content_type == "text/event-stream"
        async with session.ws_connect("/chat") as client:
            await client.send_str("hello")
            assert await client.receive_str() == "hello!"


@pytest.mark.parametrize(
    "path",
    ["..%2fsecret%2fa.txt", "../secret/a.txt", "%2e%2e/secret/a.txt", "..%5csecret%5ca.txt"],
)
async def test_encoded_dots_reach_the_same_files_as_a_direct_request(
    site: Site, path: str
) -> None:
    routes = 'routes = [{"url": "/open/(.*)", "rewrite": "/public/[1]"}]'
    files = {**FILES, "config/routes.py": routes, "app/public/b.txt": "open"}
    async with site.served(files), raw_http(site.application) as http:
        found = []
        for folder in ("open", "public"):
            await http.send(f"GET /{folder}/{path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            found.append(await http.answer())

    assert found[0].status == found[1].status
    assert b"secret" not in found[0].body


async def test_client_of_tests_and_listeners_see_rewritten_requests(site: Site) -> None:
    client = await site.start(FILES)
    seen: list[Any] = []

    async def listen(event: RequestEvent) -> None:
        request = event.request
        seen.append((request.url, request.route_name, request.attributes.get("sent_url")))

    client.dispatcher.add_listener(KernelEvents.KERNEL_REQUEST, listen)

    response = await client.http("GET /news/2015", params={"page": 2})

    assert response.content == "article 2015"
    assert seen == [
        ("/articles/2015?page=2", "GET /articles/{web_path:path}", "/news/2015?page=2")
    ]
    assert (await client.http("GET /x/b")).status_code == 508
    assert (await client.http("POST /put", body={"x": 1})).content == b'{"x":1}'
    with pytest.raises(KeyError, match="GET /unknown"):
        await client.http("GET /unknown")


async def test_rules_of_code_precede_rules_of_the_file(site: Site) -> None:
    web = WebBundle(routes=[Route("/news/old", rewrite="/page.json"), Route("/0", "/a")])
    client = await site.start(FILES, bundles=[web])

    assert json.loads((await client.http("GET /news/old")).content)[0] == "/page.json"
    assert (await client.http("GET /news/new")).content == "article new"
    assert (await client.http("GET /0")).status_code == 200


async def test_rules_of_toml_are_read(site: Site) -> None:
    text = '[[routes]]\nurl = "/a"\nrewrite = "/page.json"\n'
    files = {key: text for key, text in FILES.items() if key != "config/routes.py"}
    client = await site.start({**files, "config/routes.toml": text})

    assert (await client.http("GET /a")).status_code == 200


async def test_rules_are_below_the_prefix(site: Site) -> None:
    async with site.served(FILES, options={"http.prefix": "/site"}) as session:
        assert await body(session, "/site/news/1") == "article 1"
        assert json.loads(await body(session, "/site/a"))[0] == "/site/page.json"
        for path in ("/news/1", "/sitenews/1"):
            async with session.get(path) as response:
                assert response.status == 404


async def test_rule_without_a_target_handles_the_path_itself(site: Site) -> None:
    routes = """
routes = [
    {"url": "/page.json"},
    {"url": "/photo.json"},
    {"url": "/(.*)", "rewrite": "/photo.json?name=[1]"},
]
"""
    async with site.served({**FILES, "config/routes.py": routes}) as session:
        assert json.loads(await body(session, "/page.json"))[0] == "/page.json"
        assert json.loads(await body(session, "/other/%26?x=1")) == {"name": "other/&", "x": "1"}


async def test_changed_rules_are_used_after_a_reload_and_wrong_ones_are_not(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    def rules(target: str) -> str:
        return f'routes = [{{"url": "/go", "rewrite": "{target}"}}]'

    async with site.served({**FILES, "config/routes.py": rules("/page.json")}) as session:
        assert json.loads(await body(session, "/go"))[0] == "/page.json"

        await site.change({"config/routes.py": rules("/photo.json")})
        assert json.loads(await body(session, "/go")) == {}

        with pytest.raises(ConfigurationError, match="must begin with /"):
            await site.change({"config/routes.py": rules("photo.json")})
        assert json.loads(await body(session, "/go")) == {}

        await site.change({}, remove=("config/routes.py",))
        async with session.get("/go") as response:
            assert response.status == 404


async def test_rewriting_to_a_target_that_is_too_long_is_414(site: Site) -> None:
    routes = 'routes = [{"url": "/(.*)/twice", "rewrite": "/[1]/[1]/[1]/[1]"}]'
    async with (
        site.served({**FILES, "config/routes.py": routes}) as session,
        session.get("/" + "x" * 3000 + "/twice") as response,
    ):
        assert response.status == 414


async def test_malformed_path_is_400_with_a_rule_for_all(site: Site) -> None:
    routes = 'routes = [{"url": "/page.json"}, {"url": "/(.*)", "rewrite": "/page.json"}]'
    files = {**FILES, "config/routes.py": routes}
    async with site.served(files), raw_http(site.application) as http:
        for path in ("/a%zz", "/a%ff", "/a%00"):
            await http.send(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            assert (await http.answer()).status == 400


async def test_absolute_target_and_one_with_a_fragment_are_rewritten(site: Site) -> None:
    async with site.served(FILES), raw_http(site.application) as http:
        for target in ("http://x/news/1?a=1", "/news/1?a=1"):
            await http.send(f"GET {target} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            assert (await http.answer()).body == b"article 1"
        await http.send(b"GET /news/1#a HTTP/1.1\r\nHost: x\r\n\r\n")
        assert (await http.answer()).body.startswith(b"article 1")


@pytest.mark.parametrize(
    ("sent", "location"),
    [
        ("/x/y/people", "../../people/"),
        ("/people.old?a=1", "./people/?a=1"),
        ("//evil.example", "../people/"),
        ("/files/x", "../static/"),
    ],
)
async def test_rewrite_to_a_page_without_its_slash_is_redirected_to_the_page(
    sent: str, location: str, site: Site
) -> None:
    """The target is relative to the path that the client has sent (RFC 3986 §5.2)."""
    files = {
        "config/routes.py": """
            routes = [
                {"url": "/x/y/people", "rewrite": "/people"},
                {"url": "/people.old", "rewrite": "/people"},
                {"url": "//evil.example", "rewrite": "/people"},
                {"url": "/files/x", "rewrite": "/static"},
            ]
            """,
        "app/people/get.py": "async def get(client): return 'people'",
        "app/static/index.html": "people",
    }
    async with site.served(files) as session:
        url = f"{site.application.servers['http'].url}{sent}"
        async with session.get(url, allow_redirects=False) as response:
            assert (response.status, response.headers["Location"]) == (302, location)
        assert await body(session, url) == "people"
