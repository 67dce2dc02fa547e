"""`Routes`: the routes of calls, to actions of this node and of other nodes."""

import asyncio
from collections.abc import Iterable, Mapping, Set

from bundles.gateway.broker.catalog import Catalog
from bundles.gateway.broker.registry import ActionEndpoint, Registry
from bundles.gateway.broker.route import Observer, Remote, Route
from bundles.gateway.exceptions import MoleculerServerError
from bundles.gateway.settings import GatewaySettings
from rxkernel import Compiled


class Routes:
    """
    Attributes:
        registry: the actions and event handlers of this node; each reload replaces it.
        remote: the other nodes; None if this node is not in a cluster.
        direct: the actions that this node always runs itself, so that no node must be chosen.
        all: the routes of all actions.
    """

    def __init__(self, settings: GatewaySettings) -> None:
        self.registry = Registry(None, settings)
        self.remote: Remote | None = None
        self.direct: Mapping[str, ActionEndpoint] = {}
        self.all: Mapping[str, Route] = {}
        self._settings = settings
        self._observers: list[Observer] = []
        self._changed = asyncio.Event()

    @property
    def catalog(self) -> Catalog:
        """The offers of all nodes."""
        others = () if self.remote is None else self.remote.nodes
        return Catalog(self.registry, self._settings.node_id, others)

    @property
    def services(self) -> Set[str]:
        """The services of all available nodes."""
        local = self.registry.services
        return local if self.remote is None else local | self.remote.services

    def remote_visibilities(self) -> Mapping[str, str]:
        """The visibility of each action of other nodes."""
        return {} if self.remote is None else self.remote.visibilities()

    def use(self, compiled: Compiled) -> None:
        """Offer the actions and handlers of *compiled* from now on."""
        self.registry = Registry(compiled, self._settings)
        self._renew()

    def use_remote(self, remote: Remote | None) -> None:
        """Use the current state of other nodes; None: this node has left the cluster."""
        self.remote = remote
        self._renew()
        for observer in self._observers:
            observer()

    def watch_remote(self, observer: Observer) -> None:
        """Call *observer* whenever other nodes, or their offers, have changed."""
        self._observers.append(observer)

    def _renew(self) -> None:
        local = self.registry.actions
        shared = {} if self.remote is None else self.remote.shared
        self.all = {**local, **shared}
        self.direct = local
        if shared and not self._settings.prefer_local:
            self.direct = {name: one for name, one in local.items() if name not in shared}
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    async def wait_for(self, services: Iterable[str], timeout: float | None) -> None:
        """See `Broker.wait_for_services`."""
        wanted = set(services)
        limit = asyncio.timeout(timeout)
        try:
            async with limit:
                while not wanted <= self.services:
                    await self._changed.wait()
        except TimeoutError as exc:
            if not limit.expired():
                raise
            missing = {"services": sorted(wanted - self.services)}
            raise MoleculerServerError(
                "Services waiting is timed out.", 500, "WAITFOR_SERVICES", missing
            ) from exc
