"""Calls and streams end on both sides when the node, the caller or the bus is lost."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest

from bundles.gateway import (
    BrokerDisconnectedError,
    CurrentContext,
    MoleculerError,
    RequestRejectedError,
    RequestTimeoutError,
    action,
    on_event,
)
from bundles.gateway.cluster.remote_errors import RemoteError
from bundles.message_bus import BusUnavailableError
from rxkernel import Request, StreamResponse
from tests.bundles.gateway.cluster.nodes import Node, Nodes, settled
from tests.bundles.gateway.cluster.raw_node import RawNode, service


class Files:
    def __init__(self) -> None:
        self.ended: list[str] = []
        self.may_continue = asyncio.Event()

    @action("files.wait")
    async def wait(self) -> int:
        await self.may_continue.wait()
        return 1

    @action("files.save")
    async def save(self, ctx: CurrentContext) -> int:
        assert ctx.stream is not None
        try:
            return len([piece async for piece in ctx.stream])
        except Exception as exc:
            self.ended.append(type(exc).__name__)
            raise

    @action("files.endless")
    async def endless(self, request: Request) -> StreamResponse:
        request.when_ended(lambda: self.ended.append("message"))
        return StreamResponse(self._pieces())

    async def _pieces(self) -> AsyncIterator[bytes]:
        try:
            while True:
                yield b"a"
                await asyncio.sleep(0)
        finally:
            self.ended.append("source")

    @action("files.count")
    async def count(self) -> int:
        return 1


async def cluster(nodes: Nodes) -> tuple[Node, Files, Node]:
    node = await nodes.start("files-1", Files)
    return node, node.application.injector.get(Files), await nodes.start("web-1")


async def waiting() -> AsyncIterator[bytes]:
    yield b"a"
    await asyncio.Event().wait()


async def test_stream_of_a_call_fails_on_both_sides_if_the_bus_is_lost(nodes: Nodes) -> None:
    node, files, web = await cluster(nodes)
    call = asyncio.create_task(web.broker.call("files.save", stream=waiting()))
    await settled()

    nodes.bus.go_down()
    with pytest.raises(BrokerDisconnectedError):
        await call
    nodes.bus.come_up()
    await settled()

    assert files.ended == ["MoleculerError"]
    assert node.server.figures["incoming_messages"] == 0


async def test_result_stream_ends_if_the_bus_is_lost(nodes: Nodes) -> None:
    node, files, web = await cluster(nodes)
    stream = await web.broker.call("files.endless")
    await anext(stream)

    nodes.bus.go_down()
    await settled()

    assert files.ended == ["source", "message"]
    assert node.server.figures["incoming_messages"] == 0
    with pytest.raises(BrokerDisconnectedError):
        [piece async for piece in stream]


async def test_result_stream_for_a_lost_caller_ends(nodes: Nodes) -> None:
    node, files, web = await cluster(nodes)
    await web.broker.call("files.endless")

    await web.vanish()
    node.cluster.members.check(-1)
    await settled()

    assert files.ended == ["source", "message"]
    assert node.server.figures["incoming_messages"] == 0


async def test_call_that_begins_after_its_node_was_lost_is_rejected(nodes: Nodes) -> None:
    node, _, web = await cluster(nodes)
    call = web.broker.call("files.count")  # the node is chosen

    await node.vanish()
    web.cluster.members.check(-1)

    with pytest.raises(RequestRejectedError):
        await asyncio.wait_for(call, 1)


async def test_call_that_begins_after_its_node_was_restarted_is_rejected(nodes: Nodes) -> None:
    web = await nodes.start("web-1")
    raw = RawNode(nodes.bus)
    await raw.join(service("raw", "raw.wait"))
    call = web.broker.call("raw.wait")

    await raw.info(service("raw", "raw.wait"), instanceID="another")

    with pytest.raises(RequestRejectedError):
        await asyncio.wait_for(call, 1)


async def test_stream_that_begins_when_its_call_is_cancelled_is_closed(nodes: Nodes) -> None:
    web = await nodes.start("web-1")
    raw = RawNode(nodes.bus)
    await raw.join(service("raw", "raw.read"))
    call = asyncio.create_task(web.broker.call("raw.read"))
    await settled()
    (request,) = raw.packets("REQ")
    begin = {"id": request["id"], "success": True, "data": None, "stream": True, "seq": 0}

    await raw.send("RES", "web-1", begin, wait=False)
    asyncio.get_running_loop().call_soon(call.cancel)
    with pytest.raises(asyncio.CancelledError):
        await call

    assert web.server.figures["outgoing_calls"] == 0


async def test_bus_that_is_lost_while_a_request_is_sent_leaves_no_unread_error(
    nodes: Nodes, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, _, web = await cluster(nodes)
    is_lost = asyncio.Event()

    async def publish(topic: str, data: bytes) -> None:
        await is_lost.wait()
        raise BusUnavailableError("the bus is down")

    monkeypatch.setattr(web.transporter, "publish", publish)
    call = asyncio.create_task(web.broker.call("files.count"))
    await settled()

    web.cluster.lost("the bus is down")
    is_lost.set()
    with pytest.raises(BrokerDisconnectedError):
        await call
    del call
    await settled()

    assert "never retrieved" not in caplog.text


async def test_timeout_that_an_action_with_a_stream_has_caught_closes_the_stream(
    nodes: Nodes,
) -> None:
    ended: list[str] = []

    class Stubborn:
        @action("stubborn.read")
        async def read(self, request: Request) -> StreamResponse:
            request.when_ended(lambda: ended.append("message"))
            with suppress(asyncio.CancelledError):
                await asyncio.Event().wait()
            return StreamResponse([b"a"])

    node = await nodes.start("one", Stubborn)

    with pytest.raises(RequestTimeoutError):
        await node.broker.call("stubborn.read", timeout=0.01)

    assert ended == ["message"]


async def test_error_with_text_that_json_cannot_hold_is_sent(nodes: Nodes) -> None:
    class Paths:
        @action("paths.open")
        async def open(self) -> None:
            raise ValueError("bad path \udcff")

    await nodes.start("one", Paths, debug=True)
    web = await nodes.start("web-1")

    with pytest.raises(Exception, match="bad path"):
        await asyncio.wait_for(web.broker.call("paths.open"), 1)


async def test_stream_of_a_cancelled_call_does_not_look_complete(nodes: Nodes) -> None:
    node, files, web = await cluster(nodes)
    call = asyncio.create_task(web.broker.call("files.save", stream=waiting()))
    await settled()

    call.cancel()
    await asyncio.wait({call})
    await settled()

    assert files.ended == ["MoleculerError"]
    assert node.server.figures["incoming_messages"] == 0


async def test_error_after_lost_pieces_ends_a_stream(nodes: Nodes) -> None:
    """The piece with the number 1 is missing."""
    web = await nodes.start("web-1")
    raw = RawNode(nodes.bus)
    await raw.join(service("raw", "raw.read"))
    call = asyncio.create_task(web.broker.call("raw.read"))
    await settled()
    id = raw.packets("REQ")[0]["id"]
    begin = {"id": id, "success": True, "data": None, "stream": True, "seq": 0}
    await raw.send("RES", "web-1", begin)
    error = {"name": "MoleculerError", "message": "broken", "code": 500}

    await raw.send("RES", "web-1", {"id": id, "error": error, "stream": False, "seq": 2})

    stream = await call
    with pytest.raises(MoleculerError, match="broken"):
        await asyncio.wait_for(anext(stream), 1)


async def test_meta_that_another_node_returns_unchanged_replaces_nothing(nodes: Nodes) -> None:
    """A node returns the whole meta, including keys that another call has changed meanwhile."""
    web = await nodes.start("web-1")
    raw = RawNode(nodes.bus)
    await raw.join(service("raw", "raw.wait"))
    context = web.broker.context({"user": {"name": "Ada"}, "pair": (1, 2)})
    call = asyncio.create_task(context.call("raw.wait"))
    await settled()
    (request,) = raw.packets("REQ")

    context.meta["user"] = None
    meta = {**request["meta"], "added": 1}
    await raw.send("RES", "web-1", {"id": request["id"], "success": True, "meta": meta})
    await call

    assert context.meta == {"user": None, "pair": (1, 2), "added": 1}


async def test_response_of_a_node_that_was_cut_off_arrives_later(nodes: Nodes) -> None:
    """The caller has kept its connection to the bus, and waits."""
    node, files, web = await cluster(nodes)
    call = asyncio.create_task(web.broker.call("files.wait"))
    await settled()

    node.transporter.cut_off()
    files.may_continue.set()
    await settled()
    node.transporter.reconnect()

    assert await asyncio.wait_for(call, 1) == 1


async def test_result_stream_of_a_node_that_was_cut_off_fails(nodes: Nodes) -> None:
    node, files, web = await cluster(nodes)
    stream = await web.broker.call("files.endless")
    await anext(stream)

    node.transporter.cut_off()
    await settled()
    node.transporter.reconnect()

    with pytest.raises(MoleculerError, match="was lost"):
        async with asyncio.timeout(1):
            [piece async for piece in stream]
    assert files.ended == ["source", "message"]


async def test_stream_of_a_caller_that_was_cut_off_fails(nodes: Nodes) -> None:
    node, files, web = await cluster(nodes)
    call = asyncio.create_task(web.broker.call("files.save", stream=waiting()))
    await settled()

    web.transporter.cut_off()
    with pytest.raises(BrokerDisconnectedError):
        await call
    web.transporter.reconnect()
    await settled()

    assert files.ended == ["MoleculerError"]
    assert node.server.figures["incoming_messages"] == 0


async def test_result_stream_of_a_node_that_stops_does_not_look_complete(nodes: Nodes) -> None:
    node, files, web = await cluster(nodes)
    stream = await web.broker.call("files.endless")
    await anext(stream)

    await node.server.stop()  # it was not drained in time

    with pytest.raises(MoleculerError, match="was lost"):
        [piece async for piece in stream]
    assert files.ended == ["source", "message"]


async def test_stream_that_fails_with_a_large_error_ends(nodes: Nodes) -> None:
    _, files, web = await cluster(nodes)

    async def broken() -> AsyncIterator[bytes]:
        yield b"a"
        raise MoleculerError("broken \udcff" * 1000, data="x" * 1000)

    with pytest.raises(MoleculerError, match="broken"):
        await web.broker.call("files.save", stream=broken())
    await settled()

    assert files.ended == ["MoleculerError"]


async def test_event_that_arrives_while_a_node_leaves_is_handled(nodes: Nodes) -> None:
    class Mails:
        def __init__(self) -> None:
            self.sent: list[str] = []

        @on_event("user.created")
        async def created(self, name: str) -> None:
            self.sent.append(name)

    node = await nodes.start("mails-1", Mails)
    raw = RawNode(nodes.bus)
    await raw.join()

    await node.server.drain()
    await raw.send(
        "EVENT", "mails-1", {"event": "user.created", "data": {"name": "Ada"}, "level": 1}
    )

    assert node.application.injector.get(Mails).sent == ["Ada"]


async def test_action_that_ignores_its_cancellation_does_not_keep_a_node(
    nodes: Nodes, caplog: pytest.LogCaptureFixture
) -> None:
    is_over = asyncio.Event()

    class Stubborn:
        @action("stubborn.run")
        async def run(self) -> None:
            while not is_over.is_set():
                with suppress(asyncio.CancelledError):
                    await is_over.wait()

    node = await nodes.start("one", Stubborn)
    raw = RawNode(nodes.bus)
    await raw.join()
    await raw.send("REQ", "one", {"id": "1", "action": "stubborn.run", "level": 1})

    await node.server.stop()
    is_over.set()
    await settled()

    assert "1 calls of other nodes did not end when cancelled" in caplog.text
    assert len(raw.packets("DISCONNECT")) == 1


async def test_stream_whose_source_cannot_be_closed_ends(
    nodes: Nodes, caplog: pytest.LogCaptureFixture
) -> None:
    class Source:
        def __aiter__(self) -> "Source":
            return self

        async def __anext__(self) -> bytes:
            await asyncio.sleep(0)
            return b"a"

        async def aclose(self) -> None:
            raise RuntimeError("cannot be closed")

    class Broken:
        @action("broken.read")
        async def read(self) -> StreamResponse:
            return StreamResponse(Source())

    node = await nodes.start("one", Broken)
    web = await nodes.start("web-1")
    stream = await web.broker.call("broken.read")

    node.transporter.is_cut_off = True  # the stream notices it at the next piece
    await settled()
    node.transporter.reconnect()

    with pytest.raises(RemoteError, match="Internal Server Error"):
        async with asyncio.timeout(1):
            [piece async for piece in stream]
    assert node.server.figures["incoming_messages"] == 0
    assert "the stream of the action 'broken.read' was not closed" in caplog.text


async def test_stream_of_a_call_whose_result_has_ended_is_not_sent_on(nodes: Nodes) -> None:
    web = await nodes.start("web-1")
    raw = RawNode(nodes.bus)
    await raw.join(service("raw", "raw.echo"))
    ended: list[str] = []

    async def endless() -> AsyncIterator[bytes]:
        try:
            yield b"a"
            await asyncio.Event().wait()
        finally:
            ended.append("source")

    call = asyncio.create_task(web.broker.call("raw.echo", stream=endless()))
    await settled()
    head = {"id": raw.packets("REQ")[0]["id"], "success": True, "data": None}
    await raw.send("RES", "web-1", {**head, "stream": True, "seq": 0})
    await raw.send("RES", "web-1", {**head, "stream": False, "seq": 1})
    assert [piece async for piece in await call] == []

    web.cluster._calls.forget(float("inf"))
    await settled()

    assert ended == ["source"]
