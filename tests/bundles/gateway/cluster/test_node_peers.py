"""Nodes of Moleculer work with each other, as the tests with nodes of rxkernel assume."""

from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack

import attrs
import pytest

from tests.bundles.gateway.cluster.conftest import Server
from tests.bundles.gateway.cluster.node_peers import (
    SERVICES,
    NodePeer,
    NodeVersion,
    StreamSource,
    received,
    sha256,
    stream_bytes,
)
from tests.bundles.gateway.cluster.wires import wire_on

pytestmark = pytest.mark.node


@attrs.frozen
class Pair:
    """
    Attributes:
        caller: has no services.
        server: has all services.
    """

    caller: NodePeer
    server: NodePeer


@pytest.fixture(scope="module")
def pair(server: Server, node_version: NodeVersion) -> Iterator[Pair]:
    with ExitStack() as stack:
        peers = [
            NodePeer(f"{name}-{node_version}", node_version, server.url, services=services)
            for name, services in (("caller", ()), ("server", SERVICES))
        ]
        for peer in peers:
            stack.callback(peer.close)
        for peer in peers:
            peer.wait_until_ready()
        yield Pair(*peers)


@pytest.fixture(autouse=True)
async def quiet(pair: Pair) -> AsyncIterator[None]:
    """The peers know each other, and log nothing during the test."""
    await pair.caller.wait_for_action("math.add", pair.server.node_id)
    for peer in (pair.caller, pair.server):
        peer.received.clear()
        peer.log.clear()
    yield
    assert pair.caller.log == pair.server.log == []


async def test_node_peer_calls_another(pair: Pair) -> None:
    assert await pair.caller.call("math.add", {"a": 1, "b": 2}) == 3
    assert await pair.caller.call("values.nothing") is None


async def test_node_peer_reports_all_fields_of_an_error(pair: Pair) -> None:
    error = await pair.caller.error("math.div", {"a": 1, "b": 0})

    assert error.summary() == {
        "name": "MoleculerClientError",
        "message": "Division by zero",
        "code": 422,
        "type": "DIV_ZERO",
        "data": {"a": 1, "b": 0},
        "nodeID": pair.server.node_id,
        "retryable": False,
    }
    assert error.fields["classes"][:2] == ["MoleculerClientError", "MoleculerError"]


async def test_node_peer_reports_the_meta_that_an_action_set(pair: Pair) -> None:
    params = {"set": {"seen": True}}

    answer = await pair.caller.answer("meta.echo", params, meta={"user": "ada"})
    error = await pair.caller.error("meta.fail", params, meta={"user": "ada"})

    assert answer.result == {"user": "ada"}
    assert answer.meta == error.meta == {"user": "ada", "seen": True}


async def test_node_peer_records_events(pair: Pair) -> None:
    await pair.caller.emit("order.created", {"id": 1}, groups=["mail"], meta={"user": "ada"})
    await pair.caller.broadcast("order.created", {"id": 2})

    mails = await received(pair.server, "mail", 2)
    assert [(mail["payload"], mail["type"]) for mail in mails] == [
        ({"id": 1}, "emit"),
        ({"id": 2}, "broadcast"),
    ]
    assert mails[0]["meta"] == {"user": "ada"}
    assert mails[0]["nodeID"] == pair.caller.node_id
    assert [it["payload"] for it in await received(pair.server, "order.created")] == [{"id": 2}]


async def test_node_peer_sends_a_stream(pair: Pair) -> None:
    seen = await pair.caller.call("streams.up", stream=StreamSource(200_000), meta={"user": "ada"})

    assert seen["sha256"] == sha256(stream_bytes(200_000))
    assert seen["meta"] == {"user": "ada"}


async def test_node_peer_reads_a_stream(pair: Pair) -> None:
    read = await pair.caller.read("streams.down", {"size": 200_000})

    assert (read.length, read.error) == (200_000, None)
    assert read.sha256 == sha256(stream_bytes(200_000))


async def test_node_peer_reports_the_failure_of_a_stream(pair: Pair) -> None:
    source = StreamSource(20, fails_after=10)

    sent = await pair.caller.call("streams.up", stream=source)
    read = await pair.caller.read("streams.down", attrs.asdict(source))

    assert (sent["length"], sent["error"]["message"]) == (10, "the source is gone")
    assert read.length == 10
    assert read.error is not None
    assert read.error["message"] == "the source is gone"


async def test_node_peer_pings_another(pair: Pair) -> None:
    pong = await pair.caller.ping(pair.server.node_id)

    assert pong is not None
    assert pong["nodeID"] == pair.server.node_id


async def test_wire_records_and_publishes_packets(pair: Pair, server: Server) -> None:
    async with wire_on(server.url) as wire:
        await pair.caller.call("math.add", {"a": 1, "b": 2})
        (request,) = await wire.wait_for("REQ")
        await wire.wait_for("RES")

        # The same request again, from a node that only this wire knows.
        await wire.publish(request.topic, request.payload | {"sender": "wire", "id": "again"})
        response = (await wire.wait_for("RES", count=2))[1]

    assert request.topic == f"MOL.REQ.{pair.server.node_id}"
    assert request.payload["ver"] == {"0.14": "4", "0.15": "5"}[pair.caller.version]
    assert response.topic == "MOL.RES.wire"
    assert (response.payload["id"], response.payload["data"]) == ("again", 3)
