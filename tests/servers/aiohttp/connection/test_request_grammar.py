"""The checks of the tool h1spec."""

import asyncio

import pytest

from tests.servers.hostile_http import HttpAttack

WHOLE = "GET / HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.mark.parametrize("cut", range(1, len(WHOLE)), ids=lambda cut: f"cut-at-{cut}")
async def test_request_in_two_segments_is_handled_when_complete(
    http_attack: HttpAttack, cut: int
) -> None:
    """RFC 9112 section 2.2: segments have no meaning."""
    target = await http_attack()

    async with target.leaves_nothing(), target.client() as wire:
        wire.send(WHOLE[:cut])
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(wire.reader.read(1), 0.02)
        wire.send(WHOLE[cut:])
        assert (await wire.answer())[::2] == (200, b"home")


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        pytest.param(WHOLE, b"home", id="plain"),
        pytest.param(
            "GET / HTTP/1.1\r\nhOST:\tx\r\nnothing:\r\n\r\n",
            b"home",
            id="tab-and-nothing",
        ),
        pytest.param("GET / HTTP/1.1\r\nHost: x\r\nA: \r\n\r\n", b"home", id="only-a-space"),
        pytest.param(
            "GET / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n\r\n",
            b"home",
            id="expects-without-a-body",
        ),
        pytest.param(
            "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nabcde",
            b"abcde",
            id="length",
        ),
        pytest.param(
            "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
            "b\r\nabcdefghijk\r\n0\r\n\r\n",
            b"abcdefghijk",
            id="chunks",
        ),
    ],
)
async def test_request_with_valid_grammar_is_handled(
    http_attack: HttpAttack, text: str, answer: bytes
) -> None:
    target = await http_attack()

    async with target.leaves_nothing():
        assert (await target.ask(text))[::2] == (200, answer)


@pytest.mark.parametrize(
    ("text", "status"),
    [
        pytest.param("GET / \r\n\r\n", 400, id="no-version"),
        pytest.param("GET / HTTP/9.9\r\nHost: x\r\n\r\n", 505, id="version-9.9"),
        pytest.param("GET / HTTP/1.1\r\nHost: x\r\nA[]: b\r\n\r\n", 400, id="name-no-token"),
        pytest.param("GET / HTTP/1.1\r\nHost: x\r\nA: b\x07\r\n\r\n", 400, id="bell"),
        pytest.param("GET / HTTP/1.1\r\nContent-Length: 5\r\n\r\n", 400, id="no-host"),
        pytest.param("GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", 400, id="two-hosts"),
        pytest.param(
            f"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: -{'9' * 27}\r\n\r\n",
            400,
            id="length-far-below-nothing",
        ),
        pytest.param(
            "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: -7\r\n\r\n",
            400,
            id="length-below-nothing",
        ),
        pytest.param(
            "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: x\r\n\r\n",
            400,
            id="length-no-number",
        ),
        pytest.param("Before itGET / HTTP/1.1\r\nHost: x\r\n\r\n", 400, id="prefix"),
        pytest.param("GET / HTTP/1.1\r\nHost: x\r\n\rA: b\r\n\r\n", 400, id="lone-CR"),
        pytest.param(
            "POST /echo HTTP/1.1\r\nHost: x\r\ncontent-LENGTH: 3\r\n"
            "transfer-Encoding: chunked\r\n\r\n"
            "b\r\nabcdefghijk\r\n0\r\n\r\n",
            400,
            id="length-and-chunks",
        ),
    ],
)
async def test_request_with_invalid_grammar_is_rejected_and_closes(
    http_attack: HttpAttack, text: str, status: int
) -> None:
    target = await http_attack()

    async with target.leaves_nothing({"protocol error": 1}), target.client() as wire:
        wire.send(text)
        assert (await wire.answer())[0] == status
        assert await wire.rest() == b""


@pytest.mark.parametrize("target", ["http://x", "http://x?a=b", "http://x/"])
async def test_absolute_target_without_a_path_is_the_root(
    http_attack: HttpAttack, target: str
) -> None:
    """RFC 9110 section 4.2.3: an empty path is the same as "/"."""
    attacked = await http_attack()

    async with attacked.leaves_nothing(), attacked.client() as wire:
        wire.send(f"GET {target} HTTP/1.1\r\nHost: x\r\n\r\n")
        assert (await wire.answer())[::2] == (200, b"home")
