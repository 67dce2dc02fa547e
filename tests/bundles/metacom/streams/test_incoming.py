"""Streams that a client sends."""

import asyncio
from collections.abc import AsyncIterable, AsyncIterator
from typing import Any

import pytest

from bundles.metacom.dialect import Dialect
from bundles.metacom.streams import StreamException
from rxkernel import PayloadTooLargeException
from tests.bundles.metacom.streams.peer import Peer, cancelled, turns


@pytest.mark.parametrize(("dialect", "id"), [(Dialect.A, 7), (Dialect.B, "s-7")])
async def test_stream_with_all_bytes_is_read(dialect: Dialect, id: Any) -> None:
    peer = Peer(dialect)
    peer.open(id, 8)
    stream = peer.streams.take(id)
    reading = asyncio.create_task(stream.read_all(8))
    for data in (b"hel", b"", b"lo", b"!!!"):
        peer.chunk(id, data)
        await turns()
    assert not reading.done()
    peer.end(id)

    assert await reading == b"hello!!!"
    assert (stream.name, stream.size, stream.received) == ("file", 8, 8)
    assert peer.errors == []
    assert peer.streams.unread == 0
    assert not peer.loop.running


async def test_stream_ended_before_it_is_taken_is_read() -> None:
    peer = Peer()
    peer.open(1, 5)
    peer.chunk(1, b"hello")
    peer.end(1)

    assert [data async for data in peer.streams.take(1)] == [b"hello"]
    assert peer.streams.unread == 0
    assert not peer.loop.running


@pytest.mark.parametrize("is_taken_first", [True, False])
async def test_stream_of_zero_length_has_no_data(is_taken_first: bool) -> None:
    peer = Peer()
    peer.open(1, 0)
    if is_taken_first:
        stream = peer.streams.take(1)
        peer.end(1)
    else:
        peer.end(1)
        stream = peer.streams.take(1)

    assert [data async for data in stream] == []
    assert not peer.loop.running
    assert peer.errors == []


async def test_short_stream_is_an_error_on_both_sides() -> None:
    peer = Peer()
    peer.open(1, 10)
    stream = peer.streams.take(1)
    peer.chunk(1, b"hello")
    peer.end(1)

    with pytest.raises(StreamException, match="after 5 of 10 bytes"):
        await anext(stream)
    assert peer.errors == [(1, 400, "the stream ended after 5 of 10 bytes")]
    assert peer.streams.unread == 0


async def test_long_stream_is_an_error_once_and_the_rest_is_ignored() -> None:
    peer = Peer()
    peer.open(1, 5)
    stream = peer.streams.take(1)
    peer.chunk(1, b"hello")
    for _ in range(3):
        peer.chunk(1, b"!")
    peer.end(1)

    with pytest.raises(StreamException, match="more bytes than its size of 5"):
        await stream.read_all(5)
    assert peer.errors == [(1, 400, "the stream has more bytes than its size of 5")]


async def test_unread_data_pauses_the_connection_until_it_is_read() -> None:
    peer = Peer(window=10_000, max_size=100_000)
    peer.open(1, 100_000)
    stream = peer.streams.take(1)
    peer.chunk(1, b"x" * 6_000)
    peer.chunk(1, b"x" * 4_000)
    assert not peer.is_paused
    peer.chunk(1, b"x")
    assert peer.is_paused

    await anext(stream)

    assert not peer.is_paused
    assert peer.streams.unread == 4_001


async def test_small_chunks_that_wait_are_joined() -> None:
    peer = Peer(window=10_000, max_size=100_000)
    peer.open(1, 10_000)
    for index in range(5_000):
        peer.chunk(1, bytes([index % 251, 0]))
    peer.end(1)
    parts = [data async for data in peer.streams.take(1)]

    assert [len(data) for data in parts] == [4_096, 4_096, 1_808]
    assert b"".join(parts) == b"".join(bytes([index % 251, 0]) for index in range(5_000))


async def test_unread_data_of_all_streams_counts_for_the_window() -> None:
    peer = Peer(window=100)
    peer.open(1, 1000)
    peer.open(2, 1000)
    first, second = peer.streams.take(1), peer.streams.take(2)
    peer.chunk(1, b"x" * 60)
    peer.chunk(2, b"x" * 60)
    assert peer.is_paused

    await anext(second)

    assert not peer.is_paused
    assert first.unread == peer.streams.unread == 60


async def test_stream_that_is_not_taken_fails_above_the_window() -> None:
    peer = Peer(window=100)
    peer.open(1, 1000)
    for _ in range(5):
        peer.chunk(1, b"x" * 60)

    assert [(id, status) for id, status, _ in peer.errors] == [(1, 400)]
    assert "no call has taken the stream" in peer.errors[0][2]
    assert not peer.is_paused
    assert peer.streams.unread == 0
    with pytest.raises(StreamException, match="Stream 1 is not initialized"):
        peer.streams.take(1)


async def test_stream_above_the_window_waits_for_a_call_that_runs() -> None:
    peer = Peer(window=100)
    peer.open(1, 1000)
    call = peer.call(asyncio.Event().wait)
    peer.chunk(1, b"x" * 60)
    peer.chunk(1, b"x" * 60)
    assert peer.is_paused

    stream = peer.streams.take(1)
    assert peer.is_paused
    await anext(stream)

    assert not peer.is_paused
    assert peer.errors == []
    await cancelled(call)


async def test_stream_above_the_window_does_not_wait_for_call_before_it() -> None:
    peer = Peer(window=100)
    call = peer.call(asyncio.Event().wait)
    peer.open(1, 1000)
    peer.chunk(1, b"x" * 60)
    peer.chunk(1, b"x" * 60)

    assert not peer.is_paused
    assert [(id, status) for id, status, _ in peer.errors] == [(1, 400)]
    await cancelled(call)


async def test_stream_above_the_window_fails_when_the_last_call_after_it_ends() -> None:
    peer = Peer(window=100)
    poll = peer.call(asyncio.Event().wait)
    peer.open(1, 1000)
    released = asyncio.Event()
    peer.call(released.wait)
    peer.chunk(1, b"x" * 101)
    assert peer.is_paused
    released.set()
    await turns()

    assert not peer.is_paused
    assert [(id, status) for id, status, _ in peer.errors] == [(1, 400)]
    await cancelled(poll)


@pytest.mark.parametrize("end", ["calls", "timeout", "close"])
async def test_stream_above_the_window_fails_if_no_call_takes_it(end: str) -> None:
    peer = Peer(window=100, timeout=10.0)
    peer.open(1, 1000)
    peer.open(2, 10)
    call = peer.call(asyncio.Event().wait)
    peer.chunk(1, b"x" * 90)
    peer.chunk(2, b"small")
    peer.chunk(1, b"x" * 10)
    assert peer.is_paused
    if end == "calls":
        await cancelled(call)
        assert peer.streams.take(2).unread == 5
    elif end == "timeout":
        peer.loop.advance(10)
    else:
        peer.streams.close()

    assert not peer.is_paused
    assert 1 in [id for id, _, _ in peer.errors] or end == "close"
    with pytest.raises(StreamException):
        peer.streams.take(1)
    await cancelled(call)


async def test_stream_whose_call_ends_before_its_end_is_terminated() -> None:
    peer = Peer(window=100)
    peer.open(1, 120)

    async def leave() -> None:
        await anext(peer.streams.take(1, asyncio.current_task()))

    peer.chunk(1, b"x" * 10)
    peer.chunk(1, b"x" * 90)
    other = peer.call(asyncio.Event().wait)
    await peer.call(leave)

    assert peer.streams.unread == 0
    assert peer.sent == [{"type": "stream", "id": 1, "status": "terminate"}]
    peer.chunk(1, b"x" * 10)
    assert peer.errors == []
    assert not peer.loop.running
    await cancelled(other)


async def test_stream_that_a_pipe_of_its_call_reads_is_terminated_with_the_pipe() -> None:
    peer = Peer(window=100)
    peer.open(1, 10)

    async def upper(source: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
        async for data in source:
            yield data.upper()

    async def copy() -> None:
        task = asyncio.current_task()
        stream = peer.streams.take(1, task)
        peer.streams.create("copy", 5, Dialect.A, task).pipe(upper(stream))

    await peer.call(copy)
    peer.chunk(1, b"hello")
    await turns()
    assert peer.sent == [{"type": "stream", "id": -1, "name": "copy", "size": 5}, (-1, b"HELLO")]
    peer.terminate(-1)
    await turns()

    assert peer.sent[2:] == [{"type": "stream", "id": 1, "status": "terminate"}]
    assert not peer.streams.pipes
    assert not peer.loop.running


async def test_stream_of_another_task_than_a_call_is_read_after_the_call() -> None:
    peer = Peer()
    peer.open(1, 5)
    tasks: list[asyncio.Task[bytes]] = []

    async def start() -> None:
        tasks.append(asyncio.create_task(peer.streams.take(1).read_all(5)))

    await peer.call(start)
    peer.chunk(1, b"hello")
    peer.end(1)

    assert await tasks[0] == b"hello"


async def test_stream_waits_to_be_taken_beside_one_that_is_read_slowly() -> None:
    peer = Peer(window=100)
    peer.open(1, 1000)
    peer.open(2, 90)
    peer.streams.take(1)
    peer.chunk(1, b"x" * 100)
    peer.chunk(2, b"y" * 90)
    peer.end(2)

    assert await peer.streams.take(2).read_all(100) == b"y" * 90
    assert peer.errors == []


async def test_stream_above_max_size_is_rejected() -> None:
    peer = Peer(max_size=1000)
    peer.open(1, 1001)
    peer.open(2, 2**60)
    peer.open(3, 1000)

    assert [(id, status) for id, status, _ in peer.errors] == [(1, 413), (2, 413)]
    assert peer.streams.take(3).size == 1000


async def test_stream_above_max_streams_is_rejected_until_another_is_closed() -> None:
    peer = Peer(max_streams=2)
    for id in (1, 2, 3):
        peer.open(id, 5)
    assert [(id, status) for id, status, _ in peer.errors] == [(3, 429)]

    peer.terminate(1)
    peer.open(3, 5)

    assert peer.streams.take(3).size == 5


async def test_stream_that_is_ended_counts_until_it_is_read() -> None:
    peer = Peer(max_streams=1)
    peer.open(1, 5)
    peer.chunk(1, b"hello")
    stream = peer.streams.take(1)
    peer.end(1)
    peer.open(2, 5)
    assert [(id, status) for id, status, _ in peer.errors] == [(2, 429)]

    await stream.read_all(5)
    peer.open(2, 5)

    assert len(peer.errors) == 1


# F3
@pytest.mark.parametrize(
    "id",
    [-1, 2**31, 2**60, 1.5, 7.0, "x" * 256, "\u20ac" * 100, -(2**40)],
    ids=lambda id: f"{id}"[:9],
)
async def test_invalid_id_is_rejected_with_that_id(id: Any) -> None:
    peer = Peer(Dialect.B if isinstance(id, str) else Dialect.A)
    peer.open(id, 5)
    peer.end(id)

    assert [(of, status) for of, status, _ in peer.errors] == [(id, 400), (id, 400)]
    with pytest.raises(StreamException, match="is not initialized"):
        peer.streams.take(id)


@pytest.mark.parametrize("id", [None, True, [], {}, 1.0, "1"])
async def test_take_of_another_value_than_the_id_raises(id: Any) -> None:
    peer = Peer()
    peer.open(1, 5)

    with pytest.raises(StreamException, match="is not initialized"):
        peer.streams.take(id)


# T44
@pytest.mark.parametrize(
    "fields",
    [
        {"name": "x", "size": 1.5},
        {"name": "x", "size": -1},
        {"name": "x", "size": True},
        {"name": "x", "size": "5"},
        {"name": "x"},
        {"size": 5},
        {"name": None, "size": 5},
        {"name": "x" * 1001, "size": 5},
        {"status": "pause"},
        {"status": []},
        {"status": 0},
        {},
    ],
    ids=str,
)
async def test_invalid_packet_is_rejected_with_its_id(fields: Any) -> None:
    peer = Peer()
    peer.receive({"id": 4, **fields})

    assert [(id, status) for id, status, _ in peer.errors] == [(4, 400)]
    assert peer.errors[0][2].startswith("Stream packet structure error: ")


# T44
async def test_unknown_stream_and_second_open_are_rejected() -> None:
    peer = Peer()
    peer.end(5)
    peer.terminate(5)
    peer.chunk(5, b"hello")
    peer.open(6, 5, "one")
    peer.open(6, 9, "two")

    assert peer.errors == [
        *[(5, 400, "Stream 5 is not initialized")] * 3,
        (6, 400, "Stream 6/two is already initialized"),
    ]
    assert peer.streams.take(6).size == 5


async def test_end_of_ended_stream_is_rejected() -> None:
    peer = Peer()
    peer.open(1, 0)
    peer.end(1)
    peer.end(1)
    peer.chunk(1, b"")

    assert peer.errors == [(1, 400, "Stream 1 is not initialized")] * 2


async def test_id_is_used_again_after_the_end() -> None:
    peer = Peer()
    peer.open(1, 5, "first")
    first = peer.streams.take(1)
    peer.chunk(1, b"hello")
    peer.end(1)
    peer.open(1, 5, "second")
    second = peer.streams.take(1)
    peer.chunk(1, b"world")
    peer.end(1)

    assert await first.read_all(5) == b"hello"
    assert await second.read_all(5) == b"world"
    assert peer.errors == []


async def test_id_is_used_again_after_an_error() -> None:
    peer = Peer()
    peer.open(1, 1)
    peer.chunk(1, b"hello")
    peer.open(1, 5)
    peer.chunk(1, b"world")
    peer.end(1)

    assert await peer.streams.take(1).read_all(5) == b"world"
    assert len(peer.errors) == 1


async def test_number_of_remembered_failed_streams_is_limited() -> None:
    peer = Peer(max_streams=2)
    for id in (1, 2, 3):
        peer.open(id, 0)
        peer.chunk(id, b"x")
    peer.errors.clear()
    for id in (1, 2, 3):
        peer.chunk(id, b"x")

    assert peer.errors == [(1, 400, "Stream 1 is not initialized")]


async def test_chunk_without_id_is_rejected_without_id() -> None:
    peer = Peer()
    peer.streams.receive_chunk(b"\0", Dialect.A)

    assert [(id, status) for id, status, _ in peer.errors] == [(None, 400)]


async def test_reader_of_stream_that_the_client_terminates_raises_at_once() -> None:
    peer = Peer()
    peer.open(1, 10)
    stream = peer.streams.take(1)
    reading = asyncio.create_task(anext(stream))
    await turns()
    peer.terminate(1)

    with pytest.raises(StreamException, match="client has terminated"):
        await reading
    assert peer.errors == []
    assert not peer.loop.running


@pytest.mark.parametrize("is_paused", [True, False])
async def test_stream_that_the_server_terminates_is_ignored(is_paused: bool) -> None:
    peer = Peer(window=10)
    peer.open(1, 1000)
    stream = peer.streams.take(1)
    peer.chunk(1, b"x" * (11 if is_paused else 5))
    assert peer.is_paused == is_paused

    await stream.terminate()
    await stream.terminate()

    assert peer.sent == [{"type": "stream", "id": 1, "status": "terminate"}]
    assert not peer.is_paused
    peer.chunk(1, b"more")
    peer.end(1)
    assert peer.errors == []
    with pytest.raises(StreamException, match="was terminated"):
        await anext(stream)


async def test_context_manager_terminates_stream_that_is_not_read_to_its_end() -> None:
    peer = Peer()
    peer.open(1, 10)
    async with peer.streams.take(1) as stream:
        peer.chunk(1, b"hello")
        assert await anext(stream) == b"hello"
    peer.open(2, 2)
    async with peer.streams.take(2) as stream:
        peer.chunk(2, b"ok")
        peer.end(2)
        await stream.read_all(2)

    assert peer.sent == [{"type": "stream", "id": 1, "status": "terminate"}]


async def test_read_all_of_stream_above_its_limit_terminates_it() -> None:
    peer = Peer()
    peer.open(1, 10)

    with pytest.raises(PayloadTooLargeException, match="not have more than 9 bytes"):
        await peer.streams.take(1).read_all(9)
    assert peer.sent == [{"type": "stream", "id": 1, "status": "terminate"}]


async def test_two_readers_of_one_stream_raise() -> None:
    peer = Peer()
    peer.open(1, 10)
    stream = peer.streams.take(1)
    reading = asyncio.create_task(anext(stream))
    await turns()

    with pytest.raises(RuntimeError, match="two tasks"):
        await anext(stream)
    peer.chunk(1, b"hello")
    assert await reading == b"hello"


async def test_cancelled_reader_loses_no_data() -> None:
    peer = Peer()
    peer.open(1, 5)
    stream = peer.streams.take(1)
    reading = asyncio.create_task(anext(stream))
    await turns()
    reading.cancel()
    await turns()
    peer.chunk(1, b"hello")

    assert await anext(stream) == b"hello"


async def test_disconnect_makes_readers_raise_at_once() -> None:
    peer = Peer(window=4)
    peer.open(1, 10)
    peer.open(2, 10)
    waiting = asyncio.create_task(anext(peer.streams.take(1)))
    await turns()
    full = peer.streams.take(2)
    peer.chunk(2, b"hello")
    peer.streams.close()

    with pytest.raises(StreamException, match="connection is closed"):
        await waiting
    with pytest.raises(StreamException, match="connection is closed"):
        await anext(full)
    assert not peer.is_paused
    assert not peer.loop.running


async def test_disconnect_keeps_stream_that_was_received_as_a_whole() -> None:
    peer = Peer()
    for id in (1, 2):
        peer.open(id, 5)
        peer.chunk(id, b"hello")
    stream = peer.streams.take(1)
    peer.end(1)
    peer.end(2)
    peer.streams.close()

    assert await stream.read_all(5) == b"hello"
    with pytest.raises(StreamException, match="not initialized"):
        peer.streams.take(2)
    assert not peer.loop.running


async def test_packets_after_disconnect_are_ignored() -> None:
    peer = Peer()
    peer.streams.close()
    peer.open(1, 5)
    peer.chunk(1, b"hello")

    assert peer.errors == []
    assert not peer.loop.running


@pytest.mark.parametrize("is_taken", [True, False])
async def test_idle_stream_fails_after_the_timeout(is_taken: bool) -> None:
    peer = Peer(timeout=10.0)
    peer.open(1, 100)
    stream = peer.streams.take(1) if is_taken else None
    peer.loop.advance(9)
    peer.chunk(1, b"")
    assert peer.errors == []
    peer.loop.advance(1)

    assert peer.errors == [(1, 400, "nothing was received for the stream for 10 seconds")]
    assert not peer.loop.running
    if stream is not None:
        with pytest.raises(StreamException, match="10 seconds"):
            await anext(stream)


async def test_stream_that_gets_a_few_bytes_from_time_to_time_fails() -> None:
    peer = Peer(timeout=10.0, window=10_000, max_size=10_000)
    peer.open(1, 10_000)
    peer.chunk(1, b"x" * 1_000)
    peer.loop.advance(9)
    peer.chunk(1, b"x" * 24)
    peer.loop.advance(9)
    peer.chunk(1, b"x" * 4)
    assert peer.errors == []
    peer.loop.advance(1)

    assert peer.errors == [(1, 400, "only 4 bytes were read from the stream for 10 seconds")]


async def test_stream_whose_last_bytes_are_few_waits_for_its_end() -> None:
    peer = Peer(timeout=10.0)
    peer.open(1, 100)
    peer.chunk(1, b"x" * 99)
    peer.loop.advance(9)
    peer.chunk(1, b"x")
    peer.loop.advance(9)
    peer.end(1)

    assert await peer.streams.take(1).read_all(100) == b"x" * 100


async def test_stream_that_is_never_taken_fails_after_its_end() -> None:
    peer = Peer(timeout=10.0)
    peer.open(1, 5)
    peer.chunk(1, b"hello")
    peer.end(1)
    peer.loop.advance(10)

    assert peer.errors == [(1, 400, "nothing was read from the stream for 10 seconds")]
    assert peer.streams.unread == 0
    peer.open(1, 5)
    assert len(peer.errors) == 1


async def test_stream_that_is_not_read_blocks_the_connection_until_its_timeout() -> None:
    """The other stream is not idle, because nothing could be received for it."""
    peer = Peer(timeout=10.0, window=4)
    peer.open(2, 5)
    other = peer.streams.take(2)
    peer.open(1, 5)
    peer.loop.advance(1)
    peer.streams.take(1)
    peer.chunk(1, b"hello")
    assert peer.is_paused
    peer.loop.advance(9)
    assert peer.errors == []
    peer.loop.advance(1)

    assert [id for id, _, _ in peer.errors] == [1]
    assert not peer.is_paused
    peer.chunk(2, b"hello")
    peer.end(2)
    assert await other.read_all(5) == b"hello"


async def test_reading_keeps_a_stream_alive() -> None:
    peer = Peer(timeout=10.0, max_size=100_000, window=100_000)
    peer.open(1, 100_000)
    stream = peer.streams.take(1)
    for _ in range(4):
        peer.chunk(1, b"x" * 5_000)
    for _ in range(4):
        peer.loop.advance(9)
        await anext(stream)

    assert peer.errors == []


async def test_data_of_all_open_streams_is_bounded_for_a_hostile_client() -> None:
    peer = Peer(window=100, max_streams=3)
    greatest = 0
    for round in range(50):
        for id in range(1, 10):
            peer.open(id, 1000)
            peer.chunk(id, b"x" * 50)
            greatest = max(greatest, peer.streams.unread)
        if round % 7 == 0:
            peer.terminate(1)

    assert greatest <= 100
    assert len(peer.loop.running) <= 3
