"""Streams of bytes between nodes."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from bundles.gateway import CurrentContext, MoleculerClientError, MoleculerServerError, action
from bundles.gateway.cluster.pieces import MOST_BYTES
from rxkernel import Request, StreamResponse
from tests.bundles.gateway.cluster.nodes import Node, Nodes, settled
from tests.bundles.gateway.cluster.raw_node import RawNode, service


class Files:
    def __init__(self) -> None:
        self.ended: list[str] = []
        self.may_continue = asyncio.Event()

    @action("files.save")
    async def save(self, ctx: CurrentContext) -> dict[str, Any]:
        assert ctx.stream is not None
        content = b"".join([piece async for piece in ctx.stream])
        return {"size": len(content), "begin": content[:4].hex(), "params": ctx.params}

    @action("files.read")
    async def read(self, request: Request, sizes: list[int]) -> StreamResponse:
        request.when_ended(lambda: self.ended.append("message"))
        return StreamResponse(self._pieces(sizes))

    async def _pieces(self, sizes: list[int]) -> AsyncIterator[bytes]:
        try:
            for size in sizes:
                if size < 0:
                    raise MoleculerClientError("broken", 422, "BROKEN", {"at": size})
                yield bytes([size % 256]) * size
        finally:
            self.ended.append("source")

    @action("files.echo")
    async def echo(self, ctx: CurrentContext) -> StreamResponse:
        assert ctx.stream is not None
        return StreamResponse(ctx.stream)

    @action("files.refuse")
    async def refuse(self) -> None:
        raise MoleculerClientError("no", 403, "FORBIDDEN")

    @action("files.pause")
    async def pause(self) -> StreamResponse:
        async def pieces() -> AsyncIterator[bytes]:
            yield b"first"
            await self.may_continue.wait()
            yield b"second"

        return StreamResponse(pieces())


async def pieces(*given: bytes | Exception) -> AsyncIterator[bytes]:
    for piece in given:
        if isinstance(piece, Exception):
            raise piece
        yield piece


async def read(stream: AsyncIterator[bytes]) -> bytes:
    return b"".join([piece async for piece in stream])


async def cluster(nodes: Nodes, **options: Any) -> tuple[Node, Files, Node]:
    node = await nodes.start("files-1", Files, **options)
    return node, node.application.injector.get(Files), await nodes.start("web-1")


@pytest.mark.parametrize("protocol", ["4", "5"])
@pytest.mark.parametrize("params", [None, {"name": "a"}, [1]])
async def test_stream_of_a_call_arrives_whole(nodes: Nodes, protocol: str, params: Any) -> None:
    _, _, web = await cluster(nodes, protocol=protocol)
    content = (b"abcd", b"", b"x" * (2 * MOST_BYTES + 1), b"y")

    result = await web.broker.call("files.save", params, stream=pieces(*content))

    assert result == {
        "size": 2 * MOST_BYTES + 6,
        "begin": b"abcd".hex(),
        "params": {} if params is None else params,
    }


@pytest.mark.parametrize("protocol", ["4", "5"])
async def test_stream_of_a_result_arrives_whole(nodes: Nodes, protocol: str) -> None:
    node, files, web = await cluster(nodes, protocol=protocol)

    stream = await web.broker.call("files.read", {"sizes": [3, 0, 100_000]})

    assert await read(stream) == b"\x03" * 3 + b"\xa0" * 100_000
    await settled()
    assert files.ended == ["source", "message"]
    idle = {"nodes": 1, "outgoing_calls": 0, "incoming_messages": 0}
    assert web.server.figures.items() >= idle.items()
    assert node.server.figures.items() >= idle.items()


async def test_empty_streams_arrive(nodes: Nodes) -> None:
    _, _, web = await cluster(nodes)

    assert (await web.broker.call("files.save", stream=pieces()))["size"] == 0
    assert await read(await web.broker.call("files.read", {"sizes": []})) == b""


async def test_call_with_a_stream_returns_a_stream(nodes: Nodes) -> None:
    _, _, web = await cluster(nodes)

    stream = await web.broker.call("files.echo", stream=pieces(b"one", b"two"))

    assert await read(stream) == b"onetwo"


async def test_pieces_arrive_before_the_end(nodes: Nodes) -> None:
    _, files, web = await cluster(nodes)

    stream = await web.broker.call("files.pause")

    assert await anext(stream) == b"first"
    files.may_continue.set()
    assert await read(stream) == b"second"


@pytest.mark.parametrize("protocol", ["4", "5"])
async def test_result_stream_that_fails_raises_its_error(nodes: Nodes, protocol: str) -> None:
    _, _, web = await cluster(nodes, protocol=protocol)

    stream = await web.broker.call("files.read", {"sizes": [5, -1]})

    assert await anext(stream) == b"\x05" * 5
    with pytest.raises(MoleculerClientError, match="broken") as caught:
        await anext(stream)
    assert (caught.value.type, caught.value.node_id) == ("BROKEN", "files-1")


@pytest.mark.parametrize("protocol", ["4", "5"])
async def test_stream_of_a_call_that_fails_fails_on_both_sides(
    nodes: Nodes, protocol: str, caplog: pytest.LogCaptureFixture
) -> None:
    _, _, web = await cluster(nodes, protocol=protocol)

    with pytest.raises(MoleculerClientError, match="own"):
        await web.broker.call(
            "files.save", stream=pieces(b"a", MoleculerClientError("own", 400, "OWN"))
        )
    await settled()

    assert not [one for one in caplog.records if one.levelname == "ERROR"]


async def test_piece_that_is_not_bytes_is_a_type_error(nodes: Nodes) -> None:
    _, _, web = await cluster(nodes)

    with pytest.raises(TypeError, match="a piece of a stream is a int; it must be bytes or text"):
        await web.broker.call("files.save", stream=pieces(1))  # type: ignore[arg-type]


async def test_refused_stream_is_not_read_to_its_end(nodes: Nodes) -> None:
    node, _, web = await cluster(nodes)
    forever = asyncio.Event()
    ended: list[str] = []

    async def endless() -> AsyncIterator[bytes]:
        try:
            yield b"a"
            await forever.wait()
        finally:
            ended.append("source")

    with pytest.raises(MoleculerClientError, match="no"):
        await web.broker.call("files.refuse", stream=endless())
    await settled()

    assert ended == ["source"]
    assert (node.dropped, web.dropped) == ({}, {})


async def test_stream_of_a_lost_node_fails(nodes: Nodes) -> None:
    node, _, web = await cluster(nodes)
    stream = await web.broker.call("files.pause")
    await anext(stream)

    await node.vanish()
    web.cluster.members.check(-1)

    with pytest.raises(Exception, match="is rejected"):
        await anext(stream)


async def test_stream_of_a_lost_caller_fails(nodes: Nodes) -> None:
    node = await nodes.start("files-1", Files)
    raw = RawNode(nodes.bus)
    await raw.join()
    await raw.send("REQ", "files-1", {**request("1", "files.save"), "stream": True, "seq": 0})

    await raw.send("DISCONNECT", None, {})

    (response,) = raw.packets("RES")
    assert response["error"]["type"] == "NODE_LOST"
    assert node.server.figures["incoming_messages"] == 0


async def test_closed_stream_ends_silently(nodes: Nodes) -> None:
    _, files, web = await cluster(nodes)
    stream = await web.broker.call("files.pause")
    await anext(stream)

    await stream.aclose()
    files.may_continue.set()
    await settled()

    assert [piece async for piece in stream] == []
    assert web.dropped == {}
    web.cluster._calls.forget(float("inf"))


def request(id: str, action: str) -> dict[str, Any]:
    return {"id": id, "action": action, "params": None, "meta": {}, "level": 1}


def piece(id: str, seq: int, data: Any, *, stream: bool = True) -> dict[str, Any]:
    return {**request(id, "files.save"), "params": data, "stream": stream, "seq": seq}


def buffer(*values: Any) -> dict[str, Any]:
    return {"type": "Buffer", "data": list(values)}


async def test_pieces_in_another_order_are_sorted(nodes: Nodes) -> None:
    """Moleculer publishes the packets of a stream over a pool of connections."""
    await nodes.start("files-1", Files)
    raw = RawNode(nodes.bus)
    await raw.join()

    await raw.send("REQ", "files-1", piece("1", 2, buffer(2)))
    await raw.send("REQ", "files-1", piece("1", 4, None, stream=False))
    await raw.send("REQ", "files-1", piece("1", 0, None))
    await raw.send("REQ", "files-1", piece("1", 3, "text"))
    await raw.send("REQ", "files-1", piece("1", 1, buffer(1)))
    await raw.send("REQ", "files-1", piece("1", 1, buffer(1)))

    (response,) = raw.packets("RES")
    assert response["data"] == {"size": 6, "begin": "01027465", "params": {}}


@pytest.mark.parametrize("data", [buffer(256), buffer("x"), buffer(None), buffer(-1)])
async def test_piece_that_is_not_bytes_breaks_the_stream(nodes: Nodes, data: Any) -> None:
    await nodes.start("files-1", Files)
    raw = RawNode(nodes.bus)
    await raw.join()

    await raw.send("REQ", "files-1", piece("1", 0, None))
    await raw.send("REQ", "files-1", piece("1", 1, data))

    (response,) = raw.packets("RES")
    assert response["error"]["type"] == "STREAM_BROKEN"


async def test_packets_that_wait_for_an_earlier_one_are_limited(nodes: Nodes) -> None:
    await nodes.start("files-1", Files)
    raw = RawNode(nodes.bus)
    await raw.join()
    await raw.send("REQ", "files-1", piece("1", 0, None))

    for seq in range(2, 1004):
        await raw.send("REQ", "files-1", piece("1", seq, buffer(1)))

    (response,) = raw.packets("RES")
    assert "1000 packets came before the packet 1" in response["error"]["message"]


@pytest.mark.parametrize("first", [1, 2], ids=["in order", "one is missing"])
async def test_bytes_that_wait_to_be_read_are_limited(nodes: Nodes, first: int) -> None:
    web = await nodes.start("web-1")
    raw = RawNode(nodes.bus)
    await raw.join(service("raw", "raw.read"))
    call = asyncio.create_task(web.broker.call("raw.read"))
    await settled()
    (sent,) = raw.packets("REQ")
    head = {"id": sent["id"], "success": True, "stream": True, "data": None}
    await raw.send("RES", "web-1", {**head, "seq": 0})
    stream = await call
    text = "x" * 9_000_000

    for seq in range(first, first + 9):
        await raw.send("RES", "web-1", {**head, "seq": seq, "data": text})

    with pytest.raises(MoleculerServerError, match="more than 67108864 bytes wait to be read"):
        await read(stream)


async def test_stream_of_objects_has_its_values(nodes: Nodes) -> None:
    web = await nodes.start("web-1")
    raw = RawNode(nodes.bus, ver="5")
    await raw.join(service("raw", "raw.read"))
    call = asyncio.create_task(web.broker.call("raw.read"))
    await settled()
    (sent,) = raw.packets("REQ")
    head = {"id": sent["id"], "success": True, "stream": True, "data": None}
    await raw.send("RES", "web-1", {**head, "seq": 0, "headers": {"$streamObjectMode": True}})
    await raw.send("RES", "web-1", {**head, "seq": 1, "data": {"a": 1}})
    await raw.send("RES", "web-1", {**head, "seq": 2, "data": "text"})
    await raw.send("RES", "web-1", {**head, "seq": 3, "stream": False})

    assert [value async for value in await call] == [{"a": 1}, "text"]


async def test_request_stream_is_sent_in_numbered_packets(nodes: Nodes) -> None:
    web = await nodes.start("web-1")
    raw = RawNode(nodes.bus)
    await raw.join(service("raw", "raw.save"))

    call = asyncio.create_task(
        web.broker.call("raw.save", {"name": "a"}, stream=pieces(b"\x01\x02"), meta={"m": 1})
    )
    await settled()
    packets = raw.packets("REQ")
    await raw.send("RES", "web-1", {"id": packets[0]["id"], "success": True, "data": "saved"})

    assert await call == "saved"
    assert [
        (one.get("params"), one["stream"], one["seq"], one.get("meta")) for one in packets
    ] == [
        (None, True, 0, {"m": 1, "$params": {"name": "a"}}),
        ({"type": "Buffer", "data": [1, 2]}, True, 1, None),
        (None, False, 2, None),
    ]


async def test_call_with_a_stream_is_not_cached(nodes: Nodes) -> None:
    """The key of a cached result cannot contain a stream."""

    class Sizes:
        @action("sizes.of", cache=True)
        async def of(self, ctx: CurrentContext) -> int:
            assert ctx.stream is not None
            return len(await read(ctx.stream))  # type: ignore[arg-type]

    await nodes.start("one", Sizes, cacher="memory")
    web = await nodes.start("web-1")

    sizes = [await web.broker.call("sizes.of", stream=pieces(b"a" * size)) for size in (1, 2)]

    assert sizes == [1, 2]
