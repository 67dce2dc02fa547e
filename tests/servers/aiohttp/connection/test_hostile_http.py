"""Rows A1 to A10, A12 and A13 of the test programme: what breaks HTTP/1, and what it gets."""

import asyncio
import json
import logging
import socket
import time
from contextlib import AsyncExitStack
from typing import Any

import pytest

from rxkernel import (
    ForbiddenException,
    InternalServerErrorException,
    KernelEvents,
    Request,
    RequestEvent,
    ServiceUnavailableException,
    Transport,
    http,
    observe,
)
from rxkernel.kernel.errors import log_failure
from rxkernel.servers.aiohttp.connection.protocol import connection_of
from tests.servers.hostile_http import BROKEN, HttpAttack, HttpTarget, NativeRoute, Wire, head
from tests.waiting import until

SMUGGLED = "GET /secret HTTP/1.1\r\nHost: x\r\n\r\n"


# --- what no two parsers may read in two ways


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(
            head("Host: x", "Content-Length: 5", "Transfer-Encoding: chunked") + "0\r\n\r\n",
            id="length-and-chunked",
        ),
        pytest.param(
            head("Host: x", "Transfer-Encoding: chunked", "Content-Length: 5") + "0\r\n\r\n",
            id="the-other-order",
        ),
        pytest.param(
            head("Host: x", "transfer-ENCODING: CHUNKED", "content-LENGTH: 5") + "0\r\n\r\n",
            id="any-case",
        ),
        pytest.param(
            head("Host: x", "Content-Length: 5", "Content-Length: 6") + "hello", id="two"
        ),
        pytest.param(head("Host: x", "Content-Length: 5, 6") + "hello", id="a-list"),
        pytest.param(head("Host: x", "Host: y", target="GET /"), id="two-hosts"),
        pytest.param(head("Host: x", "Host: x", target="GET /"), id="one-host-twice"),
        pytest.param(head(target="GET /"), id="no-host"),
        pytest.param(head("Host: x", "A: b", " folded", target="GET /"), id="obs-fold"),
        pytest.param("GET / HTTP/1.1\nHost: x\n\n", id="bare-LF"),
        pytest.param("GET / HTTP/1.1\r\nHost: x\rA: b\r\n\r\n", id="bare-CR"),
        pytest.param(head("Host: x", "A: b\0c", target="GET /"), id="NUL"),
        pytest.param(head("Host: x", "A : b", target="GET /"), id="space-before-the-colon"),
        pytest.param(head("Host: x", "Transfer-Encoding: xchunked"), id="unknown-coding"),
        pytest.param(
            head("Host: x", "Transfer-Encoding: chunked, identity"), id="chunked-is-not-last"
        ),
        pytest.param(head("Host: x", "Content-Length: -5"), id="negative-length"),
        pytest.param(head("Host: x", "Content-Length: +5"), id="length-with-a-sign"),
        pytest.param(head("Host: x", "Content-Length: 5_0"), id="length-of-Python"),
        pytest.param(head("Host: x", "Content-Length: " + "9" * 20), id="length-of-20-digits"),
        pytest.param(head("Host: x", "A: " + "a" * 9000, target="GET /"), id="long-header"),
        pytest.param(head("Host: x", *["A: b"] * 200, target="GET /"), id="many-headers"),
        pytest.param(head("Host: x", target="GET /" + "a" * 9000), id="long-target"),
        pytest.param("GET / HTTX/1.1\r\nHost: x\r\n\r\n", id="another-protocol"),
        pytest.param("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", id="TLS"),
        pytest.param(head("Host: x", target="GET secret"), id="no-form-of-a-target"),
        pytest.param(head("Host: x", target="GET /\x1b[31m"), id="ANSI-in-the-target"),
        pytest.param(head("Host: x", target="GET http://[::1]@/"), id="a-user-without-a-host"),
        pytest.param(head("Host: x", target="GET http://[::1]@"), id="a-user-and-no-path"),
        pytest.param(head("Host: x", target="GET http://[::1"), id="half-an-address"),
    ],
)
async def test_malformed_request_is_400_and_ends_the_connection(
    http_attack: HttpAttack, text: str
) -> None:
    """RFC 9112 sections 2.2, 3, 5 and 6."""
    target = await http_attack()

    async with target.leaves_nothing(BROKEN), target.client() as wire:
        wire.send(text + SMUGGLED)
        status, headers, body = await wire.answer()
        assert status == 400
        assert headers["content-type"] == "application/json"
        answer = json.loads(body)
        assert answer.keys() == {"statusCode", "message"}
        assert answer["statusCode"] == 400
        assert await wire.rest() == b""
    assert target.doors.came == []


@pytest.mark.parametrize(
    "chunks",
    [
        pytest.param("1" + "0" * 16 + "\r\n", id="chunk-size-of-17-digits"),
        pytest.param("-5\r\nhello\r\n", id="negative-chunk"),
        pytest.param("5\nhello\n0\n\n", id="chunks-with-bare-LF"),
        pytest.param("5\r\nhello!0\r\n\r\n", id="chunk-longer-than-it-says"),
    ],
)
async def test_malformed_chunk_is_400_and_ends_the_connection(
    http_attack: HttpAttack, chunks: str
) -> None:
    target = await http_attack()

    async with target.leaves_nothing(BROKEN), target.client() as wire:
        wire.send(head("Host: x", "Transfer-Encoding: chunked") + chunks + SMUGGLED)
        assert (await wire.answer())[0] == 400
        assert b"HTTP/" not in await wire.rest()
    assert target.doors.came == []


async def test_malformed_request_after_a_valid_one_is_400(
    http_attack: HttpAttack,
) -> None:
    target = await http_attack()

    async with target.leaves_nothing(BROKEN), target.client() as wire:
        wire.send(head("Host: x", target="GET /"))
        assert (await wire.answer())[::2] == (200, b"home")
        wire.send("\0\0\0\r\n\r\n" + SMUGGLED)
        assert (await wire.answer())[0] == 400
        assert await wire.rest() == b""
    assert target.doors.came == []


# --- versions, methods, targets


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("GET /secret\r\n\r\n", id="no-version"),
        pytest.param("GET /secret HTTP/0.9\r\nHost: x\r\n\r\n", id="0.9"),
        pytest.param("GET /secret HTTP/2.0\r\nHost: x\r\n\r\n", id="2.0"),
        pytest.param("GET /secret HTTP/3.0\r\nHost: x\r\n\r\n", id="3.0"),
        pytest.param("GET /secret HTTP/1.2\r\nHost: x\r\n\r\n", id="1.2"),
        pytest.param("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", id="the-preface-of-2.0"),
    ],
)
async def test_unsupported_version_is_505_and_closes(http_attack: HttpAttack, text: str) -> None:
    """RFC 9110 section 15.6.6; the answer is one of HTTP/1."""
    target = await http_attack()

    async with target.leaves_nothing(BROKEN), target.client() as wire:
        wire.send(text)
        status, _, body = await wire.answer()
        assert (status, json.loads(body)["statusCode"]) == (505, 505)
        assert await wire.rest() == b""
    assert target.doors.came == []


@pytest.mark.parametrize(
    ("method", "allowed", "counted"),
    [
        pytest.param("TRACE /secret", "GET, HEAD, OPTIONS", {}, id="TRACE"),
        pytest.param("TRACE /native", "DELETE, GET", {}, id="TRACE-of-a-native-route"),
        pytest.param("CONNECT x:443", "DELETE, GET", {}, id="CONNECT"),
        pytest.param("PROPFIND /secret", "GET, HEAD, OPTIONS", {}, id="of-WebDAV"),
        pytest.param("FOO /secret", "DELETE, GET", BROKEN, id="unknown"),
        pytest.param("get /secret", "DELETE, GET", BROKEN, id="lower-case"),
        pytest.param("FLUSH /secret", "DELETE, GET", BROKEN, id="of-another-protocol"),
    ],
)
async def test_unsupported_method_is_405_with_allow(
    http_attack: HttpAttack, method: str, allowed: str, counted: dict[str, int]
) -> None:
    """RFC 9110 section 15.5.6."""
    target = await http_attack(parts={"listeners": [NativeRoute]})

    async with target.leaves_nothing(counted):
        status, headers, _ = await target.ask(head("Host: x", target=method))
        assert status == 405
        assert headers["allow"].startswith(allowed)
    assert target.doors.came == []


# --- deadlines of the head


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
    """A byte of a header now and then is what slowloris sends."""
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
    """``keepalive_timeout`` is for the time between two requests, and tells nobody."""
    target = await http_attack(header_timeout=0.1, keepalive_timeout=0.5)

    async with target.leaves_nothing(), target.client() as wire:
        for _ in range(2):
            wire.send(request_text)
            assert (await wire.answer())[0] == 200
            await asyncio.sleep(0.25)  # longer than a head may take
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
    """aiohttp would wait ten seconds for the rest, of a connection that no limit counts."""
    target = await http_attack()
    tasks = asyncio.all_tasks()

    async with target.client() as wire:
        wire.send(head("Host: x", "Content-Length: 9999", target="POST /nothing") + "x")
        assert (await wire.answer())[0] == 404

    await until(lambda: asyncio.all_tasks() <= tasks, seconds=5)


class Blocking:
    """An action that holds the loop up, as none should."""

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
    """What `slowhttptest -H` does, without the tool."""
    target = await http_attack(header_timeout=0.3)

    async with (
        target.leaves_nothing({"http.header_timeout": 100}, logged=1),
        AsyncExitStack() as stack,
    ):
        wires = [await stack.enter_async_context(target.client()) for _ in range(100)]
        for wire in wires:
            wire.send("GET / HTTP/1.1\r\nHost: x\r\nX-a:")
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
    """From Python 3.12 on it has begun before the end of the one before it is told."""
    target = await http_attack(Held, header_timeout=0.1, keepalive_timeout=0.1)
    held = target.application.injector.get(Held)

    async with target.leaves_nothing(), target.client() as wire:
        wire.send(head("Host: x", target="GET /") + head("Host: x", target="GET /held"))
        assert (await wire.answer())[2] == b"home"
        await asyncio.sleep(0.4)  # longer than both
        held.may_go.set()
        assert (await wire.answer())[2] == b"gone"


class Held:
    """An action that waits to be let go."""

    def __init__(self) -> None:
        self.may_go = asyncio.Event()

    @http("GET", "/held", "held")
    async def held(self, request: Request) -> str:
        before: Any = asyncio.get_running_loop().create_future()
        connection_of(request.native).end_request(before)  # as late as with eager tasks
        await self.may_go.wait()
        return "gone"


@pytest.mark.parametrize(
    ("text", "status"),
    [
        pytest.param("\0\r\n\r\n", 400, id="malformed"),
        pytest.param(head("Host: x", target="FOO /"), 405, id="unknown-method"),
        pytest.param("GET / HTTP/2.0\r\nHost: x\r\n\r\n", 505, id="2.0"),
        pytest.param("GET / HTTP/1.2\r\nHost: x\r\n\r\n", 505, id="1.2"),
        pytest.param("GET /", 408, id="late"),
        pytest.param(None, 429, id="one-too-many"),
    ],
)
async def test_error_without_a_route_has_the_default_headers(
    http_attack: HttpAttack, text: str | None, status: int
) -> None:
    target = await http_attack(
        header_timeout=0.2,
        max_connections_per_address=2 if text is None else 9,
        security_headers=True,
        parts={"request_id_header": "X-Request-ID"},
    )

    async with target.client() as first, target.client() as second, target.client() as wire:
        if text is None:
            await served(first, second)
        wire.send(text or "")
        answer, headers, _ = await wire.answer()

    assert answer == status
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-request-id"]


# --- connections


async def test_connection_above_max_connections_is_503(http_attack: HttpAttack) -> None:
    target = await http_attack(max_connections=2)

    async with target.leaves_nothing({"http.max_connections": 2}, logged=1):
        async with target.client() as first, target.client() as second:
            await served(first, second)
            for _ in range(2):
                await turned_away(target, 503)
        await until(lambda: is_admitted(target))


async def test_connection_above_the_limit_of_its_address_is_429(http_attack: HttpAttack) -> None:
    target = await http_attack(max_connections_per_address=1)

    async with target.leaves_nothing({"http.max_connections_per_address": 1}):
        async with target.client() as first:
            await served(first)
            await turned_away(target, 429)
        await until(lambda: is_admitted(target))


async def test_connections_of_a_trusted_proxy_are_not_limited_by_address(
    http_attack: HttpAttack,
) -> None:
    target = await http_attack(max_connections_per_address=1, trusted_proxies=("127.0.0.1",))

    async with target.leaves_nothing(), target.client() as first, target.client() as second:
        await served(first, second)


async def served(*wires: Wire) -> None:
    for wire in wires:
        wire.send(head("Host: x", target="GET /"))
        assert (await wire.answer())[0] == 200


async def turned_away(target: HttpTarget, status: int) -> None:
    """Though the client has sent much by then."""
    async with target.client() as wire:
        wire.send(head("Host: x", "Content-Length: 100000") + "x" * 100_000)
        answer, headers, body = await wire.answer()
        assert (answer, headers["connection"], headers["retry-after"]) == (status, "close", "5")
        assert json.loads(body)["statusCode"] == status
        assert await wire.rest() == b""


def is_admitted(target: HttpTarget) -> bool:
    """Whether the places of those who left are free again."""
    return target.server.connections.quota.used == 0


async def test_client_that_reads_nothing_of_its_response_reaches_the_send_timeout(
    http_attack: HttpAttack,
) -> None:
    """The attack of `slowhttptest -X`; what waits in the server is let go with it."""
    target = await http_attack(send_timeout=0.3)

    async with (
        target.leaves_nothing({"http.send_timeout": 1}),
        target.client(receive_buffer=4096) as wire,
    ):
        wire.writer.transport.pause_reading()  # type: ignore[attr-defined]
        wire.send(head("Host: x", target="GET /big"))
        await until(lambda: target.server.counts.get("http.send_timeout"))


# --- hosts


@pytest.mark.parametrize(
    ("host", "status"),
    [
        pytest.param("example.org", 200, id="listed"),
        pytest.param("EXAMPLE.ORG.:8000", 200, id="case-dot-and-port"),
        pytest.param("a.b.wild.example", 200, id="below-a-wildcard"),
        pytest.param("[0:0::1]:8000", 200, id="IPv6"),
        pytest.param("wild.example", 421, id="the-wildcard-itself"),
        pytest.param("evilwild.example", 421, id="ends-alike"),
        pytest.param("example.org.evil.example", 421, id="begins-alike"),
        pytest.param("evil.example", 421, id="not-listed"),
        pytest.param("example.org:80:80", 421, id="two-ports"),
        pytest.param("user@example.org", 421, id="with-a-user"),
        pytest.param("[::2]", 421, id="another-IPv6"),
        pytest.param("[:::]", 421, id="no-IPv6"),
        pytest.param("", 421, id="empty"),
    ],
)
@pytest.mark.parametrize("path", ["/", "/native", "/socket.io/?EIO=4&transport=polling"])
async def test_host_not_allowed_is_421_on_every_kind_of_route(
    http_attack: HttpAttack, host: str, status: int, path: str
) -> None:
    """RFC 9110 section 7.4; the handshake of Socket.IO is a route like the others."""
    hosts = ("example.org", "*.wild.example", "[::1]")
    target = await http_attack(parts={"listeners": [NativeRoute]}, allowed_hosts=(*hosts, "x"))

    answer, _, body = await target.ask(head(f"Host: {host}", target=f"GET {path}"))

    assert answer == status
    if status == 421:
        assert json.loads(body) == {"statusCode": 421, "message": "this host is not served here"}


@pytest.mark.parametrize(
    ("authority", "host", "status"),
    [
        pytest.param("http://x", "x", 200, id="the-same"),
        pytest.param("http://X.:80", "x", 200, id="the-same-with-its-port"),
        pytest.param("http://evil.example", "x", 421, id="another"),
        pytest.param("http://x:81", "x", 421, id="another-port"),
        pytest.param("http://x@evil.example", "x", 421, id="behind-a-user"),
        pytest.param("http://x", "evil.example", 421, id="the-other-way-round"),
    ],
)
async def test_target_with_another_host_than_the_header_is_421(
    http_attack: HttpAttack, authority: str, host: str, status: int
) -> None:
    """RFC 9112 section 3.2.2: the host of the target is the one that counts."""
    target = await http_attack()

    text = head(f"Host: {host}", target=f"GET {authority}/named/a")
    answer, _, body = await target.ask(text)

    assert answer == status
    if status == 200:
        assert json.loads(body) == ["/named/{name}", "/named/a", "a"]


async def test_host_forwarded_by_a_trusted_proxy_is_used(
    http_attack: HttpAttack,
) -> None:
    target = await http_attack(allowed_hosts=("example.org", "x"), trusted_proxies=("127.0.0.1",))

    forwarded = "X-Forwarded-Host: example.org"
    assert (await target.ask(head("Host: inner", forwarded, target="GET /")))[0] == 200
    forwarded = "X-Forwarded-Host: evil.example"
    assert (await target.ask(head("Host: example.org", forwarded, target="GET /")))[0] == 421


async def test_host_forwarded_by_an_untrusted_client_is_ignored(
    http_attack: HttpAttack,
) -> None:
    target = await http_attack(allowed_hosts=("example.org", "x"))

    forwarded = "X-Forwarded-Host: example.org"
    assert (await target.ask(head("Host: evil.example", forwarded, target="GET /")))[0] == 421


async def test_host_not_allowed_is_421_on_the_port_of_socketio(
    http_attack: HttpAttack,
) -> None:
    target = await http_attack(parts={"socketio": {"port": 0}}, allowed_hosts=("x",))
    wire = await Wire.to(target.application.servers["socketio"])

    wire.send(head("Host: evil.example", target="GET /socket.io/?EIO=4&transport=polling"))

    assert (await wire.answer())[0] == 421
    await wire.close()


# --- paths


@pytest.mark.parametrize(
    ("path", "status"),
    [
        pytest.param("/secret%00", 400, id="NUL"),
        pytest.param("/named/%00", 400, id="NUL-in-a-parameter"),
        pytest.param("/%c0%af", 400, id="overlong"),
        pytest.param("/named/..%c0%afsecret", 400, id="overlong-slash"),
        pytest.param("/%zz", 400, id="no-hexadecimal"),
        pytest.param("/x/..;/secret", 404, id="dots-and-semicolon"),
        pytest.param("/x/../secret", 404, id="dots"),
        pytest.param("/x/%2e%2E/secret", 404, id="encoded-dots"),
        pytest.param("//secret", 404, id="two-slashes"),
        pytest.param("/SECRET", 404, id="upper-case"),
        pytest.param("/secret;a=b", 404, id="matrix-parameter"),
        pytest.param("/%2fsecret", 404, id="encoded-slash"),
        pytest.param("/secret%20", 404, id="space"),
        pytest.param("/secret%3f", 404, id="encoded-question-mark"),
        pytest.param("\\secret", 400, id="backslash"),
    ],
)
async def test_path_similar_to_a_route_does_not_match(
    http_attack: HttpAttack, path: str, status: int
) -> None:
    """Nothing is cleaned up: a listener and the router see one and the same path."""
    target = await http_attack()

    assert (await target.ask(head("Host: x", target=f"GET {path}")))[0] == status
    assert target.doors.came == []


@pytest.mark.parametrize(
    "path",
    [
        pytest.param("/%73ecret", id="encoded"),
        pytest.param("/s%65%63ret", id="encoded-elsewhere"),
        pytest.param("/secret/", id="slash-at-the-end"),
        pytest.param("http://x/secret", id="absolute"),
    ],
)
async def test_request_path_of_an_encoded_path_is_that_of_the_route(
    http_attack: HttpAttack, path: str
) -> None:
    """What decides on ``request.path`` decides on what runs."""
    target = await http_attack(parts={"listeners": [Warden]})

    assert (await target.ask(head("Host: x", target=f"GET {path}")))[0] == 403
    assert target.doors.came == []


class Warden:
    @observe(KernelEvents.KERNEL_REQUEST)
    async def check(self, event: RequestEvent) -> None:
        if event.request.path == "/secret":
            raise ForbiddenException


# --- the log


class Failing:
    @http("GET", "/fails/{name:path}", "fails")
    async def fails(self, request: Request) -> None:
        raise ServiceUnavailableException(f"no {request.params['name']}")


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(
            head("Host: x", target="GET /fails/%0aERROR%20fake%1b[31m" + "a" * 4000),
            id="path-in-a-message",
        ),
        pytest.param(head("Host: x\x01\x1b[31m", target="GET /"), id="host"),
        pytest.param(head("Host: x", "A\x1b[31m: b", target="GET /"), id="header-name"),
        pytest.param(head("Host: x", target="G\x1b[31mT /"), id="method"),
        pytest.param(
            head(
                "Host: x",
                "Origin: http://\xff\xfe" + "a" * 4000,
                target="GET /socket.io/?EIO=4&transport=polling",
            ),
            id="origin",
        ),
    ],
)
async def test_log_escapes_and_truncates_what_a_client_sends(
    http_attack: HttpAttack, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    target = await http_attack(Failing)
    caplog.set_level(logging.DEBUG)

    await target.ask(text)

    assert target.lines
    assert all(line.isprintable() and line.isascii() for line in target.lines)
    assert all(len(line) <= 300 for line in target.lines)


async def test_log_does_not_contain_the_session_id(
    http_attack: HttpAttack, caplog: pytest.LogCaptureFixture
) -> None:
    target = await http_attack()
    caplog.set_level(logging.INFO)

    for sid in "a%0aERROR%20fake", "%1b[31m", "a" * 8000:
        path = f"/socket.io/?EIO=4&transport=polling&sid={sid}"
        assert (await target.ask(head("Host: x", target=f"GET {path}")))[0] == 400

    assert target.lines == []


@pytest.mark.parametrize("name", ["a\nERROR fake", "\x1b[31m", "a" * 1_000_000, "\u202e"])
@pytest.mark.parametrize("exception", [RuntimeError("x"), InternalServerErrorException("\nx")])
def test_log_of_a_failure_escapes_and_truncates_the_event_name(
    name: str, exception: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    log_failure(Request(Transport.SOCKET, url=name), exception)

    (line,) = (record.getMessage() for record in caplog.records)
    assert line.isprintable()
    assert len(line) < 500
