"""The cases that `benchmarks.instructions` counts, in one process.

``python -m benchmarks.counted rxkernel`` runs the cases of rxkernel; `SERVERS` has the others.
valgrind writes its counter, and sets it to zero, at each call of `getloadavg`: nothing else
here calls it.
"""

import asyncio
import gc
import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, ExitStack, asynccontextmanager
from functools import partial
from typing import Annotated, Any

import attrs
from aiohttp import web

from benchmarks import accounts, gateways, metacom, sites
from benchmarks.contracts import Contracted, Undeclared
from benchmarks.http.peers import FIVE, NONE, Listeners
from benchmarks.http.servers import aiohttp_app, rxkernel_app, settings
from benchmarks.http.servers.changes import (
    Change,
    four_headers,
    header_and_cookie,
    one_header,
    varying_header,
)
from benchmarks.http.work import BODY, HELLO, PARAMETERS, Work
from benchmarks.processes import ROOT
from benchmarks.router import templates
from benchmarks.servers import gateway_app, metacom_app
from benchmarks.sessions import Reader, add_session
from bundles.contracts import ContractsBundle
from bundles.gateway import ACTIONS, Broker, GatewayBundle, action
from bundles.realtime import Data, RealtimeBundle, Service, event
from bundles.sessions.credentials import new_secret
from rxkernel import (
    Application,
    Body,
    HttpSettings,
    Request,
    Settings,
    SharedPort,
    websocket,
)
from rxkernel.cli.loop import run
from rxkernel.cli.workers.acceptor import Acceptor
from rxkernel.cli.workers.request_heads import RequestHeads
from rxkernel.servers.http.forwarded import ForwardedHeaders
from rxkernel.servers.workers.passed_sockets import PassedSockets
from rxkernel.servers.workers.socket_channel import socket_pair

Do = Callable[[int], Awaitable[None]]
"""Run the case *times* times."""

Serving = Callable[[Application], AbstractAsyncContextManager[int]]
"""Serves an application; yields the port for clients."""

mark = os.getloadavg


@attrs.frozen
class Exchange:
    """A request, and the status of its response."""

    path: str
    method: str = "GET"
    headers: tuple[str, ...] = ()
    body: bytes = b""
    status: int = 200

    @classmethod
    def of(cls, work: Work) -> "Exchange":
        if not work.body:
            return cls(work.path, work.method)
        headers = ("Content-Type: application/json", f"Content-Length: {len(work.body)}")
        return cls(work.path, work.method, headers, work.body)

    async def repeat(self, port: int, times: int) -> None:
        """Send the request from another process, which valgrind does not count."""
        lines = (f"{self.method} {self.path} HTTP/1.1", f"Host: 127.0.0.1:{port}", *self.headers)
        request = "\r\n".join((*lines, "", "")).encode() + self.body
        command = (sys.executable, "-m", "benchmarks.asker", str(port), str(self.status))
        ask = partial(subprocess.run, cwd=ROOT, check=True, input=request)
        await asyncio.to_thread(ask, (*command, str(times)))


_HELLO = Exchange.of(HELLO)
_CHUNKS = Exchange(
    BODY.path,
    BODY.method,
    ("Content-Type: application/json", "Transfer-Encoding: chunked"),
    b"%x\r\n%b\r\n0\r\n\r\n" % (len(BODY.body), BODY.body),
)


def _set(listeners: Listeners, change: Change | None) -> None:
    settings.REQUEST_LISTENERS = listeners.request
    settings.RESPONSE_LISTENERS = listeners.response
    settings.CHANGE = change


_PORT_0 = HttpSettings(port=0)


def _application(
    listeners: Listeners, change: Change | None = None, http_settings: HttpSettings = _PORT_0
) -> Application:
    _set(listeners, change)
    return rxkernel_app.create(Settings(http=http_settings))


@asynccontextmanager
async def _calling(application: Application, name: str) -> AsyncIterator[Do]:
    """The definition *name*, called in process as a server calls it."""
    async with application:
        handle = application.kernel.http_definitions[name].pipeline.handle

        async def call(times: int) -> None:
            for _ in range(times):
                await handle(Request("HTTP"))

        yield call


@asynccontextmanager
async def _serving(application: Application) -> AsyncIterator[int]:
    """Serve *application*, and yield its port."""
    await application.start()
    try:
        port = application.servers["http"].port
        assert port is not None, "the server has started"
        yield port
    finally:
        await application.stop()


@asynccontextmanager
async def _serving_as_worker(application: Application) -> AsyncIterator[int]:
    """Yield the port of a supervisor that passes its connections to *application*. Both are in
    this process; the work of the supervisor for a connection counts as connecting."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        ours, theirs = socket_pair()
        acceptor = Acceptor([listening], 1, RequestHeads(ForwardedHeaders(())))
        number = acceptor.pool.new_number()
        application.serve_sockets(PassedSockets(theirs, number))
        sockets = acceptor.pool.add(ours, theirs.dup(), number)
        await application.start()
        acceptor.pool.use(sockets, 0)
        try:
            yield listening.getsockname()[1]
        finally:
            await application.stop()
            acceptor.close()


def kernel(listeners: Listeners) -> AbstractAsyncContextManager[Do]:
    """The definition of hello, called in process."""
    return _calling(_application(listeners), "hello")


def contracts(name: str, controller: type = Contracted) -> AbstractAsyncContextManager[Do]:
    """A definition of *controller*, called in process."""
    return _calling(Application(bundles=[ContractsBundle], controllers=[controller]), name)


@asynccontextmanager
async def http(
    exchange: Exchange,
    listeners: Listeners = FIVE,
    change: Change | None = None,
    http_settings: HttpSettings = _PORT_0,
) -> AsyncIterator[Do]:
    """rxkernel's server, over one connection."""
    async with _serving(_application(listeners, change, http_settings)) as port:
        yield partial(exchange.repeat, port)


@asynccontextmanager
async def http_of_worker() -> AsyncIterator[Do]:
    """Like `http`, for a worker that gets its connections from a supervisor."""
    async with _serving_as_worker(_application(FIVE)) as port:
        yield partial(_HELLO.repeat, port)


@asynccontextmanager
async def http_of_shared_port(number: int) -> AsyncIterator[Do]:
    """Like `http`, with *number* applications on one port; requests are for the last one."""
    port = SharedPort(Settings(http=_PORT_0))
    hosts = [*(f"h{each}.example" for each in range(1, number)), "127.0.0.1"]
    for host in hosts:
        settings = HttpSettings(port=0, allowed_hosts=(host,))
        _application(FIVE, None, settings).share(port, host)
    async with port:
        yield partial(_HELLO.repeat, port.port)


@asynccontextmanager
async def http_with_session(path: str) -> AsyncIterator[Do]:
    """Like `http`, with a session in memory whose cookie each request has."""
    _set(FIVE, None)
    secret = new_secret()
    application = rxkernel_app.create(Settings(http=_PORT_0), [Reader], ["sessions"])
    async with _serving(application) as port:
        await add_session(application, secret)
        yield partial(Exchange(path, headers=(f"Cookie: sid={secret}",)).repeat, port)


@asynccontextmanager
async def http_with_token(path: str, *, keeps_verified: bool = True) -> AsyncIterator[Do]:
    """Like `http`, with the bundle security; each request, except for ``/hello``, has a valid
    access token."""
    _set(FIVE, None)
    settings_of_bundle = accounts.settings_of(keeps_verified=keeps_verified)
    application = rxkernel_app.create(
        Settings(http=_PORT_0, bundles={"security": settings_of_bundle}),
        [accounts.Protected],
        [accounts.BUNDLE],
    )
    async with _serving(application) as port:
        bearer = f"Authorization: Bearer {await accounts.token_of(application)}"
        headers = () if path == "/hello" else (bearer,)
        yield partial(Exchange(path, headers=headers).repeat, port)


@asynccontextmanager
async def http_of_site(path: str) -> AsyncIterator[Do]:
    """A site of the bundle web, over one connection."""
    with ExitStack() as stack:
        async with _serving(sites.create(stack)) as port:
            yield partial(Exchange(path).repeat, port)


class Controlled:
    """An event of a controller."""

    @websocket("echo")
    async def echo(self, data: Annotated[Any, Body()]) -> Any:
        return data


class Served(Service):
    """The same event of a service."""

    @event
    async def echo(self, data: Data) -> Any:
        return data


def events(component: type, serving: Serving = _serving) -> AbstractAsyncContextManager[Do]:
    """The event ``echo`` of *component*."""
    application = Application(
        bundles=[RealtimeBundle], controllers=[component], settings=Settings(http=_PORT_0)
    )
    return _asking(application, '["echo",{"text":"hello"}]', serving=serving)


def gateway_calls() -> AbstractAsyncContextManager[Do]:
    """Calls of an action by a client."""
    return _asking(gateway_app.application(), gateways.CALL.arguments)


def metacom_calls() -> AbstractAsyncContextManager[Do]:
    """Calls of an endpoint with a contract by a client of Metacom."""
    return _asking(metacom_app.create(), metacom.CALL.arguments, "metacom")


@asynccontextmanager
async def _asking(
    application: Application,
    arguments: str,
    protocol: str = "socketio",
    serving: Serving = _serving,
) -> AsyncIterator[Do]:
    """The event with these *arguments*, acknowledged over one websocket."""
    async with serving(application) as port:
        command = (sys.executable, "-m", "benchmarks.event_asker", protocol, str(port))

        async def ask(times: int) -> None:
            run = partial(subprocess.run, (*command, str(times), arguments), cwd=ROOT, check=True)
            await asyncio.to_thread(run)

        yield ask


class Math:
    @action("math.add")
    async def add(self, a: int, b: int) -> int:
        return a + b


@asynccontextmanager
async def action_of_broker(*, by_broker: bool) -> AsyncIterator[Do]:
    """An action with two parameters, called in process."""
    params = {"a": 1, "b": 2}
    async with Application(bundles=[GatewayBundle], controllers=[Math]) as application:
        broker = application.injector.get(Broker)
        handle = application.kernel.definitions[ACTIONS]["math.add"].pipeline.handle

        async def call(times: int) -> None:
            for _ in range(times):
                await broker.call("math.add", params)

        async def run_phases(times: int) -> None:
            for _ in range(times):
                await handle(Request(ACTIONS, None, params, params))

        yield call if by_broker else run_phases


@asynccontextmanager
async def raw_aiohttp(
    exchange: Exchange, listeners: Listeners, change: Change | None = None
) -> AsyncIterator[Do]:
    """aiohttp's server with middlewares in place of *listeners*, over one connection."""
    _set(listeners, change)
    runner = web.AppRunner(aiohttp_app.create(), access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield partial(exchange.repeat, runner.addresses[0][1])
    finally:
        await runner.cleanup()


@asynccontextmanager
async def router(number: int) -> AsyncIterator[Do]:
    """Find one route among *number* templates."""
    find, paths = templates(number)

    async def repeat(times: int) -> None:
        for turn in range(times):
            find("GET", paths[turn % len(paths)])

    yield repeat


ROUNDS = 2
FACTORS = (1, 5)


@attrs.frozen
class Case:
    """A measured case.

    ``times`` is the number of runs between two marks, multiplied by each factor. ``tolerance`` is
    the allowed growth over the recorded count; it is larger than the difference between two counts
    of the same sources.
    """

    title: str
    times: int
    prepare: Callable[[], AbstractAsyncContextManager[Do]]
    tolerance: float = 0.02

    async def count(self) -> None:
        """Count, each time from the same state of the garbage collector, whose work counts too."""
        async with self.prepare() as do:
            await do(self.times)
            for _ in range(ROUNDS):
                for factor in FACTORS:
                    gc.collect()
                    mark()
                    await do(factor * self.times)
                    mark()


HELLO_FIVE = "HTTP hello, 3 + 2 listeners"
ONE_HEADER = f"{HELLO_FIVE}, one header"
VARYING_HEADER = f"{HELLO_FIVE}, one header with a new value each time"
FOUR_HEADERS = f"{HELLO_FIVE}, four headers"
HEADER_AND_COOKIE = f"{HELLO_FIVE}, header and cookie"
POLICIES = f"{HEADER_AND_COOKIE}, with security headers, origins and compression on"
HELLO_NONE = "HTTP hello, no listeners"
PARAMETERS_FIVE = "HTTP path and query, 3 + 2 listeners"
TEN_APPLICATIONS = f"{HELLO_FIVE}, ten applications on one port"
NOT_FOUND = "HTTP 404, 3 + 2 listeners"
BODY_FIVE = "HTTP validated body, 3 + 2 listeners"
FILE_IN_MEMORY = "HTTP file of 1 KiB in memory, 3 + 2 listeners"

_POLICIES = HttpSettings(
    port=0, security_headers=True, origins=("https://example.org",), compression=True
)
_COMPRESSION = HttpSettings(port=0, compression=True)
_GZIP = ("Accept-Encoding: gzip",)
_CHANGES = {
    ONE_HEADER: one_header,
    VARYING_HEADER: varying_header,
    FOUR_HEADERS: four_headers,
    HEADER_AND_COOKIE: header_and_cookie,
}

CASES = (
    Case("kernel, no listeners", 500, partial(kernel, NONE)),
    Case("kernel, 3 + 2 listeners", 500, partial(kernel, FIVE)),
    Case("kernel, no contract", 500, partial(contracts, "bare")),
    Case("kernel, contract without limits", 500, partial(contracts, "facts")),
    Case(
        "kernel, no contract and no return annotation",
        500,
        partial(contracts, "undeclared", Undeclared),
    ),
    Case("kernel, contract with a timeout", 500, partial(contracts, "timeout")),
    Case("kernel, contract with a queue", 500, partial(contracts, "queue")),
    Case(HELLO_NONE, 200, partial(http, _HELLO, NONE)),
    Case(HELLO_FIVE, 200, partial(http, _HELLO)),
    *(Case(title, 200, partial(http, _HELLO, FIVE, c)) for title, c in _CHANGES.items()),
    Case(POLICIES, 200, partial(http, _HELLO, FIVE, header_and_cookie, _POLICIES)),
    Case(PARAMETERS_FIVE, 200, partial(http, Exchange.of(PARAMETERS))),
    Case(BODY_FIVE, 200, partial(http, Exchange.of(BODY))),
    Case("HTTP validated body in one chunk, 3 + 2 listeners", 200, partial(http, _CHUNKS), 0.05),
    Case(NOT_FOUND, 200, partial(http, Exchange("/missing", status=404)), 0.05),
    Case("HTTP stream of one piece, 3 + 2 listeners", 200, partial(http, Exchange("/stream"))),
    Case("HTTP file of 1 KiB, 3 + 2 listeners", 200, partial(http, Exchange("/file"))),
    Case(FILE_IN_MEMORY, 200, partial(http, Exchange("/static/LICENSE"))),
    Case(
        "HTTP 2 KiB of JSON compressed with gzip, 3 + 2 listeners",
        200,
        partial(http, Exchange("/large", headers=_GZIP), FIVE, None, _COMPRESSION),
    ),
    Case(f"{HELLO_FIVE}, sessions enabled", 200, partial(http_with_session, "/hello")),
    Case("HTTP session read, 3 + 2 listeners", 200, partial(http_with_session, "/session")),
    Case(f"{HELLO_FIVE}, security enabled", 200, partial(http_with_token, "/hello")),
    Case("HTTP protected hello, 3 + 2 listeners", 200, partial(http_with_token, "/protected")),
    Case(
        "HTTP protected hello with a new token, 3 + 2 listeners",
        200,
        partial(http_with_token, "/protected", keeps_verified=False),
    ),
    Case(TEN_APPLICATIONS, 200, partial(http_of_shared_port, 10)),
    Case("HTTP page of a controller in a site", 200, partial(http_of_site, "/controller/page")),
    Case("HTTP page of a handler directory", 200, partial(http_of_site, "/page/")),
    Case("HTTP hello of a controller in a site", 200, partial(http_of_site, "/controller/hello")),
    Case("HTTP hello of a handler directory", 200, partial(http_of_site, "/hello.json")),
    Case("action, its phases alone", 500, partial(action_of_broker, by_broker=False)),
    Case("action, called by the broker", 500, partial(action_of_broker, by_broker=True)),
    Case("event of a controller", 200, partial(events, Controlled)),
    Case("event of a service", 200, partial(events, Served)),
    Case("call of a gateway", 200, gateway_calls),
    Case("Metacom call with contract", 200, metacom_calls),
    Case("router, 10 templates", 600, partial(router, 10)),
    Case("router, 1,000 templates", 600, partial(router, 1000)),
)


EVENT = "event of a controller"
EVENT_OF_WORKER = f"{EVENT}, in a worker"
HELLO_OF_WORKER = f"{HELLO_FIVE}, in a worker"

WORKERS = (
    Case(EVENT, 200, partial(events, Controlled)),
    Case(EVENT_OF_WORKER, 200, partial(events, Controlled, _serving_as_worker)),
    Case(HELLO_FIVE, 200, partial(http, _HELLO)),
    Case(HELLO_OF_WORKER, 200, http_of_worker),
)
"""One process, and a worker that gets its connections from a supervisor."""


def _aiohttp(listeners: Listeners) -> tuple[Case, ...]:
    """The cases of `CASES` that raw aiohttp also has, with the same titles."""
    return (
        Case(HELLO_FIVE, 200, partial(raw_aiohttp, _HELLO, listeners)),
        *(
            Case(title, 200, partial(raw_aiohttp, _HELLO, listeners, c))
            for title, c in _CHANGES.items()
        ),
        Case(PARAMETERS_FIVE, 200, partial(raw_aiohttp, Exchange.of(PARAMETERS), listeners)),
        Case(BODY_FIVE, 200, partial(raw_aiohttp, Exchange.of(BODY), listeners)),
    )


SERVERS = {
    "rxkernel": CASES,
    "aiohttp": _aiohttp(NONE),
    "aiohttp-middlewares": _aiohttp(FIVE),
    "workers": WORKERS,
    "hosts": tuple(case for case in CASES if case.title in (HELLO_FIVE, TEN_APPLICATIONS)),
}
"""``aiohttp`` has no middlewares: its handler does what the listeners of rxkernel do."""


async def main(server: str) -> None:
    for case in SERVERS[server]:
        await case.count()


if __name__ == "__main__":
    run(main(sys.argv[1]))
