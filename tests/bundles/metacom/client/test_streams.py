"""Streams of the Python client, in both directions."""

import asyncio
import hashlib
import json
import os
from collections.abc import AsyncIterator, Callable
from struct import pack, unpack_from
from typing import Any

import pytest

from bundles.metacom.client import Metacom, MetacomError
from bundles.metacom.client.downloads import MAX_STREAMS, MAX_UNREAD
from bundles.metacom.client.uploads import MAX_WAITING
from tests.bundles.metacom.client.conftest import Peer, Scripted
from tests.bundles.metacom.conftest import SiteOf
from tests.bundles.metacom.test_streams import Files
from tests.waiting import until


async def parts(*data: bytes) -> AsyncIterator[bytes]:
    for part in data:
        yield part


def stream(id: int, **fields: Any) -> dict[str, Any]:
    return {"type": "stream", "id": id, **fields}


def chunk(id: int, data: bytes) -> bytes:
    return pack(">i", id) + data


@pytest.mark.parametrize("size", [0, 1, 1_000_000, 30_000_000])
async def test_upload_is_received_whole(site_of: SiteOf, size: int) -> None:
    site = await site_of(Files)
    data = os.urandom(size)
    async with Metacom(site.websocket_url, timeout=20) as client:
        id = await client.upload("file.bin", data)
        received = await client.call("files/upload", {"stream_id": id})

    digest = hashlib.sha256(data).hexdigest()
    assert received == {"name": "file.bin", "size": size, "sha256": digest}


async def test_uploads_of_iterables_run_in_parallel(site_of: SiteOf) -> None:
    site = await site_of(Files)
    async with Metacom(site.websocket_url, timeout=20) as client:

        async def upload(number: int) -> Any:
            data = [bytes([number]) * 300_000] * 10
            id = await client.upload(str(number), parts(*data), size=3_000_000)
            received = await client.call("files/upload", {"stream_id": id})
            return received["sha256"] == hashlib.sha256(b"".join(data)).hexdigest()

        assert await asyncio.gather(*map(upload, range(5))) == [True] * 5


@pytest.mark.parametrize("size", [0, 1, 1_000_000, 30_000_000])
async def test_download_is_received_whole(site_of: SiteOf, size: int) -> None:
    site = await site_of(Files)
    async with Metacom(site.websocket_url, timeout=20) as client:
        answer = await client.call("files/download", {"size": size, "part": 100_000})
        received = [len(data) async for data in client.download(answer["streamId"])]

        assert sum(received) == size
        with pytest.raises(LookupError, match="-1 is unknown"):
            await anext(aiter(client.download(answer["streamId"])))


async def test_download_that_ends_early_stops_server(site_of: SiteOf) -> None:
    site = await site_of(files := Files())
    async with Metacom(site.websocket_url, timeout=20) as client:
        call = asyncio.create_task(client.call("files/write"))
        await until(lambda: files.produced)
        async for data in client.download(-1):
            assert data.strip(b"x") == b""
            break

        with pytest.raises(MetacomError, match="the client has terminated the stream"):
            await call
        with pytest.raises(MetacomError, match="404"):
            await client.call("files/nope")


async def test_data_of_upload_follows_call_with_its_id(scripted: Scripted) -> None:
    seen: list[Any] = []

    async def script(peer: Peer) -> None:
        seen.extend([await peer.receive(), await peer.receive()])
        await peer.respond(seen[1])
        seen.extend([await peer.receive() for _ in range(4)])
        await peer.respond(seen[2])
        await peer.wait()

    async with Metacom(await scripted(script), timeout=20) as client:
        id = await client.upload("a.txt", bytearray(70_000))
        await client.call("a/other", {"id": id + 1, "text": str(id)})
        await client.call("a/put", {"files": [{"id": id}]})

    assert seen[0] == stream(id, name="a.txt", size=70_000)
    assert [seen[1]["method"], seen[2]["method"]] == ["a/other", "a/put"]
    assert [(unpack_from(">i", each)[0], len(each) - 4) for each in seen[3:5]] == [
        (id, 65_536),
        (id, 70_000 - 65_536),
    ]
    assert seen[5] == stream(id, status="end")


async def test_error_of_data_is_raised_by_call(scripted: Scripted) -> None:
    seen: list[Any] = []

    async def script(peer: Peer) -> None:
        seen.extend([await peer.receive() for _ in range(4)])
        await peer.wait()

    async def failing() -> AsyncIterator[bytes]:
        yield b"12"
        raise ConnectionError("the source")

    async with Metacom(await scripted(script), timeout=20) as client:
        id = await client.upload("a.txt", failing(), size=10)
        with pytest.raises(ConnectionError, match="the source"):
            await client.call("a/put", {"id": id})
        await until(lambda: len(seen) == 4)

    assert seen[2:] == [chunk(id, b"12"), stream(id, status="terminate")]


@pytest.mark.parametrize(
    ("data", "problem"),
    [((b"12", b"3456"), "more bytes than size=5"), ((b"1234",), "after 4 bytes, but size=5")],
)
async def test_data_of_other_size_is_raised_by_call(
    site_of: SiteOf, data: tuple[bytes, ...], problem: str
) -> None:
    site = await site_of(Files)
    async with Metacom(site.websocket_url, timeout=20) as client:
        id = await client.upload("a.txt", parts(*data), size=5)
        with pytest.raises(ValueError, match=problem):
            await client.call("files/upload", {"stream_id": id})


async def test_invalid_data_of_upload_raises(scripted: Scripted) -> None:
    async with Metacom(await scripted(Peer.wait)) as client:
        with pytest.raises(TypeError, match="size is missing"):
            await client.upload("a", parts(b"1"))
        with pytest.raises(ValueError, match="size is 3, but the data has 2 bytes"):
            await client.upload("a", b"12", size=3)
        with pytest.raises(ValueError, match="size must be 0 or more"):
            await client.upload("a", parts(), size=-1)
        with pytest.raises(TypeError, match="bytes or an async iterable"):
            await client.upload("a", "text")  # type: ignore[arg-type]


async def test_rejected_upload_is_raised_by_call(site_of: SiteOf) -> None:
    site = await site_of(Files, max_stream_size=10)
    async with Metacom(site.websocket_url, timeout=20) as client:
        id = await client.upload("a.txt", b"x" * 11)
        with pytest.raises(MetacomError, match="at most 10 bytes") as error:
            await client.call("files/upload", {"stream_id": id})
        assert error.value.code == 413


async def test_upload_that_server_terminates_ends(scripted: Scripted) -> None:
    closed = asyncio.Event()

    async def endless() -> AsyncIterator[bytes]:
        try:
            while True:
                yield b"x" * 1000
                await asyncio.sleep(0)
        finally:
            closed.set()

    async def script(peer: Peer) -> None:
        opening, call, _ = [await peer.receive() for _ in range(3)]
        await peer.send(stream(opening["id"], status="terminate"))
        await peer.respond(call, "enough")
        await peer.wait()

    async with Metacom(await scripted(script), timeout=20) as client:
        id = await client.upload("a.txt", endless(), size=10**12)
        assert await client.call("a/put", {"id": id}) == "enough"
        async with asyncio.timeout(20):
            await closed.wait()


async def test_call_timeout_while_server_does_not_read_leaves_other_calls_and_uploads(
    scripted: Scripted,
) -> None:
    gate = asyncio.Event()
    methods: list[str] = []
    saves: list[Any] = []
    sizes = [0]

    async def script(peer: Peer) -> None:
        await gate.wait()
        async for message in peer.websocket:
            if isinstance(message.data, bytes):
                sizes.append(len(message.data) - 4)
                continue
            packet = json.loads(message.data)
            if packet.get("status") == "end":
                await peer.respond(saves[0], sum(sizes))
            elif packet.get("method") == "files/save":
                saves.append(packet)
            elif packet["type"] == "call":
                methods.append(packet["method"])
                await peer.respond(packet, packet["method"])

    size, args = 30_000_000, {"text": "x" * 20_000_000}
    async with Metacom(await scripted(script), timeout=20) as client:
        id = await client.upload("a.txt", bytes(size))
        async with asyncio.TaskGroup() as tasks:
            save = tasks.create_task(client.call("files/save", {"stream": id}))
            other = tasks.create_task(client.call("a/other", args))
            with pytest.raises(TimeoutError, match="no response to 'a/late'"):
                await client.call("a/late", args, timeout=1.0)
            gate.set()
        assert (save.result(), other.result()) == (size, "a/other")
    assert sorted(methods) == ["a/late", "a/other"]


async def test_cancelled_data_of_upload_is_raised_by_call(scripted: Scripted) -> None:
    async def data() -> AsyncIterator[bytes]:
        yield b"x"
        raise asyncio.CancelledError

    async def script(peer: Peer) -> None:
        opening, _, _ = [await peer.receive() for _ in range(3)]
        assert await peer.receive() == stream(opening["id"], status="terminate")
        await peer.echo()

    async with Metacom(await scripted(script), timeout=20) as client:
        id = await client.upload("a.txt", data(), size=10)
        with pytest.raises(RuntimeError, match=r"data of the upload 'a\.txt' was cancelled"):
            await client.call("a/put", {"id": id})
        assert await client.call("a/b") == "a/b"


async def test_oldest_upload_without_call_is_dropped(scripted: Scripted) -> None:
    async def script(peer: Peer) -> None:
        openings = [await peer.receive() for _ in range(MAX_WAITING)]
        assert await peer.receive() == stream(openings[0]["id"], status="terminate")
        assert (await peer.receive())["name"] == "a.txt"
        async for call in peer.calls():
            assert await peer.receive() == chunk(call["args"]["id"], b"x")
            assert (await peer.receive())["status"] == "end"
            await peer.respond(call, call["method"])

    async with Metacom(await scripted(script), timeout=20) as client:
        ids = [await client.upload("a.txt", b"x") for _ in range(MAX_WAITING + 1)]
        for id in (ids[1], ids[-1]):
            assert await client.call("a/put", {"id": id}) == "a/put"


def sending(*messages: Any) -> Callable[[Peer], Any]:
    """Return a script that responds to the first call after *messages*."""

    async def script(peer: Peer) -> None:
        call = await peer.receive()
        for message in messages:
            await peer.send(message)
        await peer.respond(call)
        await peer.wait()

    return script


OPEN = stream(-1, name="a", size=5)
END = stream(-1, status="end")


@pytest.mark.parametrize(
    ("messages", "problem"),
    [
        ([OPEN, chunk(-1, b"1234"), END], r"ended after 4 of 5 bytes \(400\)"),
        ([OPEN, chunk(-1, b"1234"), chunk(-1, b"56"), END], "has more bytes than its size of 5"),
        ([OPEN, stream(-1, status="terminate")], "the server terminated the stream -1"),
    ],
)
async def test_broken_download_raises(
    scripted: Scripted, messages: list[Any], problem: str
) -> None:
    async with Metacom(await scripted(sending(*messages)), timeout=20) as client:
        await client.call("a/get")
        with pytest.raises(MetacomError, match=problem):
            [data async for data in client.download(-1)]


async def test_download_of_lost_connection_raises(scripted: Scripted) -> None:
    async def script(peer: Peer) -> None:
        call = await peer.receive()
        for message in (OPEN, chunk(-1, b"12")):
            await peer.send(message)
        await peer.respond(call)

    async with Metacom(await scripted(script), timeout=20) as client:
        await client.call("a/get")
        download = aiter(client.download(-1))

        assert await anext(download) == b"12"
        with pytest.raises(ConnectionError, match="the connection was lost"):
            await anext(download)


async def test_download_without_data_times_out(scripted: Scripted) -> None:
    async with Metacom(await scripted(sending(OPEN)), timeout=1.0) as client:
        await client.call("a/get", timeout=20)
        with pytest.raises(TimeoutError, match="no data of the stream -1 has arrived for 1 s"):
            [data async for data in client.download(-1)]


async def test_download_that_is_read_slowly_is_whole(scripted: Scripted) -> None:
    """The client receives nothing while much is unread."""
    part, count = b"x" * 100_000, 4 * MAX_UNREAD // 100_000
    opening = stream(-1, name="a", size=len(part) * count)
    sent = 0

    async def script(peer: Peer) -> None:
        nonlocal sent
        call = await peer.receive()
        await peer.send(opening)
        await peer.respond(call)
        for _ in range(count):
            await peer.send(chunk(-1, part))
            sent += 1
        await peer.send(END)
        await peer.echo()

    async with Metacom(await scripted(script), timeout=20) as client:
        await client.call("a/get")
        download = aiter(client.download(-1))
        received = len(await anext(download))
        with pytest.raises(TimeoutError, match="a download is not being read"):
            await client.call("a/other", timeout=1.0)
        assert sent < count

        received += sum([len(data) async for data in download])
        assert received == opening["size"]
        assert await client.call("a/other") == "a/other"


async def test_download_that_is_not_read_fails_above_its_limit(scripted: Scripted) -> None:
    opening = stream(-1, name="a", size=10**9)
    data = [chunk(-1, b"x" * 1_000_000)] * (MAX_UNREAD // 1_000_000 + 1)
    script = sending(opening, *data)
    async with Metacom(await scripted(script), timeout=20) as client:
        await client.call("a/get")
        with pytest.raises(MetacomError, match=f"not read before {MAX_UNREAD} bytes"):
            [data async for data in client.download(-1)]


@pytest.mark.parametrize(("count", "size"), [(2 * MAX_STREAMS, 1), (12, MAX_UNREAD // 4)])
async def test_downloads_that_are_not_read_are_dropped_for_new_ones(
    scripted: Scripted, count: int, size: int
) -> None:
    """The calls to which the streams belong have failed."""

    async def script(peer: Peer) -> None:
        number = 0
        async for call in peer.calls():
            number -= 1
            await peer.send(stream(number, name="a", size=size))
            await peer.send(chunk(number, b"x" * size))
            await peer.send(stream(number, status="end"))
            if call["method"] == "a/fail":
                error = {"message": "failed", "code": 500}
                await peer.send({"type": "callback", "id": call["id"], "error": error})
            else:
                await peer.respond(call, number)

    async with Metacom(await scripted(script), timeout=20) as client:
        for _ in range(count):
            with pytest.raises(MetacomError, match="failed"):
                await client.call("a/fail")
        data = [part async for part in client.download(await client.call("a/get"))]
        assert len(b"".join(data)) == size
        with pytest.raises(LookupError, match="was dropped"):
            await anext(aiter(client.download(-1)))


async def test_too_many_streams_are_ignored(
    scripted: Scripted, caplog: pytest.LogCaptureFixture
) -> None:
    streams = [stream(-1 - number, name="a", size=1) for number in range(MAX_STREAMS + 5)]
    async with Metacom(await scripted(sending(*streams)), timeout=20) as client:
        await client.call("a/get")
        with pytest.raises(LookupError):
            await anext(aiter(client.download(-MAX_STREAMS - 1)))
    assert len(caplog.records) == 1
    assert f"more than {MAX_STREAMS} streams" in caplog.messages[0]
