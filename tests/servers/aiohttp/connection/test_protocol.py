"""Timeouts of a connection."""

import asyncio
import json
import socket
import time
from contextlib import AsyncExitStack
from typing import Any

import pytest

from rxkernel import (
    Request,
    http,
)
from rxkernel.servers.aiohttp.connection.protocol import HttpConnection, connection_of
from tests.servers.hostile_http import HttpAttack, NativeRoute, Wire, head
from tests.waiting import until


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param("", id="silence"),
        pytest.param("GET /sec", id="half-a-request-line"),
        pytest.param("GET /secret HTTP/1.1\r\nHost: x\r\nA:", id="half-a-head"),
        pytest.param("\r\n\r\n", id="empty-lines"),
    ],
)
async def test_head_incomplete_at_the_header_timeout_is_408(
    http_attack: HttpAttack, sent: str
) -> None:
    target = await http_attack(header_timeout=0.1)

    async with target.leaves_nothing({"http.header_timeout": 1}), target.client() as wire:
        wire.send(sent)
        if sent:
            status, headers, body = await wire.answer()
            assert (status, headers["connection"]) == (408, "close")
            assert json.loads(body)["statusCode"] == 408
        assert await wire.rest() == b""


async def test_head_sent_byte_by_byte_does_not_extend_the_header_timeout(
    http_attack: HttpAttack,
) -> None:
    """The slowloris attack sends a byte of a header now and then."""
    target = await http_attack(header_timeout=0.3)

    async def drip(wire: Wire) -> None:
        while True:
            wire.send("A")
            await asyncio.sleep(0.02)

    async with target.leaves_nothing({"http.header_timeout": 1}), target.client() as wire:
        wire.send("GET / HTTP/1.1\r\nHost: x\r\n")
        dripping = asyncio.create_task(drip(wire))
        assert b" 408 " in await wire.rest()
        dripping.cancel()


@pytest.mark.parametrize(
    "first",
    [
        pytest.param(head("Host: x", target="GET /"), id="behind-a-GET"),
        pytest.param(head("Host: x", "Content-Length: 5") + "hello", id="behind-a-POST"),
        pytest.param(
            head("Host: x", "Transfer-Encoding: chunked") + "1\r\na\r\n0\r\n\r\n",
            id="behind-chunks",
        ),
    ],
)
async def test_head_of_a_further_request_has_the_header_timeout(
    http_attack: HttpAttack, first: str
) -> None:
    target = await http_attack(header_timeout=0.1)

    async with target.leaves_nothing({"http.header_timeout": 1}), target.client() as wire:
        wire.send(first)
        assert (await wire.answer())[0] == 200
        wire.send("GET /sec")
        assert (await wire.answer())[0] == 408
        assert await wire.rest() == b""


async def test_head_begun_in_the_segment_of_a_request_has_the_header_timeout(
    http_attack: HttpAttack,
) -> None:
    target = await http_attack(header_timeout=0.1)

    async with target.leaves_nothing({"http.header_timeout": 1}), target.client() as wire:
        wire.send(head("Host: x", target="GET /") + "GET /sec")
        assert (await wire.answer())[0] == 200
        assert (await wire.answer())[0] == 408
        assert await wire.rest() == b""


@pytest.mark.parametrize("cut", [1, 2, 3])
async def test_head_that_ends_in_its_own_segment_leaves_the_connection_idle(
    http_attack: HttpAttack, cut: int
) -> None:
    target = await http_attack(header_timeout=0.1, keepalive_timeout=0.4)

    async with target.leaves_nothing(), target.client() as wire:
        request = head("Host: x", target="GET /")
        wire.send(request[:-cut])
        await wire.writer.drain()
        await asyncio.sleep(0.02)  # another segment
        wire.send(request[-cut:])
        assert (await wire.answer())[0] == 200
        assert await wire.rest() == b""  # without a 408


@pytest.mark.parametrize(
    "request_text",
    [
        pytest.param(head("Host: x", target="GET /"), id="GET"),
        pytest.param(head("Host: x", "Content-Length: 5") + "hello", id="POST"),
    ],
)
async def test_idle_connection_has_the_keepalive_timeout(
    http_attack: HttpAttack, request_text: str
) -> None:
    """``keepalive_timeout`` limits the time between two requests, and closes without a log."""
    target = await http_attack(header_timeout=0.1, keepalive_timeout=0.5)

    async with target.leaves_nothing(), target.client() as wire:
        for _ in range(2):
            wire.send(request_text)
            assert (await wire.answer())[0] == 200
            await asyncio.sleep(0.25)  # longer than the header timeout
        assert await wire.rest() == b""


async def test_unread_body_sent_slowly_is_closed_after_the_lingering_time(
    http_attack: HttpAttack,
) -> None:
    target = await http_attack(parts={"listeners": [NativeRoute]}, body_timeout=0.3)

    async def drip(wire: Wire) -> None:
        while True:
            wire.send("a")
            await asyncio.sleep(0.02)

    for path, status in ("/nothing", 404), ("/native", 200):
        async with target.leaves_nothing(logged=0), target.client() as wire:
            wire.send(head("Host: x", "Content-Length: 100000", target=f"POST {path}"))
            assert (await wire.answer())[0] == status
            dripping = asyncio.create_task(drip(wire))
            assert await wire.rest() == b""
            dripping.cancel()


async def test_body_that_arrives_after_the_response_leaves_the_connection_idle(
    http_attack: HttpAttack,
) -> None:
    target = await http_attack(header_timeout=0.1, keepalive_timeout=0.1, body_timeout=0.1)

    async with target.leaves_nothing(), target.client() as wire:
        wire.send(head("Host: x", "Content-Length: 4", target="POST /nothing"))
        assert (await wire.answer())[0] == 404
        wire.send("body")
        assert await wire.rest() == b""  # without a 408


async def test_client_disconnect_after_the_response_in_mid_body_leaves_no_task(
    http_attack: HttpAttack,
) -> None:
    """aiohttp would wait ten seconds for the rest, on a connection that no limit counts."""
    target = await http_attack()
    tasks = asyncio.all_tasks()

    async with target.client() as wire:
        wire.send(head("Host: x", "Content-Length: 9999", target="POST /nothing") + "x")
        assert (await wire.answer())[0] == 404

    await until(lambda: asyncio.all_tasks() <= tasks, seconds=5)


class Blocking:
    """An action that blocks the event loop."""

    @http("GET", "/block", "block")
    async def block(self, request: Request) -> str:
        time.sleep(0.5)  # noqa: ASYNC251 - the point of it
        return "done"


async def test_head_sent_in_time_while_the_loop_is_blocked_is_handled(
    http_attack: HttpAttack,
) -> None:
    target = await http_attack(Blocking, header_timeout=0.3)

    def ask() -> bytes:
        address = (target.server.host, target.server.port)
        with (
            socket.create_connection(address) as first,
            socket.create_connection(address) as other,
        ):
            time.sleep(0.1)  # both are accepted
            first.sendall(head("Host: x", target="GET /block").encode())
            time.sleep(0.1)  # the loop is blocked
            other.sendall(head("Host: x", target="GET /").encode())
            return other.recv(12)

    async with target.leaves_nothing():
        assert await asyncio.to_thread(ask) == b"HTTP/1.1 200"


async def test_many_slow_clients_reach_the_header_timeout_while_others_are_served(
    http_attack: HttpAttack,
) -> None:
    """The attack of `slowhttptest -H`, without the tool."""
    target = await http_attack(header_timeout=1.0)

    async with (
        target.leaves_nothing({"http.header_timeout": 100}, logged=1),
        AsyncExitStack() as stack,
    ):
        wires = []
        for _ in range(100):
            wire = await stack.enter_async_context(target.client())
            wire.send("GET / HTTP/1.1\r\nHost: x\r\nX-a:")
            wires.append(wire)
        await target.witness_is_served()
        for wire in wires:
            assert b" 408 " in await wire.rest()


@pytest.mark.parametrize("number", [1000, pytest.param(50_000, marks=pytest.mark.soak)])
async def test_pipelined_requests_by_the_thousand_get_responses_in_order(
    http_attack: HttpAttack, number: int
) -> None:
    target = await http_attack()

    async with target.leaves_nothing(), target.client() as wire:
        text = "".join(head("Host: x", target=f"GET /named/{n}") for n in range(number))
        sending = asyncio.create_task(send_all(wire, text))
        for n in range(number):
            assert json.loads((await wire.answer())[2])[2] == str(n)
        await sending


async def send_all(wire: Wire, text: str) -> None:
    wire.send(text)
    await wire.writer.drain()


async def test_pipelined_request_running_longer_than_the_timeouts_gets_its_response(
    http_attack: HttpAttack,
) -> None:
    """From Python 3.12 on, it begins before the callback for the end of the previous request."""
    target = await http_attack(Held, header_timeout=0.1, keepalive_timeout=0.1)
    held = target.application.injector.get(Held)

    async with target.leaves_nothing(), target.client() as wire:
        wire.send(head("Host: x", target="GET /") + head("Host: x", target="GET /held"))
        assert (await wire.answer())[2] == b"home"
        await asyncio.sleep(0.4)  # longer than both
        held.may_go.set()
        assert (await wire.answer())[2] == b"gone"


class Held:
    """An action that waits for `may_go`."""

    def __init__(self) -> None:
        self.may_go = asyncio.Event()

    @http("GET", "/held", "held")
    async def held(self, request: Request) -> str:
        before: Any = asyncio.get_running_loop().create_future()
        connection = connection_of(request.native)
        assert isinstance(connection, HttpConnection)
        connection.end_request(before)  # as late as with eager tasks
        await self.may_go.wait()
        return "gone"


async def test_client_that_reads_nothing_of_its_response_reaches_the_send_timeout(
    http_attack: HttpAttack,
) -> None:
    """The attack of `slowhttptest -X`. The waiting response is freed with the connection."""
    target = await http_attack(send_timeout=0.3)

    async with (
        target.leaves_nothing({"http.send_timeout": 1}),
        target.client(receive_buffer=4096) as wire,
    ):
        wire.writer.transport.pause_reading()  # type: ignore[attr-defined]
        wire.send(head("Host: x", target="GET /big"))
        await until(lambda: target.server.counts.get("http.send_timeout"))
