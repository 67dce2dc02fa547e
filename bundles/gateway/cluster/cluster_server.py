"""The membership in a cluster, which starts and stops with the servers of the application."""

from collections.abc import Mapping

from injector import inject

from bundles.gateway.broker.transport import ACTIONS
from bundles.gateway.cluster.cluster import Cluster
from rxkernel import Kernel, Server


class ClusterServer(Server):
    """It has no port: its messages are the calls and events of other nodes."""

    name = "cluster"
    transport = ACTIONS
    label = "Moleculer"

    @inject
    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    @property
    def counts(self) -> Mapping[str, int]:
        """The numbers of dropped packets, by reason."""
        return self._cluster.dropped.counts

    @property
    def figures(self) -> Mapping[str, int]:
        return self._cluster.figures

    def configure(self, kernel: Kernel) -> None:
        pass  # the broker already has the kernel

    async def start(self) -> None:
        await self._cluster.start()

    async def drain(self) -> None:
        await self._cluster.drain()

    async def stop(self) -> None:
        await self._cluster.stop()
