"""Informs other nodes of changes, and reports the connection to the bus to readiness probes."""

from injector import inject

from bundles.gateway.cluster.cluster import Cluster
from bundles.message_bus import Transporter
from rxkernel import CompiledEvent, KernelEvents, ReadinessEvent, ServerEvents, observe

_LAST = -2000
"""A priority: after the broker has the new actions and handlers."""


class ClusterListeners:
    @inject
    def __init__(self, cluster: Cluster, transporter: Transporter) -> None:
        self._cluster = cluster
        self._transporter = transporter

    @observe(KernelEvents.KERNEL_COMPILED, priority=_LAST)
    async def offer(self, event: CompiledEvent) -> None:
        if self._cluster.is_running:
            self._cluster.offer()

    @observe(ServerEvents.READINESS)
    async def report(self, event: ReadinessEvent) -> None:
        if not self._cluster.is_running:
            return
        if not self._transporter.is_connected:
            event.fail("cluster", f"no connection to {self._transporter.place}")
        elif not (membership := self._cluster.membership).has_joined:
            event.fail("cluster", membership.problem or "this node has not joined the cluster yet")
