"""The directory tree of Impress's article of 2015, translated to Python, responds as the article
says, also where Impress did not."""

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import attrs
import pytest

from bundles.autoload import Autoload, create_application
from bundles.security import UserProvider
from bundles.web import Channels
from rxkernel import Application
from tests.bundles.web.conftest import Site
from tests.serving import serving
from tests.waiting import until

PASSWORD_HASH = (  # of "correct horse"
    "$argon2id$v=19$m=65536,t=2,p=1"
    "$V8NA/ZDN4L3+yDxh2PF/ng$DZjUQndDzgo3foh+XJL0Ql8aD2NqJehUlrQmaVESjoQ"
)


@attrs.frozen
class User:
    username: str
    password_hash: str = PASSWORD_HASH
    roles: tuple[str, ...] = ()


class Users(UserProvider[User]):
    async def load(self, identifier: str) -> User | None:
        known = {"marcus": User("marcus", roles=("admin",)), "ada": User("ada")}
        return known.get(identifier)


NOTE = """
    from bundles.autoload import domain

    async def method(client):
        domain.trace.steps.append("{name}")
        client.context.data["{name}"] = True
        {code}
"""


def note(name: str, code: str = "pass") -> str:
    return NOTE.format(name=name, code=code)


EXAMPLES = '[{"id": 1, "name": "Kyiv"}, {"id": 2, "name": "Rome"}]'

FILES: dict[str, str | bytes] = {
    "domain/trace.py": "steps = []",
    # every directory has the nearest handler of each stage
    "app/access.py": "guests = True\nlogged = True",
    "app/request.py": note("request", "client.context.data['title'] = 'The article'"),
    "app/end.py": note("end"),
    "app/lazy.py": note("lazy"),
    "app/error.template": "<h1>@title@</h1>",
    "app/get.py": "async def get(client): return {'name': 'root'}",
    "app/html.template": "<h1>@title@</h1>@[menu]@",
    "app/menu.template": "<a href='/people/'>People</a>",
    "app/menu.everyone.template": "<a href='/profile/'>Profile</a>",
    "app/menu.admin.template": "<a href='/admin/'>Admin</a>",
    # templates: include and iteration
    "app/people/get.py": (
        "async def get(client): return {'users': [{'name': 'Ann'}, {'name': '<Bob>'}], "
        "'ages': {'Ann': 30}, 'chief': {'name': 'Eve'}}"
    ),
    "app/people/html.template": (
        "<h1>@title@</h1>@[menu]@<ul>@[users]@<li>@.name@</li>@[/users]@</ul>"
        "@[chief]@<b>@.name@</b>@[/chief]@"
    ),
    # the override example: the child calls the handler of its parent
    "app/override/get.py": note("parent", "client.context.data['x'] = 1; return {'parent': True}"),
    "app/override/child.json/get.py": note(
        "child",
        "data = await client.inherited(); return {**data, 'x': client.context.data['x']}",
    ),
    "app/alone.json/put.py": "async def put(client): return {'above': await client.inherited()}",
    # one result in every form
    **{
        f"app/api/examples.{form}/get.py": f"async def get(client): return {EXAMPLES}"
        for form in ("json", "jsonp", "csv", "xml")
    },
    "app/api/falsy.json/get.py": (
        "async def get(client): return {'0': 0, 'e': '', 'f': False}.get(client.query['v'])"
    ),
    "app/api/cycle.json/get.py": """
        async def get(client):
            data = {"name": "a"}
            data["self"] = data
            return data
    """,
    "app/fragment.ajax/get.py": "async def get(client): return '<b>fragment</b>'",
    # callback(result, statusCode, headers)
    "app/status.json/get.py": "async def get(client): return {'id': 1}, 201, {'X-A': '1'}",
    "app/typed/get.py": "async def get(client): return 'text', 200, 'text/plain'",
    # handlers with the arity of middlewares
    "app/middleware.json/get.py": """
        from rxkernel import Response

        async def middleware(request, next):
            return Response("from the middleware", 202)
    """,
    # parameters with a definition
    "app/api/find.json/post.py": """
        meta = {
            "description": "Finds a person",
            "parameters": {"name": "string", "age": "[number]", "wait": "[duration]"},
        }

        async def post(client):
            return client.parameters
    """,
    # access
    "app/admin/access.py": "guests = False\ngroups = ['admin']",
    "app/admin/get.py": note("admin", "return 'administration'"),
    "app/admin/deep/get.py": note("deep", "return 'deep'"),
    "app/basic/access.py": "auth = 'marcus:secret'\nrealm = 'The vault'",
    "app/basic/get.py": note("basic", "return 'open'"),
    "app/local/access.py": "groups = ['local']",
    "app/local/get.py": "async def get(client): return 'local'",
    "app/virtual/access.py": "virtual = True",
    "app/virtual/get.py": "async def get(client): return client.path or 'none'",
    "app/virtual/real.txt": "a file",
    "app/intro.json/access.py": "intro = True",
    "app/docs/access.py": "intro = True",
    "app/docs/post.py": "meta = {'description': 'Adds'}\nasync def post(client): return 'added'",
    "app/list/access.py": "index = True",
    "app/list/a.txt": "a",
    # sessions
    "app/session.json/get.py": "async def get(client): return dict(client.session)",
    "app/session.json/post.py": """
        async def post(client):
            client.session["city"] = client.fields["city"]
    """,
    "app/login/post.py": """
        from bundles.security import Security

        async def post(client, security: Security):
            name, password = client.fields["login"], client.fields["password"]
            await client.sign_in(await security.user_with(name, password, client.request))
            client.redirect("/")
    """,
    "app/logout/post.py": """
        async def post(client):
            await client.sign_out()
            client.redirect("/")
    """,
    # events
    "app/events.sse/get.py": "async def get(client): return 'news'",
    "app/closed.sse/get.py": "async def get(client): pass",
    "app/echo.ws/get.py": """
        async def get(client):
            await client.websocket.accept()
            async for message in client.websocket:
                await client.websocket.send(message)
    """,
    # the rest
    "app/slow.json/get.py": """
        import asyncio
        timeout = 0.05

        async def get(client):
            await asyncio.Event().wait()
    """,
    "app/broken.json/get.py": "async def get(client): raise LookupError('secret text')",
    "app/cached.json/get.py": """
        from bundles.autoload import domain

        async def get(client):
            client.cache("10m")
            domain.trace.steps.append("cached")
            return [client.query, len(domain.trace.steps)]
    """,
    "app/upload.json/post.py": """
        async def post(client):
            return [[file.path, file.name, file.size] for file in await client.upload()]
    """,
    "app/download/access.py": "virtual = True",
    "app/download/get.py": (
        "async def get(client): return client.download(client.path, 'name of the file.txt')"
    ),
    "app/css/site.css": "body {}",
    "app/static/.404.html": "<h1>own page</h1>",
    "app/hello.txt": b"x" * 100,
}


@attrs.frozen
class Browser:
    """A client of the served site that keeps cookies."""

    session: aiohttp.ClientSession
    application: Application

    async def sent(
        self, method: str, path: str, **options: Any
    ) -> tuple[int, str, aiohttp.ClientResponse]:
        options.setdefault("allow_redirects", False)
        async with self.session.request(method, path, **options) as response:
            return response.status, await response.text(), response

    async def get(self, path: str, **options: Any) -> tuple[int, str]:
        status, text, _ = await self.sent("GET", path, **options)
        return status, text

    @property
    def steps(self) -> list[str]:
        module = self.application.injector.get(Autoload).snapshot.files["domain/trace.py"].module
        assert module is not None
        found: list[str] = module.steps
        return found

    async def log_in(self, name: str) -> None:
        fields = {"login": name, "password": "correct horse"}
        assert (await self.sent("POST", "/login/", data=fields))[0] == 302


@pytest.fixture
async def browser(site: Site, tmp_path: Path) -> AsyncIterator[Browser]:
    site.write(FILES)
    os.utime(site.root / "app/hello.txt", (1_420_070_400, 1_420_070_400))
    application = create_application(site.root, users=Users)
    application.load_settings(
        {
            "http.port": 0,
            "http.host": "127.0.0.1",
            "security.tokens.secret": "s3cret-of-the-tests-with-32-bytes!",
            "autoload.reload": False,
        }
    )
    async with (
        serving(application),
        aiohttp.ClientSession(
            application.servers["http"].url, cookie_jar=aiohttp.CookieJar(unsafe=True)
        ) as session,
    ):
        yield Browser(session, application)


async def test_stages_run_in_order_and_lazy_after_the_response(browser: Browser) -> None:
    assert (await browser.get("/override/"))[0] == 200

    await until(lambda: "lazy" in browser.steps)
    assert browser.steps == ["request", "parent", "end", "lazy"]


async def test_inherited_calls_the_parent_and_returns_at_the_root(browser: Browser) -> None:
    assert await browser.get("/override/child.json") == (200, '{"parent":true,"x":1}')
    assert browser.steps[:4] == ["request", "child", "parent", "end"]

    status, text, _ = await browser.sent("PUT", "/alone.json")
    assert (status, text) == (200, '{"above":null}')


async def test_page_with_parts_and_lists_is_rendered(browser: Browser) -> None:
    assert await browser.get("/people/") == (
        200,
        "<h1>The article</h1><a href='/people/'>People</a>"
        "<ul><li>Ann</li><li>&lt;Bob&gt;</li></ul><b>Eve</b>",
    )
    assert await browser.get("/fragment.ajax") == (200, "<b>fragment</b>")


async def test_user_gets_the_template_of_the_group(browser: Browser) -> None:
    assert "People" in (await browser.get("/"))[1]
    await browser.log_in("ada")
    assert "Profile" in (await browser.get("/"))[1]
    await browser.log_in("marcus")
    assert "Admin" in (await browser.get("/"))[1]


async def test_page_without_slash_is_redirected(browser: Browser) -> None:
    status, _, response = await browser.sent("GET", "/people?a=1")

    assert (status, response.headers["Location"]) == (302, "./people/?a=1")


async def test_result_is_sent_in_the_form_of_its_extension(browser: Browser) -> None:
    data = '[{"id":1,"name":"Kyiv"},{"id":2,"name":"Rome"}]'
    found = {
        form: await browser.sent("GET", f"/api/examples.{form}")
        for form in ("json", "jsonp", "csv", "xml")
    }

    assert found["json"][1] == data
    assert found["jsonp"][1] == f"/**/callback({data});"
    assert found["csv"][1] == "id,name\r\n1,Kyiv\r\n2,Rome\r\n"
    assert "<item><id>1</id><name>Kyiv</name></item>" in found["xml"][1]
    assert {form: response.content_type for form, (_, _, response) in found.items()} == {
        "json": "application/json",
        "jsonp": "text/javascript",  # 2015: application/javascript (obsolete by RFC 9239)
        "csv": "text/csv",
        "xml": "text/xml",
    }


async def test_callback_of_jsonp_is_checked(browser: Browser) -> None:
    """Impress of 2015 wrote the name into the script without a check."""
    assert (await browser.get("/api/examples.jsonp?callback=page.show"))[1].startswith(
        "/**/page.show("
    )
    assert (await browser.get("/api/examples.jsonp?callback=alert(1)//"))[0] == 400


@pytest.mark.parametrize(
    ("name", "text"), [("0", "0"), ("e", '""'), ("f", "false"), ("none", "null")]
)
async def test_falsy_result_is_sent(browser: Browser, name: str, text: str) -> None:
    """Impress of 2015 responded with 400."""
    assert await browser.get(f"/api/falsy.json?v={name}") == (200, text)


async def test_cycle_in_data_is_sent_as_null(browser: Browser) -> None:
    status, text = await browser.get("/api/cycle.json")

    assert status == 200
    assert text.startswith('{"name":"a"')


async def test_result_with_status_and_headers_is_sent(browser: Browser) -> None:
    status, text, response = await browser.sent("GET", "/status.json")
    assert (status, text, response.headers["X-A"]) == (201, '{"id":1}', "1")

    _, _, response = await browser.sent("GET", "/typed/")
    assert response.headers["Content-Type"] == "text/plain; charset=utf-8"


async def test_middleware_that_returns_a_response_sends_it(browser: Browser) -> None:
    assert await browser.get("/middleware.json") == (202, "from the middleware")


async def test_parameters_are_converted_or_422(browser: Browser) -> None:
    """Impress of 2015 responded with 400 and the meta as the body."""
    status, text, _ = await browser.sent(
        "POST", "/api/find.json?age=5", data={"name": "Ann", "wait": "1h 30m"}
    )
    assert (status, text) == (200, '{"name":"Ann","age":5,"wait":"PT5400S"}')

    status, text, _ = await browser.sent("POST", "/api/find.json", data={"age": "x"})
    assert status == 422
    assert "age" in text
    assert "name" in text


async def test_other_method_is_405(browser: Browser) -> None:
    """Impress of 2015 responded with 400."""
    status, _, response = await browser.sent("DELETE", "/people/")

    assert (status, response.headers["Allow"]) == (405, "GET, HEAD, OPTIONS")


async def test_access_of_a_group_is_required_in_directories_below(browser: Browser) -> None:
    assert (await browser.get("/admin/"))[0] == 401
    await browser.log_in("ada")
    assert (await browser.get("/admin/"))[0] == 403
    assert (await browser.get("/admin/deep/"))[0] == 403
    assert not {"admin", "deep"} & {*browser.steps}
    await browser.log_in("marcus")
    assert await browser.get("/admin/deep/") == (200, "deep")


async def test_basic_auth_is_asked_before_the_handlers(browser: Browser) -> None:
    """Impress of 2015 ran the handlers before, and required no password of local clients."""
    status, _, response = await browser.sent("GET", "/basic/")
    assert status == 401
    assert response.headers["WWW-Authenticate"] == 'Basic realm="The vault"'
    assert browser.steps == []

    for password, status in (("secret", 200), ("wrong", 401)):
        sent = {"Authorization": aiohttp.encode_basic_auth("marcus", password)}
        assert (await browser.get("/basic/", headers=sent))[0] == status
    assert browser.steps.count("basic") == 1


async def test_local_group_admits_clients_of_this_machine(browser: Browser) -> None:
    assert await browser.get("/local/") == (200, "local")
    assert (await browser.get("/local/", headers={"X-Forwarded-For": "1.2.3.4"}))[0] in (401, 403)


async def test_virtual_path_is_handled_unless_a_file_exists(browser: Browser) -> None:
    assert await browser.get("/virtual/a/b") == (200, "a/b")
    assert await browser.get("/virtual/real.txt") == (200, "a file")
    assert (await browser.get("/people/a/b"))[0] == 404


async def test_introduction_and_list_of_files_are_shown_where_enabled(browser: Browser) -> None:
    status, text = await browser.get("/docs/")
    assert (status, "Adds" in text, "POST /docs" in text) == (200, True, True)

    status, text = await browser.get("/list/")
    assert (status, "a.txt" in text, "access.py" in text) == (200, True, False)
    assert (await browser.get("/css/"))[0] in (403, 404)


async def test_anonymous_session_keeps_its_values_over_login_and_logout(browser: Browser) -> None:
    await browser.sent("POST", "/session.json", json={"city": "Rome"})
    assert await browser.get("/session.json") == (200, '{"city":"Rome"}')

    await browser.log_in("ada")
    assert '"city":"Rome"' in (await browser.get("/session.json"))[1]
    await browser.sent("POST", "/logout/")
    assert '"city":"Rome"' in (await browser.get("/session.json"))[1]
    assert (await browser.get("/admin/"))[0] == 401


async def test_event_stream_sends_and_replays_events_of_its_channel(browser: Browser) -> None:
    """In Impress of 2015 anonymous clients got global events only; no event was replayed."""
    channels = browser.application.injector.get(Channels)
    async with browser.session.get("/events.sse") as stream:
        assert stream.headers["Cache-Control"] == "no-store"
        assert await stream.content.readline() == b"retry: 2000\n"
        await until(lambda: channels.count("news") == 1)
        await channels.send("news", "added", {"id": 1})
        lines = await read_event(stream)
    assert lines[1:] == ["event: added", 'data: {"id":1}']
    await channels.send("news", "added", {"id": 2})
    await channels.send_global("closing")

    last = {"Last-Event-ID": lines[0].removeprefix("id: ")}
    async with browser.session.get("/events.sse", headers=last) as stream:
        await stream.content.readline()
        assert (await read_event(stream))[-1] == 'data: {"id":2}'
        assert "event: closing" in await read_event(stream)


async def read_event(stream: aiohttp.ClientResponse) -> list[str]:
    """Return the lines of the next event with data."""
    lines: list[str] = []
    async with asyncio.timeout(20):
        while True:
            line = (await stream.content.readline()).decode().rstrip("\n")
            if line:
                lines.append(line)
            elif any(each.startswith("data:") for each in lines):
                return lines
            else:
                lines.clear()


async def test_event_stream_without_channel_is_403(browser: Browser) -> None:
    assert (await browser.get("/closed.sse"))[0] == 403


async def test_websocket_of_a_directory_exchanges_messages(browser: Browser) -> None:
    async with browser.session.ws_connect("/echo.ws") as socket:
        await socket.send_str("hello")
        assert await socket.receive_str(timeout=20) == "hello"
    assert (await browser.get("/echo.ws"))[0] == 426


async def test_slow_handler_is_408_and_exception_is_500(browser: Browser) -> None:
    assert (await browser.get("/slow.json"))[0] == 408
    status, text = await browser.get("/broken.json")
    assert (status, "secret" in text) == (500, False)
    assert (await browser.get("/people/"))[0] == 200


async def test_page_cache_keeps_a_page_for_each_query(browser: Browser) -> None:
    """In Impress of 2015 the query was not a part of the key."""
    first = [await browser.get("/cached.json?a=1") for _ in range(2)]
    other = await browser.get("/cached.json?a=2")

    assert first[0] == first[1]
    assert other != first[0]
    assert browser.steps.count("cached") == 2


async def test_uploaded_file_is_downloaded_with_its_name(browser: Browser) -> None:
    form = aiohttp.FormData(quote_fields=False)
    form.add_field("file", b"content", filename="a b.txt", content_type="text/plain")
    _, text, response = await browser.sent("POST", "/upload.json", data=form)
    ((path, name, size),) = await response.json()
    assert (name, size, text[:2]) == ("a b.txt", 7, "[[")

    status, text, response = await browser.sent("GET", f"/download/{path}")
    assert (status, text) == (200, "content")
    disposition = response.headers["Content-Disposition"]
    assert disposition == 'attachment; filename="name of the file.txt"'
    assert (await browser.get("/download/../../rxkernel.toml"))[0] == 404


async def test_static_file_is_sent_and_code_is_404(browser: Browser) -> None:
    _, text, response = await browser.sent("GET", "/hello.txt", headers={"Range": "bytes=-5"})
    assert (response.status, text) == (206, "xxxxx")
    assert response.headers["Content-Range"] == "bytes 95-99/100"
    assert response.headers["Last-Modified"] == "Thu, 01 Jan 2015 00:00:00 GMT"
    since = {"If-Modified-Since": response.headers["Last-Modified"]}
    assert (await browser.get("/hello.txt", headers=since)) == (304, "")
    assert await browser.get("/css/site.css") == (200, "body {}")
    html = {"Accept": "text/html"}
    assert await browser.get("/static/nothing", headers=html) == (404, "<h1>own page</h1>")
    for path in ("/get.py", "/menu.template", "/access.py", "/people/get.py", "/.git/config"):
        assert (await browser.get(path))[0] == 404
