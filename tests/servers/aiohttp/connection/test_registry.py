"""Limits of connections, and the headers of responses without a route."""

import json

import pytest

from tests.servers.hostile_http import HttpAttack, HttpTarget, Wire, head
from tests.waiting import until


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
    """Also if the client has sent a large body by then."""
    async with target.client() as wire:
        wire.send(head("Host: x", "Content-Length: 100000") + "x" * 100_000)
        answer, headers, body = await wire.answer()
        assert (answer, headers["connection"], headers["retry-after"]) == (status, "close", "5")
        assert json.loads(body)["statusCode"] == status
        assert await wire.rest() == b""


def is_admitted(target: HttpTarget) -> bool:
    """Whether the server has counted all closed connections."""
    return target.server.connections.quota.used == 0
