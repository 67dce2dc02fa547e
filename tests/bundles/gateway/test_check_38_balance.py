"""Check 38 of the specification of moleculer-io: the calls of clients take turns among nodes."""

from contextlib import AsyncExitStack

from bundles.gateway import CurrentContext, GatewayBundle, action
from tests.bundles.gateway.cluster.nodes import Nodes
from tests.bundles.gateway.gateways import Client, gateway


class Worker:
    @action("worker.where", visibility="published")
    async def where(self, ctx: CurrentContext) -> str:
        return ctx.node_id


async def test_check_38_calls_of_clients_take_turns_among_nodes() -> None:
    """moleculer-io takes two turns per call, so that one of two workers gets all."""
    async with AsyncExitStack() as stack:
        nodes = Nodes(stack)
        for node_id in ("worker-1", "worker-2"):
            await nodes.start(node_id, Worker)
        io = Client((await nodes.start("io-1", bundles=[GatewayBundle(gateway(call={}))])).client)

        where = [await io.call("worker.where") for _ in range(20)]

    assert (where.count("worker-1"), where.count("worker-2")) == (10, 10)
