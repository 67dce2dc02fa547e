"""Requests of several connections start in the order in which they were read.

The tests run with asyncio and uvloop (`conftest.py`). Server and clients share one event loop.
The clients send without awaiting, so the server reads all requests in one iteration of the loop,
in the order in which they were sent.
"""

import asyncio
import itertools
import socket
from contextlib import ExitStack

import pytest

from rxkernel import Application, HeadEvent, KernelEvents, http, observe
from rxkernel.servers.aiohttp.connection.start_order import StartOrder
from tests.servers.conftest import Serve

GET = "GET /{n} HTTP/1.1\r\nHost: x\r\n\r\n"
CHUNKED = "POST /{n} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n1\r\n0\r\n\r\n"
IN_PIECES = "POST /{n} HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n"
HALF_A_HEAD = "GET /{n} HTTP/1.1\r\nHo"
MALFORMED = "GET\r\n\r\n"

REQUESTS = {"fast": GET, "aiohttp": CHUNKED}
"""Requests by the path that handles them."""

ROUNDS = 5


class Starts:
    def __init__(self) -> None:
        self.started: list[int] = []

    @http("GET", "/{n:int}", "get")
    async def get(self, n: int) -> str:
        return "got"

    @http("POST", "/{n:int}", "post")
    async def post(self, n: int) -> str:
        return "posted"

    @observe(KernelEvents.KERNEL_HEAD)
    async def start(self, event: HeadEvent) -> None:
        self.started.append(event.request.params["n"])


def connect(application: Application, stack: ExitStack) -> socket.socket:
    server = application.servers["http"]
    client = stack.enter_context(socket.create_connection((server.host, server.port)))
    client.setblocking(False)
    return client


async def receive_response(client: socket.socket) -> None:
    received = b""
    while not received.endswith(b"ed") and not received.endswith(b"got"):
        piece = await asyncio.get_running_loop().sock_recv(client, 65_536)
        assert piece, received
        received += piece


@pytest.mark.parametrize("is_reused", [False, True], ids=["new", "reused"])
@pytest.mark.parametrize(
    "kinds", list(itertools.product(["fast", "aiohttp"], repeat=3)), ids="-".join
)
async def test_requests_read_in_one_loop_iteration_start_in_order(
    serve: Serve, kinds: tuple[str, ...], is_reused: bool
) -> None:
    application = await serve(Starts)
    started = application.injector.get(Starts).started

    with ExitStack() as stack:
        clients = [connect(application, stack) for _ in kinds]
        for n in range(ROUNDS):
            if not is_reused:
                clients = [connect(application, stack) for _ in kinds]
            for m, (client, kind) in enumerate(zip(clients, kinds, strict=True)):
                client.send(REQUESTS[kind].format(n=10 * n + m).encode())
            for client in clients:
                async with asyncio.timeout(20):
                    await receive_response(client)

    assert started == [10 * n + m for n in range(ROUNDS) for m in range(len(kinds))]


@pytest.mark.parametrize(
    "first", [IN_PIECES, HALF_A_HEAD, MALFORMED], ids=["pieces", "half-a-head", "malformed"]
)
async def test_request_read_after_an_incomplete_one_starts(serve: Serve, first: str) -> None:
    application = await serve(Starts)
    started = application.injector.get(Starts).started

    with ExitStack() as stack:
        slow, *others = (connect(application, stack) for _ in range(3))
        slow.send(first.format(n=1).encode())
        for client, kind in zip(others, [GET, CHUNKED], strict=True):
            client.send(kind.format(n=2).encode())
        for client in others:
            async with asyncio.timeout(20):
                await receive_response(client)

    assert started.count(2) == 2


async def test_request_after_a_cancelled_one_starts() -> None:
    order = StartOrder()
    first, second, third = order.draw(), order.draw(), order.draw()
    waiting = [asyncio.create_task(order.wait(ticket)) for ticket in (first, second, third)]
    waiting[0].cancel()

    async with asyncio.timeout(20):
        await asyncio.wait(waiting[1:])

    assert not order.tickets
