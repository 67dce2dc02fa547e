"""CORS: origins that may call the server, and the headers for their browsers."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from injector import inject
from yarl import URL

from rxkernel import (
    ConfigurationError,
    EventStreamResponse,
    ExceptionEvent,
    FileResponse,
    HttpSettings,
    KernelEvents,
    Request,
    Response,
    ResponseEvent,
    ServerConfigurationEvent,
    ServerEvents,
    ServerManager,
    ServerSentEvent,
    StreamResponse,
    http,
    observe,
)
from rxkernel.application.settings_sources import load_settings
from rxkernel.servers.aiohttp.server import HttpServer
from rxkernel.settings import canonical_origin
from tests.servers.conftest import Serve, http_url

FRIEND = "https://friend.example"
ORIGIN, CREDENTIALS = "Access-Control-Allow-Origin", "Access-Control-Allow-Credentials"


class Pages:
    @inject
    def __init__(self, servers: ServerManager) -> None:
        self.servers = servers

    @http("GET", "/allowed", "allowed")
    async def allowed(self, request: Request) -> bool:
        server = self.servers["http"]
        assert isinstance(server, HttpServer)
        return server.cors.allows(request.native)

    @http("POST", "/items/{id:int}", "item_change")
    @http("GET", "/items/{id:int}", "item_show")
    async def item(self, request: Request) -> dict[str, Any]:
        return {"id": request.params["id"]}

    @http("GET", "/broken", "broken")
    async def broken(self, request: Request) -> None:
        raise RuntimeError("broken")

    @http("GET", "/unwritable", "unwritable")
    async def unwritable(self, request: Request) -> object:
        return object()

    @http("GET", "/stream", "stream")
    async def stream(self, request: Request) -> StreamResponse:
        return StreamResponse(self.pieces())

    async def pieces(self) -> AsyncIterator[bytes]:
        yield b"piece"

    @http("GET", "/events", "events")
    async def events(self, request: Request) -> EventStreamResponse:
        return EventStreamResponse(self.happenings())

    async def happenings(self) -> AsyncIterator[ServerSentEvent]:
        yield ServerSentEvent(data=1)

    @http("GET", "/file", "file")
    async def file(self, request: Request) -> FileResponse:
        return FileResponse(__file__)

    @http("GET", "/chosen", "chosen")
    async def chosen(self, request: Request) -> Response:
        return Response("x", headers=dict(request.params))


def cors(response: aiohttp.ClientResponse) -> dict[str, str]:
    return {name: v for name, v in response.headers.items() if name.startswith("Access-Control")}


@pytest.mark.parametrize(
    ("origin", "is_allowed", "echo"),
    [
        pytest.param(None, True, None, id="missing"),
        pytest.param("https://mysite.com", True, None, id="own"),
        pytest.param("http://mysite.com", True, None, id="own-behind-TLS-or-not"),
        pytest.param("HTTPS://MySite.COM", True, None, id="own-upper-case"),
        pytest.param("https://mysite.com:443", True, None, id="own-default-port"),
        pytest.param(FRIEND, True, FRIEND, id="listed"),
        pytest.param(FRIEND.upper(), True, FRIEND.upper(), id="listed-upper-case"),
        pytest.param(f"{FRIEND}:443", True, f"{FRIEND}:443", id="listed-default-port"),
        pytest.param("https://evil.example", False, None, id="foreign"),
        pytest.param("null", False, None, id="null"),
        pytest.param("", False, None, id="empty"),
        pytest.param("https://evil-mysite.com", False, None, id="suffix-of-own"),
        pytest.param("https://mysite.com.evil.example", False, None, id="prefix-of-own"),
        pytest.param("https://evil.example?mysite.com", False, None, id="own-in-query"),
        pytest.param("https://mysite.com@evil.example", False, None, id="own-as-user"),
        pytest.param("https://evil@mysite.com", False, None, id="user-at-own"),
        pytest.param("https://mysite.com:8443", False, None, id="own-other-port"),
        pytest.param("https://sub.mysite.com", False, None, id="below-own"),
        pytest.param("chrome-extension://mysite.com", False, None, id="own-other-scheme"),
        pytest.param("http://friend.example", False, None, id="listed-other-scheme"),
        pytest.param(f"{FRIEND}:8443", False, None, id="listed-other-port"),
        pytest.param(f"{FRIEND}:99999", False, None, id="no-such-port"),
        pytest.param(f"{FRIEND}.evil.example", False, None, id="prefix-of-listed"),
        pytest.param("https://xfriend.example", False, None, id="suffix-of-listed"),
        pytest.param(f"{FRIEND}/", False, None, id="with-path"),
        pytest.param(f"{FRIEND} https://evil.example", False, None, id="several"),
        pytest.param("https://[::1", False, None, id="garbage"),
    ],
)
async def test_own_and_listed_origins_may_read_response(
    serve: Serve,
    session: aiohttp.ClientSession,
    origin: str | None,
    is_allowed: bool,
    echo: str | None,
) -> None:
    """Fetch Standard: a simple request is sent anyway, but its page cannot read the response."""
    application = await serve(Pages, http={"origins": (FRIEND,)})
    headers = {"Host": "mysite.com"} | ({} if origin is None else {"Origin": origin})

    async with session.get(http_url(application, "/allowed"), headers=headers) as response:
        assert (response.status, await response.json()) == (200, is_allowed)
        assert cors(response) == ({} if echo is None else {ORIGIN: echo})
        assert response.headers["Vary"] == "Origin"


@pytest.mark.parametrize("origin", [None, "https://mysite.com", FRIEND, "null"])
async def test_cors_without_origins_sends_no_headers(
    serve: Serve, session: aiohttp.ClientSession, origin: str | None
) -> None:
    application = await serve(Pages)
    headers = {"Host": "mysite.com"} | ({} if origin is None else {"Origin": origin})

    async with session.get(http_url(application, "/allowed"), headers=headers) as response:
        assert await response.json() is (origin in (None, "https://mysite.com"))
        assert cors(response) == {}
        assert "Vary" not in response.headers


@pytest.mark.parametrize("origin", [None, "https://evil.example", "null"])
async def test_cors_star_is_sent_to_all(
    serve: Serve, session: aiohttp.ClientSession, origin: str | None
) -> None:
    """Without ``Vary``, and with the header for all clients: a cache may send it to any page."""
    application = await serve(Pages, http={"origins": ("*", FRIEND)})
    headers = {} if origin is None else {"Origin": origin}

    async with session.get(http_url(application, "/allowed"), headers=headers) as response:
        assert await response.json() is True
        assert cors(response) == {ORIGIN: "*"}
        assert "Vary" not in response.headers


async def test_credentials_are_allowed_for_listed_origins_only(
    serve: Serve, session: aiohttp.ClientSession
) -> None:
    application = await serve(Pages, http={"origins": (FRIEND,), "allow_credentials": True})
    url = http_url(application, "/items/1")

    async with session.get(url, headers={"Origin": FRIEND}) as response:
        assert cors(response) == {ORIGIN: FRIEND, CREDENTIALS: "true"}
    async with session.get(url, headers={"Origin": "null"}) as response:
        assert cors(response) == {}


class TestCredentialsForEverybody:
    def test_star_with_credentials_in_python_raises(self) -> None:
        with pytest.raises(ValueError, match="allow_credentials must be false while"):
            HttpSettings(origins=(FRIEND, "*"), allow_credentials=True)

    def test_star_with_credentials_from_any_source_raises(self, tmp_path: Path) -> None:
        (tmp_path / "rxkernel.toml").write_text('[http]\norigins = ["*"]\n')
        environment = {"RXKERNEL_HTTP_ALLOW_CREDENTIALS": "true"}

        with pytest.raises(ConfigurationError, match=r"^http from .*: allow_credentials must be"):
            load_settings(directory=tmp_path, environment=environment)


@pytest.mark.parametrize(
    "origin",
    [
        "null",
        "https://*",
        "https://a.*.friend.example",
        "*.friend.example",
        f"{FRIEND}/path",
        f"{FRIEND}?",
        f"{FRIEND}:70000",
        "",
    ],
)
def test_origins_invalid_entry_raises(origin: str) -> None:
    with pytest.raises(ValueError, match="origins must be a list of origins"):
        HttpSettings(origins=(origin,))


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("HTTPS://Friend.Example", FRIEND),
        ("https://friend.example:0443", FRIEND),
        ("http://friend.example:443", "http://friend.example:443"),
        ("http://friend.example:80", "http://friend.example"),
        ("http://[::1]:8000", "http://[::1]:8000"),
        ("http://[2001:DB8::A]", "http://[2001:db8::a]"),
        ("capacitor://localhost", "capacitor://localhost"),
        ("https://\u212a.example", None),
        ("https://friend.example:", None),
        ("https://friend.example:\u0661", None),
        ("https://friend.example\n", None),
        ("https://", None),
        ("friend.example", None),
    ],
)
def test_origins_are_normalized(text: str, canonical: str | None) -> None:
    """RFC 6454 §6.2; the Kelvin sign and non-ASCII digits do not become ASCII."""
    assert canonical_origin(text) == canonical


@pytest.mark.parametrize(
    ("origin", "is_allowed"),
    [
        ("https://a.friend.example", True),
        ("https://a.b.friend.example", True),
        ("HTTPS://A.Friend.Example:443", True),
        ("https://friend.example", False),
        ("https://.friend.example", False),
        ("https://evilfriend.example", False),
        ("http://a.friend.example", False),
        ("https://a.friend.example:8443", False),
        ("https://a.friend.example.evil.example", False),
        ("https://evil.example/.friend.example", False),
        ("http://a.ports.example:8080", True),
        ("http://a.ports.example", False),
        ("https://one.example", True),
    ],
)
async def test_origin_of_a_subdomain_is_allowed_by_a_wildcard(
    serve: Serve, session: aiohttp.ClientSession, origin: str, is_allowed: bool
) -> None:
    origins = ("https://*.friend.example", "http://*.ports.example:8080", "https://one.example")
    application = await serve(Pages, http={"origins": origins, "allow_credentials": True})
    ask = {"Origin": origin, "Access-Control-Request-Method": "GET"}

    async with session.get(http_url(application, "/allowed"), headers=ask) as response:
        assert await response.json() is is_allowed
        assert response.headers.get(ORIGIN) == (origin if is_allowed else None)
        assert response.headers["Vary"] == "Origin"
    async with session.options(http_url(application, "/allowed"), headers=ask) as response:
        assert response.status == (204 if is_allowed else 403)
    async with session.get(http_url(application, "/allowed")) as response:
        assert response.headers["Vary"] == "Origin"


@pytest.mark.parametrize("origins", [("*",), (FRIEND,), ("https://*.example",)])
async def test_exposed_headers_and_max_age_of_settings_are_sent(
    serve: Serve, session: aiohttp.ClientSession, origins: tuple[str, ...]
) -> None:
    names = ("X-Total", "ETag")
    settings = {"origins": origins, "exposed_headers": names, "preflight_max_age": 7200}
    application = await serve(Pages, http=settings, request_id_header="X-Request-ID")
    url, ask = http_url(application, "/items/7"), {"Origin": FRIEND}

    async with session.get(url, headers=ask) as response:
        assert response.headers["Access-Control-Expose-Headers"] == "X-Request-ID, X-Total, ETag"
    ask["Access-Control-Request-Method"] = "POST"
    async with session.options(url, headers=ask) as response:
        assert response.headers["Access-Control-Max-Age"] == "7200"


@pytest.mark.parametrize("name", ["", "a b", "a:", 1])
def test_exposed_headers_with_an_invalid_name_raise(name: Any) -> None:
    with pytest.raises(ValueError, match="exposed_headers must be a list of names of headers"):
        HttpSettings(exposed_headers=(name,))


class TestPreflight:
    """Fetch Standard, "CORS-preflight fetch"."""

    @staticmethod
    def asks(origin: str | None, headers: str = "content-type") -> dict[str, str]:
        given = {
            "Origin": origin,
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": headers,
        }
        return {name: value for name, value in given.items() if value}

    async def test_preflight_of_listed_origin_has_methods_of_path(
        self, serve: Serve, session: aiohttp.ClientSession
    ) -> None:
        application = await serve(Pages, http={"origins": (FRIEND,)})
        url = http_url(application, "/items/7")

        async with session.options(url, headers=self.asks(FRIEND)) as response:
            assert (response.status, await response.read()) == (204, b"")
            assert cors(response) == {
                ORIGIN: FRIEND,
                "Access-Control-Allow-Methods": "GET, HEAD, OPTIONS, POST",
                "Access-Control-Allow-Headers": "content-type",
                "Access-Control-Max-Age": "600",
            }
            assert response.headers["Vary"] == "Origin"

    @pytest.mark.parametrize(
        ("origin", "status", "echo"),
        [
            pytest.param(FRIEND, 204, FRIEND, id="listed"),
            pytest.param("null", 403, None, id="null"),
            pytest.param("https://evil.example", 403, None, id="foreign"),
            pytest.param("*", 403, None, id="star"),
        ],
    )
    async def test_preflight_with_credentials_accepts_listed_origins_only(
        self,
        serve: Serve,
        session: aiohttp.ClientSession,
        origin: str,
        status: int,
        echo: str | None,
    ) -> None:
        application = await serve(Pages, http={"origins": (FRIEND,), "allow_credentials": True})
        url = http_url(application, "/items/7")

        async with session.options(url, headers=self.asks(origin)) as response:
            assert response.status == status
            assert response.headers.getall(ORIGIN, []) == ([] if echo is None else [echo])
            assert response.headers.get(CREDENTIALS) == (None if echo is None else "true")
            assert response.headers.getall("Vary") == ["Origin"]
            if echo is None:
                assert cors(response) == {}
                assert (await response.json())["statusCode"] == 403

    @pytest.mark.parametrize(
        ("asked", "granted"),
        [
            pytest.param("content-type, X-A,authorization", None, id="several"),
            pytest.param("x-a, bad header, x(b), é, , x-c", "x-a, x-c", id="wild"),
            pytest.param('"x", a:b', "", id="none-valid"),
            pytest.param("", "", id="none"),
            pytest.param("*", "*", id="star"),
            pytest.param(", ".join(["x"] * 2000), None, id="many"),
        ],
    )
    async def test_preflight_echoes_valid_header_names_only(
        self, serve: Serve, session: aiohttp.ClientSession, asked: str, granted: str | None
    ) -> None:
        application = await serve(Pages, http={"origins": (FRIEND,)})
        url = http_url(application, "/items/7")
        wanted = ", ".join(asked.replace(" ", "").split(",")) if granted is None else granted

        async with session.options(url, headers=self.asks(FRIEND, asked)) as response:
            assert response.status == 204
            assert response.headers.get("Access-Control-Allow-Headers", "") == wanted

    async def test_preflight_with_star_accepts_all_origins(
        self, serve: Serve, session: aiohttp.ClientSession
    ) -> None:
        application = await serve(Pages, http={"origins": ("*",)})
        url = http_url(application, "/items/7")

        async with session.options(url, headers=self.asks("null")) as response:
            assert (response.status, response.headers[ORIGIN]) == (204, "*")
            assert CREDENTIALS not in response.headers

    async def test_preflight_below_prefix_finds_path_else_404(
        self, serve: Serve, session: aiohttp.ClientSession
    ) -> None:
        application = await serve(Pages, http={"origins": (FRIEND,), "prefix": "/api"})

        for path, status in {"/api/items/7": 204, "/api/x": 404, "/items/7": 404}.items():
            url = http_url(application, path)
            async with session.options(url, headers=self.asks(FRIEND)) as response:
                assert (response.status, response.headers[ORIGIN]) == (status, FRIEND), path

    async def test_options_without_origin_has_allow(
        self, serve: Serve, session: aiohttp.ClientSession
    ) -> None:
        application = await serve(Pages)
        url = http_url(application, "/items/7")

        for headers in (self.asks(None), {"Origin": "https://evil.example"}):
            async with session.options(url, headers=headers) as response:
                assert (response.status, cors(response)) == (204, {})
                assert response.headers["Allow"] == "GET, HEAD, OPTIONS, POST"

    async def test_preflight_rejection_passes_exception_phase(
        self, serve: Serve, session: aiohttp.ClientSession
    ) -> None:
        class Shape:
            @observe(KernelEvents.KERNEL_EXCEPTION)
            async def shape(self, event: ExceptionEvent) -> None:
                status = getattr(event.exception, "status_code", 500)
                event.set_response(Response({"shaped": status}, status))

        application = await serve(Pages, listeners=[Shape])
        url = http_url(application, "/items/7")

        async with session.options(url, headers=self.asks(FRIEND)) as response:
            assert (response.status, await response.json()) == (403, {"shaped": 403})


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/items/7", 200),
        ("HEAD", "/items/7", 200),
        ("GET", "/nowhere", 404),
        ("GET", "/items/%FF", 400),
        ("PUT", "/items/7", 405),
        ("POST", "/items/7", 413),
        ("GET", "/broken", 500),
        ("GET", "/unwritable", 500),
        ("GET", "/stream", 200),
        ("HEAD", "/stream", 200),
        ("GET", "/events", 200),
        ("GET", "/file", 200),
        ("GET", "/native", 200),
        ("GET", "/native-error", 409),
    ],
)
async def test_cors_headers_are_on_every_response_once(
    serve: Serve, session: aiohttp.ClientSession, method: str, path: str, status: int
) -> None:
    class Native:
        @observe(ServerEvents.CONFIGURE)
        async def configure(self, event: ServerConfigurationEvent) -> None:
            if event.server.name == "http":
                event.server.engine.router.add_get("/native", self.native)
                event.server.engine.router.add_get("/native-error", self.error)

        async def native(self, request: web.Request) -> web.Response:
            return web.Response(text="native")

        async def error(self, request: web.Request) -> web.Response:
            raise web.HTTPConflict

    application = await serve(
        Pages, listeners=[Native], http={"origins": (FRIEND,), "body_limit": 10}
    )
    url = URL(http_url(application, path), encoded=True)
    body = b"x" * 11 if method == "POST" else None

    async with session.request(method, url, data=body, headers={"Origin": FRIEND}) as response:
        assert response.status == status
        assert response.headers.getall(ORIGIN) == [FRIEND]
        assert response.headers.getall("Vary") == ["Origin"]


async def test_cors_headers_are_on_304_of_file(
    serve: Serve, session: aiohttp.ClientSession
) -> None:
    application = await serve(Pages, http={"origins": (FRIEND,)})
    url, headers = http_url(application, "/file"), {"Origin": FRIEND}

    async with session.get(url, headers=headers) as response:
        etag = response.headers["ETag"]
    async with session.get(url, headers={**headers, "If-None-Match": etag}) as response:
        assert (response.status, response.headers.getall(ORIGIN)) == (304, [FRIEND])


@pytest.mark.parametrize(
    ("given", "sent"),
    [("Accept", "Accept, Origin"), ("Accept, origin", "Accept, origin"), ("*", "*")],
)
async def test_vary_of_action_is_extended(
    serve: Serve, session: aiohttp.ClientSession, given: str, sent: str
) -> None:
    application = await serve(Pages, http={"origins": (FRIEND,)})

    async with session.get(
        http_url(application, "/chosen"), params={"Vary": given}, headers={"Origin": FRIEND}
    ) as response:
        assert response.headers.getall("Vary") == [sent]
        assert response.headers.getall(ORIGIN) == [FRIEND]


async def test_cors_headers_of_listener_are_kept(
    serve: Serve, session: aiohttp.ClientSession
) -> None:
    """Credentials are not added either: the listener selected the origin."""

    class Choose:
        @observe(KernelEvents.KERNEL_RESPONSE)
        async def choose(self, event: ResponseEvent) -> None:
            event.response.headers[ORIGIN] = "https://chosen.example"

    application = await serve(
        Pages, listeners=[Choose], http={"origins": (FRIEND,), "allow_credentials": True}
    )

    async with session.get(
        http_url(application, "/items/7"), headers={"Origin": FRIEND}
    ) as response:
        assert cors(response) == {ORIGIN: "https://chosen.example"}
        assert response.headers.getall(ORIGIN) == ["https://chosen.example"]


async def test_expose_headers_of_action_are_kept(
    serve: Serve, session: aiohttp.ClientSession
) -> None:
    application = await serve(Pages, http={"origins": (FRIEND,)})
    expose = {"Access-Control-Expose-Headers": "ETag"}

    async with session.get(
        http_url(application, "/chosen"), params=expose, headers={"Origin": FRIEND}
    ) as response:
        assert cors(response) == {ORIGIN: FRIEND, **expose}


@pytest.mark.parametrize("origins", [(FRIEND,), ("*",)])
async def test_expose_headers_include_request_id(
    serve: Serve, session: aiohttp.ClientSession, origins: tuple[str, ...]
) -> None:
    """In addition to headers of the action; not for origins that are not allowed."""
    application = await serve(Pages, http={"origins": origins}, request_id_header="X-Trace")
    exposed, given = "Access-Control-Expose-Headers", {"Access-Control-Expose-Headers": "ETag"}
    chosen, broken = (http_url(application, path) for path in ("/chosen", "/broken"))
    friend, stranger = {"Origin": FRIEND}, {"Origin": "https://evil.example"}

    async with session.get(broken, headers=friend) as response:
        assert response.headers.getall(exposed) == ["X-Trace"]
        assert response.headers["X-Trace"]
    async with session.get(chosen, params=given, headers=friend) as response:
        assert response.headers.getall(exposed) == ["ETag", "X-Trace"]
    async with session.get(broken, headers=stranger) as response:
        assert (exposed in response.headers) == ("*" in origins)
