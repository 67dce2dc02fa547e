"""Streams over a WebSocket."""

import asyncio
import gc
import hashlib
import json
import tracemalloc
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from socket import SHUT_RDWR
from typing import Any

import aiohttp
import pytest

from bundles.autoload import AutoloadBundle
from bundles.contracts import contract
from bundles.metacom import METACOM, MetacomConnection, StreamException
from bundles.metacom.dialect import Dialect
from bundles.metacom.streams.chunks import decode_chunk, encode_chunk
from rxkernel import (
    Connection,
    ConnectionEvent,
    DisconnectReason,
    ExceptionEvent,
    KernelEvents,
    Request,
    RxKernelError,
    ServerEvents,
    observe,
    procedure,
)
from tests.bundles.metacom.conftest import RawClient, SiteOf
from tests.waiting import until

MIB = 1_048_576


def metacom(connection: Connection) -> MetacomConnection:
    assert isinstance(connection, MetacomConnection)
    return connection


class Files:
    """Counts bytes. `upload` begins to read when *gate* is set."""

    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self.gate.set()
        self.read = self.produced = 0
        self.errors: list[Exception] = []

    @procedure("files/upload", METACOM, arguments="value")
    async def upload(self, connection: MetacomConnection, request: Request) -> dict[str, Any]:
        digest = hashlib.sha256()
        try:
            async with connection.get_stream(request.params["stream_id"]) as stream:
                await self.gate.wait()
                async for data in stream:
                    digest.update(data)
                    self.read += len(data)
        except StreamException as exc:
            self.errors.append(exc)
            raise
        return {"name": stream.name, "size": stream.size, "sha256": digest.hexdigest()}

    @procedure("files/download", METACOM, arguments="value")
    async def download(
        self, connection: MetacomConnection, size: int, part: int
    ) -> dict[str, Any]:
        stream = connection.create_stream("file.bin", size)
        stream.pipe(self._source(size, part))
        return {"streamId": stream.id}

    @procedure("files/ignore", METACOM)
    async def ignore(self) -> None:
        """Take no stream."""
        await self.gate.wait()

    @procedure("files/leave", METACOM, arguments="value")
    @contract(timeout=0.05)
    async def leave(self, connection: MetacomConnection, request: Request) -> None:
        """Wait for more data than the client sends."""
        stream = connection.get_stream(request.params["stream_id"])
        await anext(stream)
        await asyncio.Event().wait()

    @procedure("files/write", METACOM)
    async def write(self, connection: MetacomConnection) -> str:
        """Write for as long as the client reads."""
        try:
            async with connection.create_stream("endless", 2**40) as stream:
                while True:
                    await stream.write(b"x" * 65_536)
                    self.produced += 65_536
        except StreamException as exc:
            self.errors.append(exc)
            raise

    @procedure("files/describe", METACOM)
    async def describe(self) -> str:
        """Return more data than the buffers of a connection hold."""
        return "x" * 200_000

    async def _source(self, size: int, part: int) -> AsyncIterator[bytes]:
        for start in range(0, size, part):
            data = content(size, start, part)
            self.produced += len(data)
            yield data


def content(size: int, start: int, part: int) -> bytes:
    return bytes([start // part % 251]) * min(part, size - start)


async def send_stream(
    client: RawClient, id: int | str, size: int, part: int, dialect: Dialect = Dialect.A
) -> str:
    """Send the chunks and the end of a stream, and return the digest of its data."""
    digest = hashlib.sha256()
    for start in range(0, size, part):
        data = content(size, start, part)
        digest.update(data)
        await client.send(encode_chunk(id, data, dialect))
    await client.send({"type": "stream", "id": id, "status": "end"})
    return digest.hexdigest()


async def receive_stream(
    client: RawClient, id: int | str, dialect: Dialect = Dialect.A
) -> tuple[int, str]:
    """Read chunks up to the end of the stream *id*; return their size and digest."""
    digest, size = hashlib.sha256(), 0
    while True:
        message = await client.websocket.receive(timeout=20)
        if message.type is not aiohttp.WSMsgType.BINARY:
            assert json.loads(message.data) == {"type": "stream", "id": id, "status": "end"}
            return size, digest.hexdigest()
        of, data = decode_chunk(message.data, dialect)
        assert of == id
        digest.update(data)
        size += len(data)


async def begin_upload(client: RawClient, id: Any, size: int) -> None:
    await client.send({"type": "stream", "id": id, "name": "file.bin", "size": size})
    await client.send(
        {"type": "call", "id": id, "method": "files/upload", "args": {"stream_id": id}}
    )


async def connection_of(site: Any) -> MetacomConnection:
    connections = site.server.engine
    await until(lambda: len(connections) == 1)
    (connection,) = connections
    return metacom(connection)


# T40, T41
@pytest.mark.parametrize(
    ("id", "chunk"), [(7, "00000007 68656c6c6f"), ("s-7", "03 732d37 68656c6c6f")]
)
async def test_chunk_reaches_the_call(site_of: SiteOf, id: Any, chunk: str) -> None:
    site = await site_of(Files)
    async with site.client() as client:
        await begin_upload(client, id, 5)
        await client.send(bytes.fromhex(chunk))
        await client.send({"type": "stream", "id": id, "status": "end"})

        assert await client.receive() == {
            "type": "callback",
            "id": id,
            "result": {
                "name": "file.bin",
                "size": 5,
                "sha256": hashlib.sha256(b"hello").hexdigest(),
            },
        }


# T43
@pytest.mark.parametrize(("call_id", "first", "second"), [(1, -1, -2), ("x-1", None, None)])
async def test_download_is_opened_then_called_back_then_sent(
    site_of: SiteOf, call_id: Any, first: Any, second: Any
) -> None:
    site = await site_of(Files)
    dialect = Dialect.A if call_id == 1 else Dialect.B
    async with site.client() as client:
        for expected in (first, second):
            opened = await client.call("files/download", {"size": 9, "part": 4}, id=call_id)
            id = opened["id"]
            assert opened == {"type": "stream", "id": id, "name": "file.bin", "size": 9}
            assert expected in (id, None)
            assert (await client.receive())["result"] == {"streamId": id}
            data = b"\0\0\0\0\1\1\1\1\2"
            assert await receive_stream(client, id, dialect) == (
                9,
                hashlib.sha256(data).hexdigest(),
            )


# T44
async def test_errors_of_streams_have_the_id_of_the_stream(site_of: SiteOf) -> None:
    site = await site_of(Files)
    async with site.client() as client:
        for packet in (
            {"type": "stream", "id": 5, "status": "end"},
            {"type": "stream", "id": 6, "name": "x", "size": 1.5},
            {"type": "stream", "id": 6, "name": "x"},
            {"type": "stream", "id": -6, "name": "x", "size": 1},
            {"type": "stream", "id": 2**40, "name": "x", "size": 1},
            b"\0\0\0\x09hello",
        ):
            await client.send(packet)
            error = await client.receive()
            id = 9 if isinstance(packet, bytes) else packet["id"]
            assert (error["type"], error["id"], error["error"]["code"]) == ("callback", id, 400)

        await client.send({"type": "stream", "id": 7, "name": "x", "size": 1})
        await client.send({"type": "stream", "id": 7, "name": "x", "size": 1})
        second = await client.receive()
        assert (second["id"], second["error"]["code"]) == (7, 400)

        for packet in (b"", b"\0", {"type": "stream", "name": "x", "size": 1}):
            await client.send(packet)
            error = await client.receive()
            assert "id" not in error
            assert error["error"]["code"] == 400


async def test_errors_of_streams_are_messages_of_the_kernel(site_of: SiteOf) -> None:
    seen: list[str] = []

    async def see(event: ExceptionEvent) -> None:
        seen.append(str(event.exception))

    site = await site_of(Files, listeners=(observe(KernelEvents.KERNEL_EXCEPTION)(see),))
    async with site.client() as client:
        await client.send({"type": "stream", "id": 5, "status": "end"})
        await client.receive()

    assert seen == ["Stream 5 is not initialized"]


async def test_short_stream_fails_on_both_sides(site_of: SiteOf) -> None:
    site = await site_of(Files)
    async with site.client() as client:
        await begin_upload(client, 3, 10)
        await client.send(encode_chunk(3, b"hello", Dialect.A))
        await client.send({"type": "stream", "id": 3, "status": "end"})

        errors = [await client.receive(), await client.receive()]
        assert [(error["id"], error["error"]["code"]) for error in errors] == [(3, 400)] * 2


async def test_call_of_unknown_stream_fails(site_of: SiteOf) -> None:
    site = await site_of(Files)
    async with site.client() as client:
        ids: list[Any] = [5, [], None, "__proto__"]
        for id in ids:
            response = await client.call("files/upload", {"stream_id": id})
            assert response["error"]["code"] == 400


@pytest.mark.parametrize("dialect", list(Dialect))
async def test_upload_and_download_of_1_mb_arrive_unchanged(
    site_of: SiteOf, dialect: Dialect
) -> None:
    site = await site_of(Files)
    async with site.client() as client:
        id: Any = 1 if dialect is Dialect.A else "a-stream"
        await begin_upload(client, id, MIB)
        digest = await send_stream(client, id, MIB, 10_000, dialect)
        assert (await client.receive())["result"]["sha256"] == digest

        opened = await client.call("files/download", {"size": MIB, "part": 10_000}, id=id)
        await client.receive()
        assert await receive_stream(client, opened["id"], dialect) == (MIB, digest)


@contextmanager
def memory_below(limit: int) -> Iterator[None]:
    """Check that at most *limit* bytes more than before are in use at any time."""
    gc.collect()
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        yield
        _, peak = tracemalloc.get_traced_memory()
        assert peak - before < limit, f"{(peak - before) / MIB:.1f} MiB"
    finally:
        tracemalloc.stop()


async def test_upload_to_slow_reader_waits_within_bounded_memory(site_of: SiteOf) -> None:
    """The buffers of the sockets hold some megabytes, but not 64."""
    files, size, part = Files(), 64 * MIB, 65_536
    files.gate.clear()
    site = await site_of(files, stream_window=262_144)
    async with site.client() as client:
        connection = await connection_of(site)
        with memory_below(6 * MIB):
            await begin_upload(client, 1, size)
            sending = asyncio.create_task(send_stream(client, 1, size, part))
            await until(lambda: connection.paused)
            assert 262_144 < connection.streams.unread <= 262_144 + part
            assert files.read == 0
            assert not sending.done()

            files.gate.set()
            response = await client.receive()

        assert response["result"]["sha256"] == await sending
        assert connection.streams.unread == 0


async def test_download_to_slow_client_waits_within_bounded_memory(site_of: SiteOf) -> None:
    files, size = Files(), 64 * MIB
    site = await site_of(files)
    async with site.client() as client:
        connection = await connection_of(site)
        with memory_below(10 * MIB):
            opened = await client.call("files/download", {"size": size, "part": 65_536})
            await until(lambda: connection.is_congested)
            assert files.produced < size
            assert connection.pipes

            await client.receive()
            received, _ = await receive_stream(client, opened["id"])

        assert received == files.produced == size


async def test_calls_get_responses_between_the_chunks_of_a_download(site_of: SiteOf) -> None:
    site = await site_of(Files)
    async with site.client() as client:
        await client.call("files/download", {"size": 64 * MIB, "part": 65_536})
        await client.send({"type": "stream", "id": -1, "status": "terminate"})
        await client.send(
            {"type": "call", "id": 2, "method": "files/download", "args": {"size": 0, "part": 1}}
        )
        packets: list[Any] = []
        while len(packets) < 4:
            message = await client.websocket.receive(timeout=20)
            if message.type is aiohttp.WSMsgType.TEXT:
                packets.append(json.loads(message.data))

    assert [(one["type"], one["id"]) for one in packets] == [
        ("callback", 1),
        ("stream", -2),
        ("callback", 2),
        ("stream", -2),
    ]


@pytest.mark.parametrize("method", ["files/upload", "files/write"])
async def test_client_that_disconnects_during_streams_ends_readers_and_writers(
    site_of: SiteOf, method: str
) -> None:
    files = Files()
    reasons: list[DisconnectReason | None] = []

    async def left(event: ConnectionEvent) -> None:
        reasons.append(event.reason)

    site = await site_of(files, listeners=(observe(ServerEvents.DISCONNECTED)(left),))
    async with site.client() as client:
        await client.send({"type": "stream", "id": 1, "name": "x", "size": 100})
        await client.send({"type": "call", "id": 1, "method": method, "args": {"stream_id": 1}})
        await client.send(encode_chunk(1, b"hello", Dialect.A))
        await until(lambda: files.read or files.produced)

    await until(lambda: files.errors)
    assert "closed" in str(files.errors[0])
    await until(lambda: len(site.server.engine) == 0)
    await until(lambda: reasons)


async def test_client_that_leaves_while_the_connection_is_paused_is_noticed_when_it_is_read(
    site_of: SiteOf,
) -> None:
    files = Files()
    files.gate.clear()
    site = await site_of(files, stream_window=10_000)
    async with site.client() as client:
        connection = await connection_of(site)
        await begin_upload(client, 1, 1_000_000)
        for _ in range(5):
            await client.send(encode_chunk(1, b"x" * 10_000, Dialect.A))
        await until(lambda: connection.paused)
        client.websocket.get_extra_info("socket").shutdown(SHUT_RDWR)
        files.gate.set()
        await until(lambda: files.errors)


async def test_server_that_closes_a_paused_connection_does_not_wait(site_of: SiteOf) -> None:
    files = Files()
    files.gate.clear()
    site = await site_of(files, stream_window=10_000)
    async with site.client() as client:
        connection = await connection_of(site)
        await begin_upload(client, 1, 1_000_000)
        for _ in range(3):
            await client.send(encode_chunk(1, b"x" * 10_000, Dialect.A))
        await until(lambda: connection.paused)
        files.gate.set()
        await connection.close()

        assert await client.closed() == 1000
    assert files.errors


async def test_stream_that_is_not_read_fails_after_the_timeout(site_of: SiteOf) -> None:
    site = await site_of(Files, stream_timeout=0.05)
    async with site.client() as client:
        await client.send({"type": "stream", "id": 1, "name": "x", "size": 5})
        error = await client.receive()
        assert (error["id"], error["error"]["code"]) == (1, 400)


async def test_stream_waits_for_calls_and_fails_if_none_takes_it(site_of: SiteOf) -> None:
    files = Files()
    files.gate.clear()
    site = await site_of(files, stream_window=10_000)
    async with site.client() as client:
        connection = await connection_of(site)
        await client.send({"type": "stream", "id": 1, "name": "x", "size": 100_000})
        await client.send({"type": "call", "id": 2, "method": "files/ignore"})
        for _ in range(10):
            await client.send(encode_chunk(1, b"x" * 10_000, Dialect.A))
        await until(lambda: connection.paused)
        files.gate.set()

        packets = [await client.receive(), await client.receive()]
        assert sorted((one["id"], "error" in one) for one in packets) == [(1, True), (2, False)]
        assert connection.streams.unread == 0
        assert (await client.call("files/ignore", id=3))["id"] == 3


async def test_stream_of_call_with_timeout_does_not_block_other_calls(site_of: SiteOf) -> None:
    site = await site_of(Files, stream_window=10_000)
    async with site.client() as client:
        connection = await connection_of(site)
        await client.send({"type": "stream", "id": 1, "name": "x", "size": 1_000_000})
        arguments = {"stream_id": 1}
        await client.send({"type": "call", "id": 2, "method": "files/leave", "args": arguments})
        for _ in range(10):
            await client.send(encode_chunk(1, b"x" * 10_000, Dialect.A))
        await client.send({"type": "call", "id": 3, "method": "files/ignore"})

        packets = [await client.receive() for _ in range(3)]
        assert packets[0]["error"]["code"] == 408
        assert packets[1] == {"type": "stream", "id": 1, "status": "terminate"}
        assert packets[2]["id"] == 3
        assert connection.streams.unread == 0


async def test_endpoint_of_autoload_uses_streams(site_of: SiteOf, tmp_path: Path) -> None:
    folder = tmp_path / "api" / "files"
    folder.mkdir(parents=True)
    (folder / "copy.py").write_text(
        "from bundles.autoload import Context\n"
        "access = 'public'\n"
        "parameters = {'streamId': 'number'}\n"
        "async def method(streamId, context: Context):\n"
        "    source = context.client.get_stream(streamId)\n"
        "    copy = context.client.create_stream(source.name, source.size)\n"
        "    copy.pipe(source)\n"
        "    return {'streamId': copy.id}\n"
    )
    site = await site_of(bundles=(AutoloadBundle(tmp_path),))
    async with site.client() as client:
        await client.send({"type": "stream", "id": 1, "name": "x", "size": 100_000})
        opened = await client.call("files/copy", {"streamId": 1})
        assert (await client.receive())["result"] == {"streamId": opened["id"]}
        digest = await send_stream(client, 1, 100_000, 10_000)

        assert await receive_stream(client, opened["id"]) == (100_000, digest)


async def test_text_id_during_an_upload_of_dialect_a_does_not_change_the_dialect(
    site_of: SiteOf,
) -> None:
    site = await site_of(Files)
    async with site.client() as client:
        connection = await connection_of(site)
        await begin_upload(client, 1, 5)
        assert (await client.call("files/ignore", id="x"))["id"] == "x"
        assert connection.dialect.name == "A"
        await client.send(encode_chunk(1, b"hello", Dialect.A))
        await client.send({"type": "stream", "id": 1, "status": "end"})
        assert (await client.receive())["result"]["size"] == 5

        assert (await client.call("files/ignore", id="x"))["id"] == "x"
        assert connection.dialect.name == "B"


async def test_limits_of_streams_are_errors_with_their_status(site_of: SiteOf) -> None:
    site = await site_of(Files, max_streams=1, max_stream_size=100)
    async with site.client() as client:
        await client.send({"type": "stream", "id": 1, "name": "x", "size": 101})
        await client.send({"type": "stream", "id": 2, "name": "x", "size": 100})
        await client.send({"type": "stream", "id": 3, "name": "x", "size": 100})

        errors = [await client.receive(), await client.receive()]
        assert [(error["id"], error["error"]["code"]) for error in errors] == [(1, 413), (3, 429)]


async def test_client_that_keeps_sending_invalid_chunks_is_closed(site_of: SiteOf) -> None:
    site = await site_of(Files, max_rate=10)
    async with site.client() as client:
        for _ in range(100):
            await client.send(b"\0\0\0\1hello")

        assert await client.closed() == 1008


async def test_small_chunks_above_max_rate_wait(site_of: SiteOf) -> None:
    site = await site_of(Files, max_rate=5)
    async with site.client() as client, site.client() as other:
        await begin_upload(client, 1, 20)
        for _ in range(20):
            await client.send(encode_chunk(1, b"x", Dialect.A))
        await client.send({"type": "stream", "id": 1, "status": "end"})
        await other.call("files/ignore")
        assert sum(one.streams.unread for one in site.server.engine) < 20

        assert (await client.receive())["result"]["size"] == 20


async def test_stopping_server_finishes_a_download(site_of: SiteOf) -> None:
    site = await site_of(Files)
    async with site.client() as client:
        opened = await client.call("files/download", {"size": 16 * MIB, "part": 65_536})
        await client.receive()
        stopping = asyncio.create_task(site.application.stop())
        received, _ = await receive_stream(client, opened["id"])

        assert received == 16 * MIB
        assert await client.closed() == 1001
        await stopping


async def test_stopping_server_does_not_wait_for_client_that_does_not_read(
    site_of: SiteOf,
) -> None:
    site = await site_of(Files, shutdown_timeout=0.2)
    async with site.client() as client:
        connection = await connection_of(site)
        await client.call("files/download", {"size": 64 * MIB, "part": 65_536})
        await until(lambda: connection.is_congested)
        async with asyncio.timeout(20):
            await site.application.stop()

    assert not connection.pipes


async def test_stream_before_the_handshake_raises(site_of: SiteOf) -> None:
    raised: list[str] = []

    async def connected(event: ConnectionEvent) -> None:
        with pytest.raises(RxKernelError, match="before the handshake") as error:
            metacom(event.connection).create_stream("x", 1)
        raised.append(str(error.value))

    site = await site_of(Files, listeners=(observe(ServerEvents.CONNECTED)(connected),))
    async with site.client():
        assert raised


async def test_terminated_download_leaves_calls_and_other_downloads_of_a_slow_client(
    site_of: SiteOf,
) -> None:
    site = await site_of(Files)
    size = 20 * MIB
    async with site.client() as client:
        for id in (1, 2):
            args = {"size": size, "part": MIB}
            await client.send({"type": "call", "id": id, "method": "files/download", "args": args})
        connection = await connection_of(site)
        await until(lambda: connection.is_congested)  # the client does not read yet
        last = 2
        while connection.sending is None:  # the first callbacks may fit into the buffers
            last += 1
            await client.send({"type": "call", "id": last, "method": "files/describe"})
            await asyncio.sleep(0.005)
        await client.send({"type": "stream", "id": -1, "status": "terminate"})
        last += 1
        await client.send({"type": "call", "id": last, "method": "files/describe"})

        called, received, ended = set(), 0, None
        while ended is None or last not in called:
            message = await client.websocket.receive(timeout=20)
            if message.type is aiohttp.WSMsgType.BINARY:
                id_, data = decode_chunk(message.data, Dialect.A)
                received += len(data) if id_ == -2 else 0
                continue
            packet = json.loads(message.data)
            if packet["type"] == "callback":
                assert "error" not in packet
                called.add(packet["id"])
            elif packet["id"] == -2:
                ended = packet.get("status")

    assert called == {*range(1, last + 1)}
    assert (received, ended) == (size, "end")
