"""Calls between nodes that share a bus."""

from typing import Any

from bundles.gateway import CurrentContext, action
from tests.bundles.gateway.cluster.nodes import Nodes


class Math:
    @action("math.add", visibility="published")
    async def add(self, a: float, b: float) -> float:
        return a + b

    @action("math.where")
    async def where(self, ctx: CurrentContext) -> dict[str, Any]:
        ctx.meta["seen"] = True
        return {
            "node": ctx.node_id,
            "sender": ctx.sender,
            "level": ctx.level,
            "caller": ctx.caller,
            "id": ctx.request_id,
            "meta": dict(ctx.meta),
        }


async def test_call_of_another_node_returns_its_result(nodes: Nodes) -> None:
    await nodes.start("math-1", Math)
    caller = await nodes.start("web-1")

    assert await caller.broker.call("math.add", {"a": 1, "b": 2}) == 3
