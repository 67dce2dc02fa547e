"""Calls over HTTP: POST with one packet."""

import asyncio
import gzip
import json
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bundles.autoload import AutoloadBundle
from bundles.contracts import ContractsBundle
from bundles.metacom import METACOM, MetacomBundle, MetacomSettings
from bundles.security import SecurityBundle, SecuritySettings, UserProvider, access
from bundles.sessions import CurrentSession, SessionsBundle
from rxkernel import (
    Application,
    HttpSettings,
    KernelClient,
    KernelEvents,
    Request,
    RequestEvent,
    Response,
    Settings,
    http,
    observe,
    procedure,
)
from tests.bundles.metacom.conftest import Site, SiteOf
from tests.bundles.metacom.example import Example
from tests.bundles.metacom.matrix import call, sending
from tests.servers.mounted.hosts import Host

PROFILES = pytest.mark.parametrize("compat", [False, True], ids=["default", "compat"])


async def post(site: Site, data: Any, **options: Any) -> tuple[int, str]:
    """Return status and text of the response to a POST."""
    async with site.session.post(f"{site.url}/api", data=data, **options) as response:
        assert response.headers["Content-Type"] == "application/json"
        return response.status, await response.text()


# T02
async def test_call_over_http_gets_one_callback(site_of: SiteOf) -> None:
    site = await site_of(Example)

    assert await post(site, '{"type":"call","id":1,"method":"example/hello","args":{}}') == (
        200,
        '{"type":"callback","id":1,"result":{"message":"hello"}}',
    )


# T03
async def test_call_of_add_over_http_gets_exact_bytes(site_of: SiteOf) -> None:
    site = await site_of(Example)
    packet = '{"type":"call","id":1,"method":"example/add","args":{"a":2,"b":3}}'

    assert await post(site, packet) == (200, '{"type":"callback","id":1,"result":5}')


# T04
async def test_text_id_over_http_gets_callback_with_text_id(site_of: SiteOf) -> None:
    site = await site_of(Example)
    packet = '{"type":"call","id":"x-1","method":"example/add","args":{"a":2,"b":3}}'

    assert await post(site, packet) == (200, '{"type":"callback","id":"x-1","result":5}')


# T05
async def test_twenty_calls_over_http_have_their_own_ids(site_of: SiteOf) -> None:
    site = await site_of(Example)
    async with sending(site, "http") as send:
        sent = [call("example/wait", {"milliseconds": 20 - id}, id) for id in range(1, 21)]
        replies = await asyncio.gather(*map(send, sent))

    assert [(r.packet["id"], r.packet["result"]) for r in replies] == [
        (id, 20 - id) for id in range(1, 21)
    ]


# T06
async def test_ping_over_http_gets_the_same_two_bytes(site_of: SiteOf) -> None:
    site = await site_of(Example)

    assert await post(site, "{}") == (200, "{}")
    assert (await post(site, "{ }"))[0] == 400


# T07
async def test_falsy_result_over_http_is_sent(site_of: SiteOf) -> None:
    site = await site_of(Example)
    for value, text in (False, "false"), (0, "0"), (None, "null"):
        packet = call("example/value", {"value": value})
        async with site.session.post(f"{site.url}/api", json=packet) as response:
            expected = f'{{"type":"callback","id":1,"result":{text}}}'
            assert await response.text() == expected


# T31
@PROFILES
@pytest.mark.parametrize(
    "packet",
    [
        "not json",
        "",
        "[]",
        "1",
        "null",
        '{"type":"call","method":"example/hello"}',
        '{"type":"call","id":0,"method":"example/hello"}',
        '{"id":1,"method":"example/hello","type":"other"}',
        '{"type":["call"],"id":1}',
        '{"type":"call","id":1,"method":5}',
        '{"type":"call","id":1}',
        '{"call":1,"example/hello":{}}',
        "[" * 1000,
    ],
)
async def test_bad_packet_over_http_gets_one_error(
    site_of: SiteOf, packet: str, compat: bool
) -> None:
    site = await site_of(Example, compat=compat)
    async with sending(site, "http") as send:
        reply = await send(packet)

    assert reply.status == (500 if compat else 400)
    assert reply.packet["type"] == "callback"
    assert reply.error[1] == (500 if compat else 400)
    assert ("id" in reply.packet) == ('"id":1' in packet)
    if compat:
        assert reply.error[0] == "Internal Server Error"


# T32
@pytest.mark.parametrize("name", ["__proto__/x", "constructor/name", "toString/x", "a/__class__"])
async def test_hostile_name_over_http_is_404(site_of: SiteOf, name: str) -> None:
    site = await site_of(Example)
    async with sending(site, "http") as send:
        reply = await send(call(name))

    assert (reply.error, reply.status) == (("Not Found", 404), 404)


# T35
@PROFILES
@pytest.mark.parametrize("kind", ["event", "stream"])
async def test_event_and_stream_over_http_are_an_error(
    site_of: SiteOf, kind: str, compat: bool
) -> None:
    site = await site_of(Example, compat=compat)
    async with sending(site, "http") as send:
        reply = await send({"type": kind, "id": 3, "name": "a/b", "size": 1})

    if compat:
        assert (reply.error, reply.status) == (("Internal Server Error", 500), 500)
    else:
        text = f"a packet of the type {kind!r} requires a WebSocket"
        assert (reply.error, reply.status) == ((text, 400), 400)


# T35
async def test_method_that_needs_a_connection_is_426_over_http(site_of: SiteOf) -> None:
    site = await site_of(Example)
    async with sending(site, "http") as send:
        reply = await send(call("example/notify"))

    assert reply.status == 426
    assert reply.error == ("this method requires a WebSocket", 426)


# T35
async def test_event_of_an_endpoint_is_426_over_http(site_of: SiteOf, tmp_path: Path) -> None:
    folder = tmp_path / "api" / "example"
    folder.mkdir(parents=True)
    (folder / "notify.py").write_text(
        "from bundles.autoload import Context\n"
        "access = 'public'\n"
        "async def method(context: Context):\n"
        "    await context.client.emit('example/message', {})\n"
    )
    site = await site_of(bundles=(AutoloadBundle(tmp_path),))
    async with sending(site, "http") as send:
        reply = await send(call("example/notify"))

    assert reply.status == 426
    assert reply.error == ("this call needs a connection; use a WebSocket", 426)


@PROFILES
async def test_other_method_is_405_and_with_compat_403(site_of: SiteOf, compat: bool) -> None:
    site = await site_of(Example, compat=compat)
    for method in "GET", "PUT":
        async with site.session.request(method, f"{site.url}/api?a=1") as response:
            assert response.status == (403 if compat else 405)
            assert response.headers["Allow"] == "OPTIONS, POST"
            content = await response.json()
        if compat:
            error = {"message": "Forbidden", "code": 403}
            assert content == {"type": "callback", "error": error}


@PROFILES
@pytest.mark.parametrize(("prefix", "path"), [("", "/api"), ("", "/rpc"), ("/shop", "/shop/api")])
async def test_other_method_beside_static_files_is_405_and_with_compat_403(
    site_of: SiteOf, tmp_path: Path, compat: bool, prefix: str, path: str
) -> None:
    (tmp_path / "api").mkdir()
    (tmp_path / "static").mkdir()
    (tmp_path / "static" / "index.html").write_text("home")
    (tmp_path / "static" / ".virtual.html").write_text("page")
    site = await site_of(
        bundles=(AutoloadBundle(tmp_path),), compat=compat, rpc_path=path, http={"prefix": prefix}
    )
    for method in "GET", "HEAD", "PUT":
        async with site.session.request(
            method, f"{site.url}{path}?a=1", headers={"Accept": "text/html"}
        ) as response:
            assert response.status == (403 if compat else 405)
            allowed = response.headers["Allow"].split(", ")
            assert "POST" in allowed
            assert method not in allowed
    async with site.session.get(f"{site.url}{prefix}/") as response:
        assert await response.text() == "home"


# T47
async def test_options_has_the_cors_headers_of_the_origin(site_of: SiteOf) -> None:
    """Impress responds with 200; the kernel responds to a preflight with 204."""
    site = await site_of(Example, http={"origins": ("https://shop.example",)})
    headers = {"Origin": "https://shop.example"}
    asked = {"Access-Control-Request-Method": "POST"}
    asked["Access-Control-Request-Headers"] = "content-type"
    async with site.session.options(f"{site.url}/api", headers=headers) as response:
        assert (response.status, response.headers["Allow"]) == (204, "OPTIONS, POST")
        assert response.headers["Access-Control-Allow-Origin"] == "https://shop.example"
    async with site.session.options(f"{site.url}/api", headers={**headers, **asked}) as response:
        assert response.status == 204
        assert response.headers["Access-Control-Allow-Methods"] == "OPTIONS, POST"
        assert response.headers["Access-Control-Allow-Headers"] == "content-type"


class Counter:
    @procedure("counter/next", METACOM)
    async def next(self, session: CurrentSession) -> int:
        session["number"] = session.get("number", 0) + 1
        number: int = session["number"]
        return number

    @procedure("counter/cookie", METACOM)
    async def cookie(self) -> Response:
        response = Response({"is": "set"}, headers={"X-Own": "1", "Content-Type": "text/plain"})
        response.set_cookie("name", "Ada")
        return response


async def test_cookie_of_session_is_set_and_read_over_http(site_of: SiteOf) -> None:
    site = await site_of(Counter, bundles=(SessionsBundle,))
    jar = aiohttp.CookieJar(unsafe=True)
    async with aiohttp.ClientSession(cookie_jar=jar) as session:
        for expected in 1, 2:
            async with session.post(f"{site.url}/api", json=call("counter/next")) as response:
                assert (await response.json())["result"] == expected
        async with session.post(f"{site.url}/api", json=call("counter/cookie")) as response:
            assert response.cookies["name"].value == "Ada"
            assert response.headers["X-Own"] == "1"
            assert response.headers["Content-Type"] == "application/json"


async def test_listener_sees_each_call_over_http_once(site_of: SiteOf) -> None:
    seen: list[tuple[Any, ...]] = []

    async def count(event: RequestEvent) -> None:
        request = event.request
        transport = request.definition.transport
        seen.append((request.transport, transport, request.route_name, request.path))

    site = await site_of(Example, listeners=(observe(KernelEvents.KERNEL_REQUEST)(count),))
    async with sending(site, "http") as send:
        await send(call("example/hello"))

    assert seen == [("HTTP", "METACOM", "example/hello", "/api")]


@PROFILES
async def test_body_that_cannot_be_read_gets_an_error_packet(
    site_of: SiteOf, compat: bool
) -> None:
    site = await site_of(Example, http={"body_limit": 200}, compat=compat)
    async with sending(site, "http") as send:
        large = await send("x" * 201)

    assert large.status == 413
    assert large.packet["type"] == "callback"
    assert large.error[1] == 413
    assert "id" not in large.packet
    for coding, expected in ("gzip", 500 if compat else 400), ("x", 415):
        status, text = await post(site, b"{}", headers={"Content-Encoding": coding})
        assert status == expected
        assert json.loads(text)["error"]["code"] == expected


async def test_compressed_body_is_read_and_large_body_is_413(site_of: SiteOf) -> None:
    site = await site_of(Example, http={"body_limit": 200})
    packet = b'{"type":"call","id":1,"method":"example/hello"}'
    packed = gzip.compress(packet)

    assert (await post(site, packed, headers={"Content-Encoding": "gzip"}))[0] == 200
    assert (await post(site, b"x" * 201))[0] == 413


async def test_call_over_http_is_finished_when_the_server_stops(site_of: SiteOf) -> None:
    class Gate:
        def __init__(self) -> None:
            self.entered = asyncio.Event()
            self.release = asyncio.Event()

        @procedure("gate/wait", METACOM)
        async def wait(self, request: Request) -> str:
            self.entered.set()
            await self.release.wait()
            return "done"

    site = await site_of(Gate)
    gate = site.application.injector.get(Gate)
    async with sending(site, "http") as send:
        pending = asyncio.create_task(send(call("gate/wait")))
        await gate.entered.wait()
        stopping = asyncio.create_task(site.application.stop())
        await asyncio.sleep(0)
        gate.release.set()

        assert (await pending).packet["result"] == "done"
        await stopping


async def test_rpc_path_serves_calls_and_the_root_serves_its_page(site_of: SiteOf) -> None:
    class Page:
        @http("GET", "/", "page")
        async def page(self) -> str:
            return "page"

    site = await site_of(Example, Page, rpc_path="/rpc")
    packet = call("example/hello")
    async with site.session.post(f"{site.url}/rpc", json=packet) as response:
        assert response.status == 200
    async with site.session.post(f"{site.url}/api", json=packet) as response:
        assert response.status == 404
    async with site.session.get(site.url) as response:
        assert await response.text() == "page"


async def test_kernel_client_posts_a_call() -> None:
    application = Application(controllers=[Example], bundles=[ContractsBundle, MetacomBundle])
    async with KernelClient(application) as client:
        packet = call("example/add", {"a": 2, "b": 3})
        assert (await client.post("/api", body=packet)).content == (
            b'{"type":"callback","id":1,"result":5}'
        )


@pytest.fixture
async def host() -> Any:
    host = Host(aiohttp.web.Application())
    yield host
    await host.stop()


async def test_mounted_application_serves_calls_over_http(host: Host) -> None:
    settings = Settings(
        http=HttpSettings(prefix="/api"),
        bundles={"metacom": MetacomSettings(paths=("/api",))},
    )
    application = Application(
        controllers=[Example], bundles=[ContractsBundle, MetacomBundle], settings=settings
    )
    application.mount_in(host.native)
    url = await host.start()
    async with aiohttp.ClientSession() as session:
        async with session.post(f"{url}/api", json=call("example/hello")) as response:
            assert (await response.json())["result"] == {"message": "hello"}
        async with session.ws_connect(f"{url}/api") as websocket:
            await websocket.send_json(call("example/hello"))
            assert (await websocket.receive_json())["result"] == {"message": "hello"}


async def test_endpoint_of_autoload_is_called_over_http(site_of: SiteOf, tmp_path: Path) -> None:
    folder = tmp_path / "api" / "example"
    folder.mkdir(parents=True)
    (folder / "add.py").write_text(
        "access = 'public'\n"
        "parameters = {'a': 'number', 'b': 'number'}\n"
        "async def method(a, b):\n"
        "    return a + b\n"
    )
    site = await site_of(bundles=(AutoloadBundle(tmp_path),))
    async with sending(site, "http") as send:
        assert (await send(call("example/add", {"a": 2, "b": 3}))).packet["result"] == 5
        wrong = await send(call("example/add", {"a": 2, "b": "3"}))

    assert wrong.status == 422
    assert wrong.packet["error"]["errors"][0]["message"] == (
        'Field "b" not of expected type: number'
    )


class Guarded:
    @procedure("guarded/start", METACOM)
    @access("public")
    async def start(self, session: CurrentSession) -> str:
        session["is"] = "started"
        return "started"

    @procedure("guarded/show", METACOM, arguments="value")
    @access("session")
    async def show(self, session: CurrentSession) -> Any:
        return session["is"]


class Users(UserProvider[dict[str, Any]]):
    async def load(self, identifier: str) -> dict[str, Any] | None:
        return None


@pytest.fixture
async def guarded(site_of: SiteOf) -> Site:
    settings = SecuritySettings(query_parameter="access_token")
    site: Site = await site_of(
        Guarded,
        bundles=(SessionsBundle, SecurityBundle(Users)),
        sections={"security": settings},
    )
    return site


async def test_call_with_a_cookie_from_a_page_of_another_site_is_403(guarded: Site) -> None:
    jar = aiohttp.CookieJar(unsafe=True)
    async with aiohttp.ClientSession(cookie_jar=jar) as session:

        async def post(method: str, **headers: str) -> tuple[int, Any]:
            url = f"{guarded.url}/api"
            async with session.post(url, json=call(method), headers=headers) as response:
                return response.status, await response.json()

        await post("guarded/start")
        status, own = await post("guarded/show")
        assert (status, own["result"]) == (200, "started")
        status, other = await post("guarded/show", Origin="https://evil.example")
        assert status == 403
        assert other["error"]["message"] == "the request comes from another site"


async def test_arguments_are_not_read_as_a_credential_of_the_query(guarded: Site) -> None:
    async with sending(guarded, "http") as send:
        for args in {}, {"access_token": "a.b.c"}:
            reply = await send(call("guarded/show", args))
            assert (reply.error, reply.status) == (("Unauthorized", 401), 401)
