"""Both paths send the same bytes, for any data in any segments."""

import asyncio
import itertools
import re
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from injector import inject

from rxkernel import (
    Application,
    Bundle,
    FileResponse,
    HttpSettings,
    Request,
    Response,
    Settings,
    StreamResponse,
    http,
)
from rxkernel.exceptions import ConflictException
from rxkernel.servers.aiohttp.server import HttpServer
from tests.waiting import until

_VARYING = re.compile(rb"(Date: )[^\r]*|(X-Request-ID: )[0-9a-f]{12}-[0-9]+")
"""Ids and times that the server creates."""


class Shop:
    @http("GET", "/", "index")
    async def index(self, request: Request) -> Any:
        return {"query": dict(request.params), "url": request.url, "who": str(request.client)[:5]}

    @http("GET", "/text", "text")
    async def text(self, request: Request) -> str:
        await asyncio.sleep(0)
        return "é" * 600

    @http("GET", "/nothing", "nothing")
    async def nothing(self, request: Request) -> None:
        return None

    @http("GET", "/status/{status:int}", "status")
    async def status(self, request: Request) -> Response:
        headers = {"Content-Length": "7", "X-Own": "é", "Date": "now", "Server": "own"}
        return Response(b"content", request.param("status", int), headers)

    @http("GET", "/bare/{status:int}", "bare")
    async def bare(self, request: Request) -> Response:
        return Response([1], request.param("status", int))

    @http("GET", "/tagged", "tagged")
    async def tagged(self, request: Request) -> Response:
        response = Response([1, 2])
        response.set_etag()
        response.set_cookie("a", "b")
        response.headers["connection"] = "close, me"
        return response

    @http("GET", "/stream", "stream")
    async def stream(self, request: Request) -> StreamResponse:
        return StreamResponse(self.pieces())

    async def pieces(self) -> AsyncIterator[bytes]:
        for piece in (b"one", b"two"):
            yield piece

    @http("GET", "/file", "file")
    async def file(self, request: Request) -> FileResponse:
        return FileResponse(__file__)

    @http("GET", "/sometimes", "sometimes")
    async def sometimes(self, request: Request) -> Response:
        return StreamResponse(self.pieces()) if "s" in request.params else Response("whole")

    @http("GET", "/fails", "fails")
    async def fails(self, request: Request) -> None:
        raise RuntimeError

    @http("GET", "/odd", "odd")
    async def odd(self, request: Request) -> Any:
        return object()

    @http("POST", "/echo", "echo", body_limit=2000)
    async def echo(self, request: Request) -> Any:
        if request.params.get("refuse"):
            raise ConflictException("no", headers={"X-Why": "so"})
        return [request.body if not isinstance(request.body, bytes) else len(request.body)]

    @http("POST", "/echo/{name}", "echo_name")
    async def echo_name(self, name: str, body: AsyncIterator[bytes]) -> Any:
        return [name, [len(piece) async for piece in body] and "read"]


class Calls(Bundle):
    name = "calls"

    @inject
    def __init__(self, http: HttpServer) -> None:
        http.handle("/calls", self.respond)

    async def respond(self, request: Request, body: bytes) -> Response:
        if body == b"[1":
            raise ConflictException("not this")
        return Response([body, request.headers.get("Content-Type")])


PATHS = ["/", "/text", "/nothing", "/status/200", "/status/204", "/status/304", "/status/205"]
PATHS += ["/bare/200", "/bare/299", "/bare/204", "/bare/304", "/bare/503", "/tagged", "/fails"]
PATHS += ["/odd", "/echo", "/echo/x", "/echo?refuse=1", "/stream", "/file", "/sometimes?s", "//x"]
PATHS += ["/sometimes", "/?a=1&b=%20", "/?a#f", "/unknown", "/%zz", "/%2e", "*", "http://x/", "x"]
PATHS += ["/socket.io/", "/socket%2Eio/?EIO=4", "/text/", "/é", "/\udc80"]
PATHS += ["/calls", "/calls", "/calls/", "/calls?a=1", "/%63alls", "/calls/x"]

HEADERS = ["Connection: close", "Connection: keep-alive", "Connection: upgrade", "Upgrade: x"]
HEADERS += ["Accept: application/msgpack", "Accept-Encoding: gzip", "X-Request-ID: mine"]
HEADERS += ["X-Request-ID: né", "If-None-Match: *", "Origin: https://a.example", "Host: other"]
HEADERS += ["Origin: null", "Expect: 100-continue", "Expect: more", "Content-Encoding: gzip"]
HEADERS += ["Content-Type: application/json", "Content-Type: text/plain; charset=latin-1"]
HEADERS += ["Content-Type: multipart/form-data; boundary=x", "Content-Type: nonsense"]
HEADERS += ["Content-Type: application/x-www-form-urlencoded", "Content-Type: application/msgpack"]
HEADERS += ["Access-Control-Request-Method: GET", "Bad Header", "X: \x00", "X-Forwarded-For: ::1"]
HEADERS += ["Content-Length: x", "Transfer-Encoding: chunked", "X-Forwarded-Proto: https"]

BODIES = [b"", b"{}", b"[1", b"a=1&b=2", b"\xff", b"\x93\x01\x02\x03", b"x" * 3000, b"\r\n\r\n"]

METHODS = ["GET", "GET", "HEAD", "POST", "POST", "PUT", "OPTIONS", "DELETE", "TRACE", "CONNECT"]


def message(draw: st.DrawFn) -> bytes:
    """A request, in most cases valid."""
    method = draw(st.sampled_from([*METHODS, "get"]))
    version = draw(st.sampled_from(["1.1", "1.1", "1.1", "1.0", "2.0"]))
    lines = [f"{method} {draw(st.sampled_from(PATHS))} HTTP/{version}"]
    lines += ["Host: shop"] * draw(st.sampled_from([1, 1, 1, 1, 0, 2]))
    lines += draw(st.lists(st.sampled_from(HEADERS), max_size=3))
    body = draw(st.sampled_from(BODIES)) if method in ("POST", "PUT") else b""
    if body:
        lines.append(f"Content-Length: {len(body) + draw(st.sampled_from([0, 0, 0, 0, 3, -1]))}")
    end = draw(st.sampled_from(["\r\n", "\r\n", "\r\n", "\r\n", "\r\n", "\n"]))
    head = end.join([*lines, "", ""]).encode(errors="surrogateescape")
    return draw(st.sampled_from([b"", b"", b"", b"\r\n"])) + head + body


@st.composite
def segments(draw: st.DrawFn) -> list[bytes]:
    """Requests, cut into segments anywhere; one in four segments ends with a request."""
    messages = [message(draw) for _ in range(draw(st.integers(1, 4)))]
    if draw(st.integers(0, 3)) == 0:
        return messages
    data = b"".join(messages)
    cuts = sorted({0, len(data), *draw(st.lists(st.integers(0, len(data)), max_size=4))})
    return [data[start:end] for start, end in itertools.pairwise(cuts)]


class Client(asyncio.Protocol):
    """Keeps the received data."""

    def __init__(self) -> None:
        self.received = b""
        self.is_closed = False

    def data_received(self, data: bytes) -> None:
        self.received += data

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_closed = True


class Threads(ThreadPoolExecutor):
    """The threads of a loop; `are_busy` is true while a call is running."""

    def __init__(self) -> None:
        super().__init__()
        self._calls: set[Future[Any]] = set()

    def submit(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        call = super().submit(function, *args, **kwargs)
        self._calls.add(call)
        return call

    def are_busy(self) -> bool:
        self._calls = {call for call in self._calls if not call.done()}
        return bool(self._calls)


async def answers(server: HttpServer, threads: Threads, parts: list[bytes]) -> bytes:
    """The responses to *parts*. Each part is sent when the server has handled the one before."""
    loop = asyncio.get_running_loop()
    assert server.host is not None
    assert server.port is not None
    transport, client = await loop.create_connection(Client, server.host, server.port)
    for part in parts:
        transport.write(part)
        await quiet(server, threads, client)
    transport.abort()
    end = b"<closed>" if client.is_closed else b"<open>"
    await until(lambda: client.is_closed)
    return _VARYING.sub(rb"\1\2", client.received) + end


async def quiet(server: HttpServer, threads: Threads, client: Client) -> None:
    """Wait until the event loop of client and server has run some iterations without an event.

    A request in flight may wait for a body that does not come.
    """
    iterations = 0
    while iterations < 12 or threads.are_busy() or (server.in_flight and iterations < 60):
        before = client.received, client.is_closed
        await asyncio.sleep(0 if iterations < 12 else 0.001)
        iterations = iterations + 1 if before == (client.received, client.is_closed) else 0


SETTINGS: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({}, {}),
    ({"request_id_header": None}, {}),
    ({}, {"compression": True, "compression_minimum": 500, "security_headers": True}),
    ({}, {"origins": ("https://a.example",), "trusted_proxies": ("127.0.0.1",)}),
    ({}, {"allowed_hosts": ("shop",)}),
]
"""Settings of the application, and of its section ``http``."""


HELLO = b"GET / HTTP/1.1\r\nHost: shop\r\n\r\n"
POST = b"POST /echo HTTP/1.1\r\nHost: shop\r\n"

EXAMPLES = [
    [HELLO * 3],
    [HELLO + b"\r\n", HELLO + b"\r\n\r\n" + HELLO],
    [HELLO + b"junk\r\n\r\n"],
    [HELLO, b"junk\r\n\r\n"],
    [HELLO + b"GET / HTTP/1.1\r\nConnection: close\r\nHost: shop\r\n\r\n", HELLO],
    [b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", HELLO],
    [b"GET /text HTTP/1.0\r\n\r\n", HELLO],
    [b"HEAD /text HTTP/1.1\r\nHost: shop\r\n\r\n" + HELLO],
    [b"HEAD /nothing HTTP/1.1\r\nHost: shop\r\n\r\n" + HELLO],
    [b"HEAD /status/200 HTTP/1.1\r\nHost: shop\r\n\r\n" + HELLO],
    [b"GET /tagged HTTP/1.1\r\nHost: shop\r\nIf-None-Match: *\r\n\r\n" + HELLO],
    [POST + b"Content-Length: 2\r\n\r\n{}" + HELLO],
    [POST + b"Content-Length: 2\r\n\r\n{", b"}" + HELLO, HELLO],
    [POST + b"Content-Length: 2\r\n\r\n", b"{}junk\r\n\r\n"],
    [POST + b"Content-Length: 2\r\n\r\n{}junk\r\n\r\n"],
    [HELLO + POST + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n\0" + HELLO],
    [POST + b"Connection: close\r\nContent-Length: 2\r\n\r\n{}" + HELLO, HELLO],
    [POST + b"Connection: upgrade\r\nUpgrade: x\r\nContent-Length: 2\r\n\r\n{}" + HELLO, HELLO],
    [b"GET /stream HTTP/1.0\r\nConnection: keep-alive\r\n\r\n" + HELLO],
    [b"OPTIONS * HTTP/1.1\r\nHost: shop\r\n\r\n" + HELLO],
    [b"GET /status/205 HTTP/1.1\r\nHost: shop\r\n\r\n" + HELLO],
    [POST + b"Content-Length: 3000\r\n\r\n", b"x" * 3000 + HELLO],
    [POST + b"Content-Length: 2\r\nContent-Encoding: gzip\r\n\r\n{}", HELLO],
    [POST + b"Content-Length: 2\r\nContent-Encoding: none\r\n\r\n{}", HELLO],
    [POST + b"Content-Length: 2\r\nExpect: 100-continue\r\n\r\n{}", HELLO],
    [POST + b"Content-Length: 2\n\n{}", HELLO],
    [POST + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}1", HELLO],
    [POST + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n" + HELLO, HELLO],
    [POST + b"Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n1\r\n}\r\n0\r\n\r\n", HELLO],
    [POST + b"Transfer-Encoding: chunked\r\n\r\n2;a=b\r\n{}\r\n0\r\nX: 1\r\n\r\n", HELLO],
    [POST + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n\r\n\r\n", HELLO],
    [POST + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", HELLO],
    [POST + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n" + HELLO],
    [POST + b"Transfer-Encoding: chunked\r\n\r\n3\r\n{}\r\n0\r\n\r\n", HELLO],
    [POST + b"Transfer-Encoding: chunked\r\n\r\ng\r\n{}\r\n0\r\n\r\n", HELLO],
    [POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", HELLO],
    [POST + b"Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"],
    [b"P", b"OST / HTTP/1.0\r\nHost: shop\r\nContent-Length: 2\r\n\r\n{}" + HELLO * 2],
    [b"GET / HTTP/1.1\r\nHost: shop\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n" + HELLO, HELLO],
    [b"GET / HTTP/1.1\r\nHost: shop\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n", HELLO],
    [b"GET /stream HTTP/1.1\r\nHost: shop\r\n\r\n" + HELLO, HELLO],
    [b"GET /sometimes?s HTTP/1.1\r\nHost: shop\r\n\r\n", HELLO],
    [b"GET /socket%2Eio/?EIO=4 HTTP/1.1\r\nHost: shop\r\n\r\n", HELLO],
    [b"POST /calls HTTP/1.1\r\nHost: shop\r\nContent-Length: 2\r\n\r\n{}" + HELLO, HELLO],
    [b"POST /calls HTTP/1.1\r\nHost: shop\r\nContent-Length: 2\r\n\r\n[1" + HELLO, HELLO],
    [b"POST /calls HTTP/1.1\r\nHost: shop\r\nContent-Length: 2\r\n\r\n", b"{}" + HELLO],
    [b"POST /calls HTTP/1.1\r\nHost: shop\r\n\r\n" + HELLO, HELLO],
    [b"PUT /calls HTTP/1.1\r\nHost: shop\r\nContent-Length: 2\r\n\r\n{}" + HELLO, HELLO],
    [b"OPTIONS /calls HTTP/1.1\r\nHost: shop\r\n\r\n" + HELLO, HELLO],
    [b"HEAD /calls HTTP/1.1\r\nHost: shop\r\n\r\n" + HELLO, HELLO],
]


def examples(test: Any) -> Any:
    """Add the examples that are tried in every run."""
    for parts in EXAMPLES:
        test = example(parts)(test)
    return test


@pytest.mark.hypothesis
@pytest.mark.parametrize(("own", "of_http"), SETTINGS)
def test_both_paths_send_the_same_bytes(own: dict[str, Any], of_http: dict[str, Any]) -> None:
    runner, threads = asyncio.Runner(), Threads()
    runner.get_loop().set_default_executor(threads)
    applications: list[Application] = []

    async def started(*, fast_path: bool) -> HttpServer:
        settings = Settings(http=HttpSettings(port=0, fast_path=fast_path, **of_http), **own)
        application = Application(controllers=[Shop], bundles=[Calls], settings=settings)
        await application.start()
        applications.append(application)
        server = application.servers["http"]
        assert isinstance(server, HttpServer)
        return server

    fast = runner.run(started(fast_path=True))
    ordinary = runner.run(started(fast_path=False))

    async def both(parts: list[bytes]) -> list[bytes]:
        lanes = (answers(server, threads, parts) for server in (fast, ordinary))
        return list(await asyncio.gather(*lanes))

    @examples
    @settings(suppress_health_check=list(HealthCheck))
    @given(segments())
    def compare(parts: list[bytes]) -> None:
        in_lane, ordinarily = runner.run(both(parts))
        assert in_lane == ordinarily

    try:
        compare()
    finally:
        for application in applications:
            runner.run(application.stop())
        runner.close()
