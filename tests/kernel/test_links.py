"""`Request.base_url` and `Request.url_for`, in process; over the wire in tests/servers."""

from collections.abc import Mapping
from datetime import date
from typing import Any

import pytest

from rxkernel import (
    Application,
    Converter,
    ExceptionEvent,
    HttpSettings,
    KernelClient,
    KernelEvents,
    RedirectResponse,
    Request,
    RequestEvent,
    Response,
    RxKernelError,
    Settings,
    http,
    observe,
    websocket,
)
from rxkernel.pytest_plugin import ClientOf


class Articles:
    """Routes to link to; ``link`` returns the URL of route ``to`` for parameters in the body."""

    @http("POST", "/link/{to}", "link")
    @websocket("link")
    async def link(self, request: Request) -> Any:
        params = request.body if isinstance(request.body, dict) else {}
        return request.url_for(str(request.params["to"]), **params)

    @http("GET", "/base", "base")
    @websocket("base")
    async def base(self, request: Request) -> Any:
        return request.base_url

    @http("GET", "/", "index")
    async def index(self, request: Request) -> None: ...

    @http("GET", "/articles/{slug}/{id:int}", "article")
    async def article(self, request: Request) -> None: ...

    @http("GET", "/files/{path:path}", "file")
    async def file(self, request: Request) -> None: ...

    @http("GET", "/{name}/{self}", "names")
    async def names(self, request: Request) -> None: ...

    @http("GET", "/admin", "admin", host="admin.example.com")
    async def admin(self, request: Request) -> None: ...

    @http("GET", "/tenant", "tenant", host="*.example.com")
    async def tenant(self, request: Request) -> None: ...


def settings(**http: Any) -> Settings:
    return Settings(http=HttpSettings(**http))


async def linked(
    client: KernelClient, to: str, host: str | None = None, **params: Any
) -> tuple[int, Any]:
    """Return the URL of `url_for` over HTTP, and over a socket."""
    headers = {} if host is None else {"Host": host}
    over_http = await client.http("link", params={"to": to}, body=params, headers=headers)
    connection = client.connection(headers=headers)
    over_socket = await client.websocket(
        "link", params={"to": to}, body=params, connection=connection
    )
    assert over_socket.content == over_http.content
    return over_http.status_code, over_http.content


@pytest.mark.parametrize(
    ("to", "params", "url"),
    [
        ("index", {}, "/"),
        ("article", {"slug": "caffè/1", "id": 7}, "/articles/caff%C3%A8%2F1/7"),
        ("file", {"path": "a b/c"}, "/files/a%20b/c"),
        ("names", {"name": "n", "self": "s"}, "/n/s"),
        ("index", {"q": "a b&c", "tag": ["x", "y"], "none": None}, "/?q=a+b%26c&tag=x&tag=y"),
        ("index", {"on": True, "n": 1.5, "name": "x"}, "/?on=true&n=1.5&name=x"),
        ("article", {"slug": "s", "id": 7, "page": 2}, "/articles/s/7?page=2"),
    ],
)
@pytest.mark.parametrize("prefix", ["", "/api"])
async def test_url_for_builds_path_and_query(
    client_of: ClientOf, to: str, params: Mapping[str, Any], url: str, prefix: str
) -> None:
    client = client_of(Articles, settings=settings(prefix=prefix))

    assert await linked(client, to, "example.com", **params) == (
        200,
        f"http://example.com{prefix}{url}",
    )


async def test_url_for_writes_values_of_own_converters_and_dates(client_of: ClientOf) -> None:
    class Days:
        @http("GET", "/days/{day:day}", "day")
        async def day(self, request: Request) -> Any:
            return request.url_for("day", day=date(2024, 2, 29), since=date(2024, 1, 1))

    day = Converter("[0-9]{4}-[0-9]{2}-[0-9]{2}", date.fromisoformat)
    client = client_of(Days, converters={"day": day})

    response = await client.http("day", params={"day": "2024-01-02"})

    assert response.content == "http://localhost/days/2024-02-29?since=2024-01-01"


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        (None, "http://localhost"),
        ("Example.COM", "http://example.com"),
        ("example.com:80", "http://example.com"),
        ("example.com:8080", "http://example.com:8080"),
        ("[::1]:8080", "http://[::1]:8080"),
        ("", "http://localhost"),
        ("evil.com/path", "http://localhost"),
        ("user@evil.com", "http://localhost"),
        ("evil.com\t", "http://localhost"),
        ("a.com, b.com", "http://localhost"),
        ("example.com:99999", "http://localhost"),
        ("{}", "http://localhost"),
    ],
)
async def test_base_url_has_valid_host_or_localhost(
    client_of: ClientOf, host: str | None, origin: str
) -> None:
    client = client_of(Articles, settings=settings(prefix="/api"))
    headers = {} if host is None else {"Host": host}

    over_http = await client.http("base", headers=headers)
    over_socket = await client.websocket("base", connection=client.connection(headers=headers))

    assert over_http.content == over_socket.content == f"{origin}/api"


@pytest.mark.parametrize(
    ("to", "host", "origin"),
    [
        ("admin", "www.example.com:8080", "http://admin.example.com:8080"),
        ("admin", "ADMIN.example.com", "http://admin.example.com"),
        ("admin", "[::1]:8080", "http://admin.example.com:8080"),
        ("admin", "[::1]", "http://admin.example.com"),
        ("tenant", "a.example.com:8080", "http://a.example.com:8080"),
    ],
)
async def test_url_for_route_of_a_host_has_that_host(
    client_of: ClientOf, to: str, host: str, origin: str
) -> None:
    status, url = await linked(client_of(Articles), to, host)

    assert (status, url) == (200, f"{origin}/{to}")


class Caught:
    """Responds with the text of the exception."""

    @observe(KernelEvents.KERNEL_EXCEPTION)
    async def show(self, event: ExceptionEvent) -> None:
        exc = event.exception
        event.set_response(Response(f"{type(exc).__name__}: {exc.args[0]}", 418))


@pytest.mark.parametrize(
    ("to", "params", "message"),
    [
        ("artcle", {}, "KeyError: no HTTP route 'artcle'; did you mean 'article'?"),
        ("zzz", {}, "KeyError: no HTTP route 'zzz'; there is: link, base, index, article, file, "),
        ("article", {"id": 7}, "ValueError: Path '/articles/{slug}/{id:int}' needs the parameter"),
        ("article", {"slug": "a", "id": "x"}, "ValueError: Path '/articles/{slug}/{id:int}' can"),
        ("article", {"slug": None, "id": 7}, "ValueError: Path '/articles/{slug}/{id:int}' can"),
        (
            "index",
            {"q": {}},
            "ValueError: the parameter 'q' is {}, which cannot be written as text",
        ),
        ("tenant", {}, "ValueError: Route 'tenant' is for the hosts *.example.com, and this "),
    ],
)
async def test_url_for_invalid_arguments_raise(
    client_of: ClientOf, to: str, params: dict[str, Any], message: str
) -> None:
    status, content = await linked(client_of(Articles, listeners=[Caught]), to, **params)

    assert status == 418
    assert content.startswith(message)


async def test_url_for_in_every_phase_returns_the_url(client_of: ClientOf) -> None:
    urls: dict[str, str] = {}

    class Watcher:
        @observe(KernelEvents.KERNEL_REQUEST)
        async def request(self, event: RequestEvent) -> None:
            urls["request"] = event.request.url_for("index")

        @observe(KernelEvents.KERNEL_EXCEPTION)
        async def exception(self, event: ExceptionEvent) -> None:
            urls["exception"] = event.request.url_for("index")

    client = client_of(Articles, listeners=[Watcher])
    await client.http("index")
    unfit = await client.http("article", params={"slug": "a", "id": "x"})

    assert unfit.status_code == 404
    assert urls == dict.fromkeys(("request", "exception"), "http://localhost/")


async def test_url_for_follows_reload(client_of: ClientOf) -> None:
    class Moved:
        @http("GET", "/moved", "index")
        async def index(self, request: Request) -> None: ...

    class Linker:
        @http("GET", "/linker", "linker")
        async def link(self, request: Request) -> Any:
            return request.url_for("index")

    class Old:
        @http("GET", "/old", "index")
        async def index(self, request: Request) -> None: ...

    client = client_of(Old, Linker)
    before = await client.http("linker")
    await client.application.reload(remove=[Old], controllers=[Moved])
    after = await client.http("linker")

    assert (before.content, after.content) == ("http://localhost/old", "http://localhost/moved")


async def test_handler_of_definition_builds_urls_of_the_application(client_of: ClientOf) -> None:
    client = client_of(Articles)
    await client.application.boot()
    request = Request("HTTP", params={"to": "index"})

    response = await client.application.kernel.http_definitions["link"].handler(request)

    assert response.content == "http://localhost/"


async def test_path_for_is_accepted_by_redirect(client_of: ClientOf) -> None:
    """`RedirectResponse` rejects other hosts, and clients can set the host of `url_for`."""

    class Moved:
        @http("GET", "/moved/{id:int}", "moved")
        async def moved(self, request: Request) -> Response:
            return RedirectResponse(request.path_for("moved", id=8, page=2))

    client = client_of(Moved, settings=settings(prefix="/api"))

    response = await client.http("moved", params={"id": 7}, headers={"Host": "example.com"})

    assert response.headers["Location"] == "/api/moved/8?page=2"


@pytest.mark.parametrize(
    "ask", [lambda r: r.base_url, lambda r: r.url_for("index"), lambda r: r.path_for("index")]
)
def test_url_for_of_request_without_application_raises(ask: Any) -> None:
    with pytest.raises(RxKernelError, match="no application handles it"):
        ask(Request("HTTP"))


async def test_two_applications_build_separate_urls() -> None:
    async with (
        KernelClient(Application(controllers=[Articles])) as one,
        KernelClient(Application(controllers=[Articles], settings=settings(prefix="/b"))) as two,
    ):
        assert (await linked(one, "index"))[1] == "http://localhost/"
        assert (await linked(two, "index"))[1] == "http://localhost/b/"
