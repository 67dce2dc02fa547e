"""Streams that are sent to a client."""

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import pytest

from bundles.metacom.dialect import Dialect
from bundles.metacom.streams import StreamException
from rxkernel import TooManyRequestsException
from tests.bundles.metacom.streams.peer import Peer, turns

KIB = 1024


async def test_stream_of_dialect_a_is_sent_in_order() -> None:
    peer = Peer()
    stream = peer.streams.create("file", 8, Dialect.A)
    await stream.write(b"hello")
    await stream.write(memoryview(b"!!!"))
    await stream.end()
    second = peer.streams.create("other", 0, Dialect.A)

    assert peer.sent == [
        {"type": "stream", "id": -1, "name": "file", "size": 8},
        (-1, b"hello!!!"),
        {"type": "stream", "id": -1, "status": "end"},
        {"type": "stream", "id": -2, "name": "other", "size": 0},
    ]
    assert second.id == -2
    assert len(peer.loop.running) == 1


async def test_stream_of_dialect_b_has_uuid() -> None:
    peer = Peer(Dialect.B)
    async with peer.streams.create("file", 5, Dialect.B) as stream:
        await stream.write(b"hello")

    assert str(UUID(str(stream.id))) == stream.id
    assert peer.sent == [
        {"type": "stream", "id": stream.id, "name": "file", "size": 5},
        (stream.id, b"hello"),
        {"type": "stream", "id": stream.id, "status": "end"},
    ]


async def test_stream_of_zero_length_is_opened_and_ended() -> None:
    peer = Peer()
    stream = peer.streams.create("empty", 0, Dialect.A)
    await stream.write(b"")
    await stream.end()

    assert [packet.get("status") for packet in peer.sent] == [None, "end"]


@pytest.mark.parametrize(
    ("size", "step", "expected"),
    [
        (1000 * KIB, 1000, 64 * KIB),
        (1000 * KIB, 1000 * KIB, 64 * KIB),
        (16 * KIB * KIB, 300 * KIB, 512 * KIB),
        (40 * KIB * KIB, 5 * KIB * KIB, KIB * KIB),
    ],
)
async def test_writes_are_sent_in_chunks_that_suit_the_npm_client(
    size: int, step: int, expected: int
) -> None:
    peer = Peer()
    data = bytes(range(256)) * (size // 256)
    async with peer.streams.create("file", size, Dialect.A) as stream:
        for start in range(0, size, step):
            await stream.write(data[start : start + step])

    chunks = [packet[1] for packet in peer.sent if isinstance(packet, tuple)]
    assert {len(chunk) for chunk in chunks[:-1]} == {expected}
    assert b"".join(chunks) == data


async def test_writer_waits_for_the_client() -> None:
    peer = Peer()
    peer.blocker = asyncio.Event()
    stream = peer.streams.create("file", 5, Dialect.A)
    writing = asyncio.create_task(stream.write(b"hello"))
    await turns()
    assert not writing.done()
    peer.loop.advance(100)  # a slow client is not an idle stream
    peer.blocker.set()
    await writing
    await stream.end()

    assert len(peer.sent) == 3


async def test_stream_above_its_size_is_terminated() -> None:
    peer = Peer()
    stream = peer.streams.create("file", 5, Dialect.A)

    with pytest.raises(ValueError, match="size of 5 bytes, but 6 were written"):
        await stream.write(b"hello!")
    assert peer.sent[1:] == [{"type": "stream", "id": -1, "status": "terminate"}]
    with pytest.raises(StreamException):
        await stream.write(b"hello")
    assert not peer.loop.running


async def test_stream_below_its_size_is_terminated() -> None:
    peer = Peer()
    stream = peer.streams.create("file", 6, Dialect.A)
    await stream.write(b"hello")

    with pytest.raises(ValueError, match="size of 6 bytes, but ended after 5"):
        await stream.end()
    assert peer.sent[1:] == [{"type": "stream", "id": -1, "status": "terminate"}]


async def test_context_manager_terminates_stream_if_its_block_raises() -> None:
    peer = Peer()
    with pytest.raises(KeyError):
        async with peer.streams.create("file", 6, Dialect.A):
            raise KeyError

    assert peer.sent[1:] == [{"type": "stream", "id": -1, "status": "terminate"}]


async def test_write_after_the_end_raises() -> None:
    peer = Peer()
    stream = peer.streams.create("file", 0, Dialect.A)
    await stream.end()
    await stream.terminate()

    with pytest.raises(RuntimeError, match="has ended"):
        await stream.write(b"")
    assert len(peer.sent) == 2


@pytest.mark.parametrize(
    ("name", "size"), [("", 1), (None, 1), ("x", -1), ("x", 1.5), ("x", True)]
)
async def test_invalid_name_or_size_raises(name: Any, size: Any) -> None:
    with pytest.raises(ValueError, match=r"name|size"):
        Peer().streams.create(name, size, Dialect.A)


async def test_writer_of_stream_that_the_client_terminates_raises() -> None:
    peer = Peer()
    peer.blocker = asyncio.Event()
    stream = peer.streams.create("file", 5, Dialect.A)
    writing = asyncio.create_task(stream.write(b"hello"))
    await turns()
    peer.terminate(-1)
    peer.blocker.set()

    with pytest.raises(StreamException, match="client has terminated"):
        await writing
    with pytest.raises(StreamException, match="client has terminated"):
        await stream.end()
    assert peer.errors == []
    assert not peer.loop.running


async def test_client_cannot_end_or_write_or_open_a_stream_of_the_server() -> None:
    peer = Peer()
    stream = peer.streams.create("file", 5, Dialect.A)
    peer.end(-1)
    peer.chunk(-1, b"hello")
    peer.open(-1, 5)

    assert [(id, status) for id, status, _ in peer.errors] == [(-1, 400)] * 3
    assert not stream.is_closed


async def test_disconnect_makes_writers_raise_at_once() -> None:
    peer = Peer()
    stream = peer.streams.create("file", 10, Dialect.A)
    await stream.write(b"hello")
    peer.streams.close()

    with pytest.raises(StreamException, match="connection is closed"):
        await stream.write(b"hello")
    with pytest.raises(StreamException, match="connection is closed"):
        peer.streams.create("file", 10, Dialect.A)
    assert len(peer.sent) == 1
    assert not peer.loop.running


async def test_write_to_closed_websocket_raises() -> None:
    peer = Peer()
    stream = peer.streams.create("file", 5, Dialect.A)
    peer.is_closed = True

    with pytest.raises(StreamException, match="connection is closed"):
        await stream.write(b"hello")
    with pytest.raises(StreamException, match="connection is closed"):
        await stream.end()
    assert not peer.loop.running


async def test_stream_that_is_never_ended_is_terminated_after_the_timeout() -> None:
    peer = Peer(timeout=10.0)
    stream = peer.streams.create("file", 200 * KIB, Dialect.A)
    peer.loop.advance(9)
    await stream.write(b"x" * 64 * KIB)
    peer.loop.advance(9)
    assert len(peer.sent) == 2
    peer.loop.advance(1)

    assert peer.sent[2:] == [{"type": "stream", "id": -1, "status": "terminate"}]
    with pytest.raises(StreamException, match="10 seconds"):
        await stream.write(b"x")
    assert not peer.loop.running


async def test_streams_of_both_directions_share_the_limit() -> None:
    peer = Peer(max_streams=2)
    peer.open(1, 5)
    stream = peer.streams.create("file", 5, Dialect.A)

    with pytest.raises(TooManyRequestsException):
        peer.streams.create("file", 5, Dialect.A)
    await stream.terminate()
    peer.streams.create("file", 5, Dialect.A)


async def _source(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


async def test_pipe_begins_after_its_call() -> None:
    peer = Peer()
    answered = asyncio.Event()

    async def call() -> None:
        stream = peer.streams.create("file", 5, Dialect.A, asyncio.current_task())
        stream.pipe(_source(b"he", b"llo"))
        with pytest.raises(RuntimeError, match="call pipe"):
            stream.pipe(_source())
        await answered.wait()
        peer.put(b'"callback"')

    calling = asyncio.create_task(call())
    await turns()
    (pipe,) = peer.streams.pipes
    assert len(peer.sent) == 1
    answered.set()
    await asyncio.gather(calling, pipe)

    assert peer.sent[1:] == [
        "callback",
        (-1, b"hello"),
        {"type": "stream", "id": -1, "status": "end"},
    ]
    assert not peer.streams.pipes
    assert not peer.loop.running


@pytest.mark.parametrize("parts", [(b"hel",), (b"hello!",)])
async def test_pipe_with_another_length_is_logged_and_terminated(
    parts: tuple[bytes, ...], caplog: pytest.LogCaptureFixture
) -> None:
    peer = Peer()
    stream = peer.streams.create("file", 5, Dialect.A)
    stream.pipe(_source(*parts))
    await asyncio.wait(peer.streams.pipes)

    assert peer.sent[-1] == {"type": "stream", "id": -1, "status": "terminate"}
    assert "the source of the stream 'file' failed" in caplog.text


@pytest.mark.parametrize("end", ["terminate", "close", "idle"])
async def test_pipe_is_cancelled_with_its_stream(
    end: str, caplog: pytest.LogCaptureFixture
) -> None:
    peer = Peer()
    is_finished = False

    async def source() -> AsyncIterator[bytes]:
        nonlocal is_finished
        try:
            await asyncio.Event().wait()
            yield b""
        finally:
            is_finished = True

    stream = peer.streams.create("file", 5, Dialect.A)
    stream.pipe(source())
    await turns()
    if end == "terminate":
        peer.terminate(-1)
    elif end == "close":
        peer.streams.close()
    else:
        peer.loop.advance(10)
    await turns()

    assert is_finished
    assert not peer.streams.pipes
    assert len(peer.sent) == (2 if end == "idle" else 1)
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


async def test_pipe_of_stream_that_is_terminated_at_once_is_forgotten() -> None:
    peer = Peer()
    for _ in range(5):
        stream = peer.streams.create("file", 5, Dialect.A)
        stream.pipe(_source(b"hello"))
        await stream.terminate()
    await turns()

    assert not peer.streams.pipes
    assert not peer.loop.running


async def test_source_is_closed_when_the_client_terminates_the_stream() -> None:
    peer = Peer()
    is_closed = False

    async def source() -> AsyncIterator[bytes]:
        nonlocal is_closed
        try:
            while True:
                yield b"x" * 65_536
        finally:
            is_closed = True

    peer.blocker = asyncio.Event()
    peer.streams.create("file", 10**9, Dialect.A).pipe(generator := source())
    await turns()
    peer.terminate(-1)
    await turns()

    assert is_closed
    assert not peer.streams.pipes
    del generator


async def test_incoming_stream_is_piped_back() -> None:
    peer = Peer()
    peer.open(1, 5)
    peer.streams.create("copy", 5, Dialect.A).pipe(peer.streams.take(1))
    peer.chunk(1, b"hello")
    peer.end(1)
    await asyncio.wait(peer.streams.pipes)

    assert peer.sent[1:] == [(-1, b"hello"), {"type": "stream", "id": -1, "status": "end"}]
