"""Limits of connections, and the headers of responses without a route."""

import json

import pytest

from tests.servers.hostile_http import HttpAttack, HttpTarget, Wire, head
from tests.waiting import until


@pytest.mark.parametrize("security_headers", [True, False])
@pytest.mark.parametrize(
    ("text", "status"),
    [
        pytest.param("\0\r\n\r\n", 400, id="malformed"),
        pytest.param("GET / HTTP/1.0\r\nA\r\n\r\n", 400, id="malformed-1.0"),
        pytest.param(head("Host: x", target="FOO /"), 405, id="unknown-method"),
        pytest.param(head("Host: x", target="GET /" + "a" * 9000), 414, id="long-target"),
        pytest.param(head("Host: x", "A: " + "a" * 9000), 431, id="long-header"),
        pytest.param("GET / HTTP/2.0\r\nHost: x\r\n\r\n", 505, id="2.0"),
        pytest.param("GET / HTTP/1.2\r\nHost: x\r\n\r\n", 505, id="1.2"),
        pytest.param("GET /", 408, id="late"),
        pytest.param(None, 429, id="one-too-many-of-an-address"),
        pytest.param(None, 503, id="one-too-many"),
    ],
)
async def test_error_without_a_route_is_http11_and_has_the_headers_of_all_responses(
    http_attack: HttpAttack, text: str | None, status: int, security_headers: bool
) -> None:
    """RFC 9112 sections 2.3 and 9.6."""
    target = await http_attack(
        header_timeout=0.2,
        max_connections=2 if status == 503 else 9,
        max_connections_per_address=2 if status == 429 else 9,
        security_headers=security_headers,
        parts={"request_id_header": "X-Request-ID"},
    )

    async with target.client() as first, target.client() as second, target.client() as wire:
        first.send(head("Host: x", target="GET /"))
        usual = (await first.answer())[1]
        if text is None:
            await served(second)
        wire.send(text or "")
        assert (await wire.reader.readexactly(8)) == b"HTTP/1.1"
        start = (await wire.reader.readuntil(b"\r\n\r\n")).decode().strip().split("\r\n")
        headers = {name.lower(): value for name, value in (x.split(": ", 1) for x in start[1:])}
        body = await wire.rest()

    assert int(start[0].split()[0]) == status
    assert json.loads(body)["statusCode"] == status
    assert headers["connection"] == "close"
    assert headers["content-length"] == str(len(body))
    assert headers["x-request-id"]
    assert headers.keys() - {"allow", "retry-after"} == usual.keys() | {"connection"}
    same = usual.keys() - {"content-type", "content-length", "date", "x-request-id"}
    assert {name: headers[name] for name in same} == {name: usual[name] for name in same}


async def test_connection_above_max_connections_is_503(http_attack: HttpAttack) -> None:
    target = await http_attack(max_connections=2)

    async with target.leaves_nothing({"http.max_connections": 2}, logged=1):
        async with target.client() as first, target.client() as second:
            await served(first, second)
            for _ in range(2):
                await check_rejected(target, 503)
        await until(lambda: is_admitted(target))


async def test_connection_above_the_limit_of_its_address_is_429(http_attack: HttpAttack) -> None:
    target = await http_attack(max_connections_per_address=1)

    async with target.leaves_nothing({"http.max_connections_per_address": 1}):
        async with target.client() as first:
            await served(first)
            await check_rejected(target, 429)
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


async def check_rejected(target: HttpTarget, status: int) -> None:
    """Check that a connection gets *status* and is closed, also if it has sent a large body."""
    async with target.client() as wire:
        wire.send(head("Host: x", "Content-Length: 100000") + "x" * 100_000)
        answer, headers, body = await wire.answer()
        assert (answer, headers["connection"], headers["retry-after"]) == (status, "close", "5")
        assert json.loads(body)["statusCode"] == status
        assert await wire.rest() == b""


def is_admitted(target: HttpTarget) -> bool:
    """Whether the server has counted all closed connections."""
    return target.server.connections.quota.used == 0
