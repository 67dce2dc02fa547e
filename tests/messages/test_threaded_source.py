"""Plain iterables and open files as the source of a stream."""

import asyncio
import codecs
import io
import tempfile
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from rxkernel import EventStreamResponse, ServerSentEvent, StreamResponse
from rxkernel.messages.content_hints import content_hint
from rxkernel.messages.response import close_source


class Source:
    """A generator that records its threads and its end."""

    def __init__(self) -> None:
        self.threads: set[int] = set()
        self.is_closed = False
        self.may_go_on = threading.Event()
        self.has_begun = threading.Event()

    def pieces(self) -> Iterator[str]:
        try:
            for piece in "ab":
                self.threads.add(threading.get_ident())
                yield piece
        finally:
            self.is_closed = True

    def blocked(self) -> Iterator[str]:
        try:
            self.has_begun.set()
            assert self.may_go_on.wait(20)
            yield "a"
        finally:
            self.is_closed = True


async def read(response: Any) -> list[Any]:
    return [piece async for piece in response.content]


async def test_generator_runs_in_threads_and_is_closed() -> None:
    source = Source()
    response = StreamResponse(source.pieces())

    assert await read(response) == ["a", "b"]
    assert threading.get_ident() not in source.threads
    await close_source(response)
    assert source.is_closed


@pytest.mark.parametrize(
    "content",
    [["a", "b"], ("a", "b"), iter(["a", "b"]), map(str.lower, "AB"), {"a": 1, "b": 2}.keys()],
    ids=["list", "tuple", "iterator", "map", "keys"],
)
async def test_iterable_is_sent_in_order(content: Any) -> None:
    response = StreamResponse(content)

    assert await read(response) == ["a", "b"]
    await close_source(response)


async def test_open_file_is_read_in_chunks_and_closed(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"\n" * 100_000)
    file = path.open("rb")
    response = StreamResponse(file)

    assert [len(piece) for piece in await read(response)] == [65_536, 34_464]
    await close_source(response)
    assert file.closed
    assert await read(StreamResponse(io.StringIO("text"))) == ["text"]


FILES: dict[str, Callable[[], Any]] = {
    "TemporaryFile": tempfile.TemporaryFile,
    "NamedTemporaryFile": tempfile.NamedTemporaryFile,
    "NamedTemporaryFile of text": partial(tempfile.NamedTemporaryFile, "w+", newline=""),
    "SpooledTemporaryFile": tempfile.SpooledTemporaryFile,
    "codecs": lambda: codecs.StreamReaderWriter(io.BytesIO(), *codecs.lookup("utf-8")[2:]),
}


@pytest.mark.parametrize("name", FILES)
async def test_file_of_any_kind_is_read_in_chunks_and_closed(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not line by line: a line may have any size."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    file = FILES[name]()
    is_text = name.endswith("text") or name.startswith("codecs")
    file.write("\n" * 100_000 if is_text else b"\n" * 100_000)
    file.seek(0)
    response = StreamResponse(file)

    pieces = [len(piece) for piece in await read(response)]
    assert len(pieces) <= 3, pieces
    assert sum(pieces) == 100_000
    await close_source(response)
    assert file.closed
    assert content_hint(type(file)) == content_hint(io.BytesIO)


async def test_source_that_is_its_own_iterator_is_closed_once() -> None:
    class Items:
        closed = 0

        def __iter__(self) -> Iterator[str]:
            return self

        def __next__(self) -> str:
            raise StopIteration

        def close(self) -> None:
            self.closed += 1

    items = Items()
    response = StreamResponse(items)
    assert await read(response) == []
    for _ in range(2):
        await close_source(response)
    assert items.closed == 1


async def test_exception_of_a_generator_reaches_the_reader() -> None:
    def fails() -> Iterator[str]:
        yield "a"
        raise LookupError("no b")

    with pytest.raises(LookupError, match="no b"):
        await read(StreamResponse(fails()))


async def test_cancelled_reader_closes_the_source_after_its_thread() -> None:
    source = Source()
    response = StreamResponse(source.blocked())
    reader = asyncio.create_task(read(response))
    await asyncio.to_thread(source.has_begun.wait, 20)
    reader.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reader

    closing = asyncio.create_task(close_source(response))
    await asyncio.sleep(0)
    assert not source.is_closed
    source.may_go_on.set()
    await closing
    assert source.is_closed


async def test_events_of_a_plain_generator() -> None:
    events = [ServerSentEvent(data=number) for number in range(2)]

    assert await read(EventStreamResponse(event for event in events)) == events


@pytest.mark.parametrize("content", ["text", b"bytes", bytearray(), None, 7], ids=repr)
@pytest.mark.parametrize("kind", [StreamResponse, EventStreamResponse])
def test_stream_source_that_is_a_whole_body_raises_type_error(kind: Any, content: Any) -> None:
    with pytest.raises(TypeError, match="must be an iterable or an async iterable of pieces"):
        kind(content)
