"""Data that follows a message in the same segment."""

import asyncio
from collections.abc import Iterator

import pytest

from tests.servers.hostile_http import HttpAttack, HttpTarget, head

GET = head("Host: x", target="GET /")
LAST = head("Host: x", "Connection: close", target="GET /")
ECHO = head("Host: x", "Content-Length: 2") + "{}"
CHUNKED = head("Host: x", "Transfer-Encoding: chunked") + "2\r\n{}\r\n0\r\n\r\n"
SECRET = head("Host: x", target="GET /secret")


def pieces(text: str, size: int) -> Iterator[str]:
    return (text[start : start + size] for start in range(0, len(text), size))


async def statuses(target: HttpTarget, text: str, rest: str, size: int) -> list[int]:
    """The statuses of the responses to *text*, sent in segments of *size*, until the end.

    *rest* is in the segment of the last piece. Data that arrives later would reset the connection
    that the server has closed, and the client could lose the responses.
    """
    *first, last = pieces(text, size)
    async with target.client() as wire:
        for piece in first:
            wire.send(piece)
            await asyncio.sleep(0)
        wire.send(last + rest)
        received = await wire.rest()
    parts = received.split(b"HTTP/1.1 ")[1:]
    return [int(part[:3]) for part in parts]


in_segments = pytest.mark.parametrize("size", [10_000, 7], ids=["one-segment", "small-segments"])


@in_segments
@pytest.mark.parametrize(
    ("valid", "came"),
    [
        pytest.param(GET, [], id="get"),
        pytest.param(GET + GET, [], id="two"),
        pytest.param(ECHO, ["echo"], id="body"),
        pytest.param(CHUNKED, ["echo"], id="chunked"),
        pytest.param(GET + CHUNKED + ECHO, ["echo", "echo"], id="three"),
        pytest.param(head("Host: x", "Content-Length: 4") + "\r\n\r\n", ["echo"], id="blank-body"),
        pytest.param(
            head("Host: x", "Connection: upgrade", "Upgrade: x", target="GET /"), [], id="upgrade"
        ),
    ],
)
@pytest.mark.parametrize(
    "garbage",
    [
        pytest.param("junk\r\n\r\n", id="junk"),
        pytest.param("\0", id="NUL"),
        pytest.param(head("Host: x", target="GET http://[::1]@/"), id="target"),
        pytest.param(head("Host x", target="GET /") + SECRET, id="header"),
    ],
)
async def test_malformed_data_after_valid_messages_is_400_after_their_responses(
    http_attack: HttpAttack, valid: str, came: list[str], garbage: str, size: int
) -> None:
    """RFC 9112 section 9.3.2: the result must not depend on the segments."""
    target = await http_attack()
    expected = valid.count("HTTP/1.1")

    assert await statuses(target, valid, garbage, size) == [200] * expected + [400]
    assert target.doors.came == came


@in_segments
@pytest.mark.parametrize(
    ("closing", "came"),
    [
        pytest.param(LAST, [], id="get"),
        pytest.param(GET + LAST, [], id="two"),
        pytest.param(
            head("Host: x", "Connection: close", "Content-Length: 2") + "{}", ["echo"], id="body"
        ),
        pytest.param(
            head("Host: x", "Connection: close", "Transfer-Encoding: chunked") + "0\r\n\r\n",
            ["echo"],
            id="chunked",
        ),
    ],
)
@pytest.mark.parametrize("rest", [SECRET, "junk\r\n\r\n", "\0"], ids=["get", "junk", "NUL"])
async def test_data_after_a_message_that_closes_is_ignored(
    http_attack: HttpAttack, closing: str, came: list[str], rest: str, size: int
) -> None:
    """RFC 9112 section 9.6: a server must not process further requests of the connection."""
    target = await http_attack()

    async with target.leaves_nothing():
        expected = [200] * closing.count("HTTP/1.1")
        assert await statuses(target, closing, rest, size) == expected
    assert target.doors.came == came


async def test_data_after_a_message_of_http10_is_ignored(http_attack: HttpAttack) -> None:
    target = await http_attack()

    async with target.leaves_nothing(), target.client() as wire:
        wire.send("GET / HTTP/1.0\r\n\r\n" + SECRET)
        assert (await wire.answer())[::2] == (200, b"home")
        assert await wire.rest() == b""
    assert target.doors.came == []


@in_segments
@pytest.mark.parametrize("protocol", ["x", "h2c", "websocket", "TLS/1.2"])
@pytest.mark.parametrize("is_post", [False, True], ids=["get", "post"])
async def test_message_after_an_ignored_upgrade_is_handled(
    http_attack: HttpAttack, protocol: str, is_post: bool, size: int
) -> None:
    """RFC 9110 section 7.8: a server may ignore a received Upgrade."""
    target = await http_attack()
    upgrade = ["Host: x", "Connection: upgrade", f"Upgrade: {protocol}"]
    first = head(*upgrade, target="GET /")
    if is_post:
        first = head(*upgrade, "Content-Length: 2") + "{}"

    async with target.leaves_nothing():
        assert await statuses(target, first + first + ECHO + GET + LAST, "", size) == [200] * 5


async def test_pipelined_messages_beyond_the_queue_are_all_handled_in_order(
    http_attack: HttpAttack,
) -> None:
    """The handler of aiohttp stops reading while 32 messages wait."""
    target = await http_attack()
    upgrade = head("Host: x", "Connection: upgrade", "Upgrade: x", target="GET /")
    bodies = [str(number) * 3 for number in range(300)]
    echoes = [head("Host: x", f"Content-Length: {len(body)}") + body for body in bodies]

    async with target.leaves_nothing(), target.client() as wire:
        wire.send(upgrade + "".join(echoes) + LAST)
        assert (await wire.answer())[::2] == (200, b"home")
        for body in bodies:
            assert (await wire.answer())[::2] == (200, body.encode())
        assert (await wire.answer())[::2] == (200, b"home")
        assert await wire.rest() == b""


async def test_pipelined_message_after_a_large_body_is_handled(http_attack: HttpAttack) -> None:
    """A body that is larger than the buffer of its reader pauses the parser."""
    target = await http_attack()
    upgrade = head("Host: x", "Connection: upgrade", "Upgrade: x", target="GET /")
    body = "\r\n\r\n" * 100_000
    parts = [f"{len(part):x}\r\n{part}\r\n" for part in pieces(body, 70_000)]
    chunked = head("Host: x", "Transfer-Encoding: chunked") + "".join(parts) + "0\r\n\r\n"
    large = head("Host: x", f"Content-Length: {len(body)}") + body

    async with target.leaves_nothing(), target.client() as wire:
        wire.send(upgrade + large + GET + chunked + GET + large + LAST)
        for expected in ("home", body, "home", body, "home", body, "home"):
            assert (await wire.answer())[::2] == (200, expected.encode())
        assert await wire.rest() == b""
