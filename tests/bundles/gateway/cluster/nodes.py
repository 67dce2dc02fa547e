"""Nodes of a cluster in the process of a test."""

import asyncio
from contextlib import AsyncExitStack
from typing import Any

from bundles.gateway import Broker, GatewayBundle, GatewaySettings, Retries
from bundles.gateway.cluster.cluster import Cluster
from bundles.gateway.cluster.membership import Discovery
from bundles.message_bus import Transporter
from rxkernel import Application, KernelClient, Settings
from tests.bundles.gateway.cluster.memory_bus import MemoryBus, MemoryTransporter
from tests.bundles.gateway.pauses import Pauses


class Node:
    """A booted application whose node has joined the cluster."""

    def __init__(self, client: KernelClient, transporter: MemoryTransporter) -> None:
        self.client = client
        self.transporter = transporter
        self.application = client.application
        self.broker = self.application.injector.get(Broker)
        self.cluster = self.application.injector.get(Cluster)
        self.server = self.application.servers["cluster"]

    @property
    def dropped(self) -> dict[str, int]:
        """The numbers of dropped packets, by reason, without zeros."""
        return {reason: count for reason, count in self.server.counts.items() if count}

    async def leave(self) -> None:
        """Leave gracefully."""
        await self.server.drain()
        await self.server.stop()

    async def vanish(self) -> None:
        """End like a killed process."""
        self.transporter.bus.transporters.remove(self.transporter)
        await self.transporter.close()


_QUIET = {"heartbeat_interval": 80_000.0, "heartbeat_timeout": 86_400.0}
"""Intervals longer than any test: tests call the checks themselves."""


class Nodes:
    """Starts nodes that share a bus in memory, and stops them at the end."""

    def __init__(self, stack: AsyncExitStack) -> None:
        self.bus = MemoryBus()
        self._stack = stack

    async def start(
        self, node_id: str, *controllers: Any, join: bool = True, **options: Any
    ) -> Node:
        """Start the node *node_id* with *controllers*; *options* are settings, and arguments of
        the application."""
        arguments = {
            name: options.pop(name)
            for name in ("bundles", "listeners", "modules", "debug")
            if name in options
        }
        bundles = arguments.pop("bundles", (GatewayBundle,))
        debug = arguments.pop("debug", False)
        settings = GatewaySettings(node_id=node_id, transporter="nats", **{**_QUIET, **options})
        application = Application(
            bundles=bundles,
            controllers=controllers,
            settings=Settings(debug=debug, bundles={"gateway": settings}),
            **arguments,
        )
        transporter = MemoryTransporter(self.bus)
        overrides = {
            Transporter: transporter,
            Discovery: Discovery(0),
            Retries: Pauses(),
        }
        client = KernelClient(application, overrides=overrides)
        await self._stack.enter_async_context(client)
        node = Node(client, transporter)
        self._stack.push_async_callback(node.server.stop)
        if join:
            await node.server.start()
            await settled()
        return node


async def settled() -> None:
    """Wait until the published packets are handled, which takes some iterations of the event
    loop."""
    for _ in range(50):
        await asyncio.sleep(0)
