"""Calls of clients are balanced among nodes: check 38 of moleculer-io."""

from collections import Counter
from contextlib import AsyncExitStack

from bundles.gateway import CurrentContext, action
from tests.bundles.gateway.cluster.nodes import Nodes
from tests.bundles.gateway.gateways import Client


class Worker:
    @action("worker.name", visibility="published")
    async def name(self, ctx: CurrentContext) -> str:
        return ctx.node_id


# check 38
async def test_two_workers_get_ten_of_twenty_calls_each() -> None:
    async with AsyncExitStack() as stack:
        nodes = Nodes(stack)
        await nodes.start("worker-1", Worker)
        await nodes.start("worker-2", Worker)
        client = Client((await nodes.start("web")).client)

        names = Counter([await client.call("worker.name") for _ in range(20)])

    assert names == {"worker-1": 10, "worker-2": 10}
