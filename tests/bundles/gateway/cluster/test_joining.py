"""Joining while the bus is unavailable or lost again, or while another node has the name."""

import asyncio

import pytest

from bundles.message_bus import BusUnavailableError
from rxkernel import ReadinessEvent, ServerEvents, ServerStartError
from tests.bundles.gateway.cluster.nodes import Node, Nodes, settled


async def failures(node: Node) -> dict[str, str]:
    """Return the failures of the readiness probe."""
    event = ReadinessEvent()
    await node.client.dispatcher.dispatch(ServerEvents.READINESS, event)
    return dict(event.failures)


async def test_bus_lost_while_a_node_joins_is_joined_again(
    nodes: Nodes, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = await nodes.start("one", join=False)
    await nodes.start("two")
    has_subscriber = one.transporter.has_subscriber

    async def lost(topic: str) -> bool:
        raise BusUnavailableError("the bus is down")

    monkeypatch.setattr(one.transporter, "has_subscriber", lost)
    await one.server.start()
    assert await failures(one) == {"cluster": "this node has not joined the cluster yet"}

    monkeypatch.setattr(one.transporter, "has_subscriber", has_subscriber)
    one.cluster.connected()
    await settled()

    assert await failures(one) == {}
    assert list(one.cluster.members.table.available) == ["two"]


async def test_bus_that_returns_while_a_node_joins_is_joined_once(nodes: Nodes) -> None:
    one = await nodes.start("one", join=False)
    start = asyncio.create_task(one.server.start())
    await asyncio.sleep(0)

    one.cluster.connected()
    await start
    await settled()

    sent = [data for topic, data in nodes.bus.packets if topic == "MOL.DISCOVER"]
    assert len(sent) == 2  # one for each version of the protocol
    assert await failures(one) == {}


async def test_name_that_was_taken_meanwhile_is_joined_when_it_is_free(
    nodes: Nodes, caplog: pytest.LogCaptureFixture
) -> None:
    nodes.bus.is_up = False
    late = await nodes.start("one")
    nodes.bus.is_up = True
    first = await nodes.start("one")

    late.cluster.connected()
    await settled()
    await late.cluster.membership.beat(0)
    await settled()
    (problem,) = (await failures(late)).values()
    assert "already has a node called 'one'" in problem
    assert caplog.text.count("already has a node called 'one'") == 1
    assert [topic for topic, _ in nodes.bus.packets if "HEARTBEAT" in topic] == []

    await first.leave()
    await late.cluster.membership.beat(0)
    await settled()
    assert await failures(late) == {}


async def test_node_that_did_not_get_its_name_stops_without_a_packet(nodes: Nodes) -> None:
    """Other nodes would treat its packets as packets of the node that has the name."""
    await nodes.start("one")
    second = await nodes.start("one", join=False)

    with pytest.raises(ServerStartError):
        await second.server.start()
    await second.leave()

    assert [topic for topic, _ in nodes.bus.packets if "DISCONNECT" in topic] == []
    assert not second.cluster.is_running


async def test_start_that_is_cancelled_leaves_nothing(nodes: Nodes) -> None:
    one = await nodes.start("one", join=False)
    start = asyncio.create_task(one.server.start())
    await asyncio.sleep(0)

    start.cancel()
    await asyncio.wait({start})
    await settled()

    assert start.cancelled()
    assert not one.cluster.is_running
    assert one.transporter.receiver is None


async def test_node_that_has_left_starts_again(nodes: Nodes) -> None:
    one = await nodes.start("one")
    two = await nodes.start("two")
    await one.leave()
    await one.server.stop()

    await one.server.start()
    await settled()

    names = await two.broker.call("$node.list", node_id="one")
    assert [(node["id"], node["available"]) for node in names] == [("one", True), ("two", True)]
