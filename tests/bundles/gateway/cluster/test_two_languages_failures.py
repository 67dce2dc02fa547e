"""Nodes in two languages that leave, are killed, or lose the bus."""

import asyncio
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, suppress
from typing import Any

import pytest

from bundles.gateway import MoleculerError
from bundles.gateway.exceptions import BrokerDisconnectedError, RequestRejectedError
from rxkernel import ServerStartError
from tests.bundles.gateway.cluster.conftest import NodeOf, Server
from tests.bundles.gateway.cluster.node_peers import NodePeer, NodeVersion, received, start_peers
from tests.bundles.gateway.cluster.python_nodes import PythonNode, python_node
from tests.bundles.gateway.cluster.wires import wire_on
from tests.required_tools import ROOT
from tests.waiting import until

pytestmark = pytest.mark.node

TIMES: dict[str, Any] = {"heartbeatInterval": 1, "heartbeatTimeout": 1}
"""A node of Moleculer sends heartbeats after 0.5 to 1.5 of its intervals."""


@pytest.fixture(scope="module")
def peers(server: Server, node_version: NodeVersion) -> Iterator[list[NodePeer]]:
    with ExitStack() as stack:
        found = [
            NodePeer("node-1", node_version, server.url, **TIMES),
            NodePeer("leaving", node_version, server.url, services=["ctx"], **TIMES),
        ]
        start_peers(found, stack)
        yield found


@pytest.fixture
async def python(server: Server, node: NodePeer) -> AsyncIterator[PythonNode]:
    times: Any = {"heartbeat_interval": 0.2, "heartbeat_timeout": 2.0}
    async with python_node(server.url, "python", **times) as found:
        await until_acquainted(found, node)
        node.received.clear()
        yield found


async def until_acquainted(python: PythonNode, node: NodePeer) -> None:
    await python.wait_for_action("math.add", node.node_id)
    await node.wait_for_action("python.add", "python")


async def test_nodes_know_each_other_within_two_heartbeats(server: Server, node: NodePeer) -> None:
    async with wire_on(server.url) as wire, python_node(server.url, "python") as python:
        await until_acquainted(python, node)

        assert len(wire.sent("HEARTBEAT", "python")) <= 2
        assert len(wire.sent("HEARTBEAT", "node-1")) <= 2


async def test_python_that_leaves_finishes_the_calls_of_node(
    python: PythonNode, node: NodePeer
) -> None:
    call = asyncio.create_task(node.call("python.wait"))
    await python.actions.begun.wait()

    leaving = asyncio.create_task(python.leave())
    await node.wait_for_action("python.wait")
    python.actions.released.set()

    assert await call == "waited"
    await leaving
    await until(lambda: {"disconnected"} & {event["name"] for event in node.received_by("$node")})
    left = node.received_by("$node")[-1]
    assert (left["payload"], left["unexpected"]) == ("python", False)


async def test_node_that_leaves_is_not_called_any_more(
    python: PythonNode, peers: list[NodePeer]
) -> None:
    await python.wait_for_action("ctx.info", "leaving", "node-1")

    await peers[1].stop()

    await python.wait_for_action("ctx.info", "node-1")
    assert await departure(python, "leaving") is False


async def departure(python: PythonNode, node_id: str) -> bool:
    """Wait until a node has left; return whether it did so unexpectedly."""

    def found() -> list[bool]:
        return [
            event["payload"]["unexpected"]
            for event in python.listener.of("$node")
            if event["name"] == "$node.disconnected" and event["payload"]["node"]["id"] == node_id
        ]

    await until(found)
    (unexpected,) = found()
    return unexpected


async def test_calls_of_killed_nodes_are_rejected(
    python: PythonNode, node: NodePeer, node_of: NodeOf, server: Server, node_version: NodeVersion
) -> None:
    """Nodes in both languages are killed at the same time."""
    module = "tests.bundles.gateway.cluster.python_process"
    process, second = await asyncio.gather(
        asyncio.create_subprocess_exec(
            *(sys.executable, "-m", module, server.url, "python-2"),
            cwd=ROOT,
            stdout=asyncio.subprocess.PIPE,
        ),
        node_of("node-2", node_version, server, services=["slow"], **TIMES),
    )
    assert process.stdout is not None
    try:
        assert await process.stdout.readline() == b"joined\n"
        await node.wait_for_action("python.wait", "python", "python-2")
        await python.wait_for_action("slow.wait", "node-1", "node-2")
        of_node = asyncio.create_task(node.error("python.wait", nodeID="python-2"))
        of_python = asyncio.create_task(
            python.broker.call("slow.wait", {"ms": 60_000}, node_id="node-2")
        )
        assert await process.stdout.readline() == b"called\n"
        await received(second, "slow.wait")
    finally:
        process.kill()
        second.kill()
        await process.communicate()

    with pytest.raises(RequestRejectedError) as caught:
        await of_python
    assert caught.value.errors == {"action": "slow.wait", "nodeID": "node-2"}
    assert await departure(python, "node-2") is True
    assert python.nodes_of("slow.wait") == ["node-1"]
    assert await python.broker.call("math.add", {"a": 1, "b": 2}) == 3
    assert (await of_node).summary().items() >= {
        "name": "RequestRejectedError",
        "data": {"action": "python.wait", "nodeID": "python-2"},
    }.items()


async def test_second_node_of_a_name_does_not_start(server: Server, node: NodePeer) -> None:
    """The node of Moleculer would stop if it received the INFO packet of this node."""
    with pytest.raises(ServerStartError, match="already has a node called 'node-1'"):
        async with python_node(server.url, "node-1"):
            pass

    assert await node.call("math.add", {"a": 1, "b": 2}) == 3


async def test_nodes_find_each_other_again_when_the_bus_is_back(
    python: PythonNode, node: NodePeer, server: Server
) -> None:
    call = asyncio.create_task(python.broker.call("slow.wait", {"ms": 60_000}))
    await received(node, "slow.wait")

    server.kill()
    with pytest.raises((RequestRejectedError, BrokerDisconnectedError)):
        await call
    with pytest.raises(BrokerDisconnectedError):
        await python.broker.call("math.add", {"a": 1, "b": 2})
    server.start()

    async with wire_on(server.url) as wire:
        await until_called(python)
        await node.wait_for_action("python.add", "python")
        assert await node.call("python.add", {"a": 1, "b": 2}) == 3
        assert len(wire.sent("HEARTBEAT", "node-1")) <= 2


async def until_called(python: PythonNode) -> Any:
    """Call a node until a call succeeds."""
    async with asyncio.timeout(20):
        while True:
            with suppress(MoleculerError):
                return await python.broker.call("math.add", {"a": 1, "b": 2}, timeout=1)
            await asyncio.sleep(0.01)


async def test_python_node_uses_both_protocols_in_one_cluster(
    node_of: NodeOf, server: Server
) -> None:
    """Nodes of Moleculer also do this if they do not check the version."""
    mixed: dict[str, Any] = {"namespace": "mixed", "transit": {"disableVersionCheck": True}}
    async with python_node(server.url, "python", namespace="mixed") as python:
        old, new = await asyncio.gather(
            node_of("old", "0.14", server, services=["values"], **mixed),
            node_of("new", "0.15", server, services=["values"], **mixed),
        )
        await python.wait_for_action("values.node", "python", "old", "new")

        for peer in (old, new):
            await peer.wait_for_action("python.add", "python")
            assert await python.broker.call("values.node", node_id=peer.node_id) == peer.node_id
            assert await peer.call("python.add", {"a": 1, "b": 2}) == 3
        await until(lambda: python.dropped == {})
