"""The link to the other processes, which starts and stops with the servers of the application."""

from collections.abc import Mapping

from injector import inject

from bundles.scale.bus.broadcasts import Broadcasts
from bundles.scale.bus.bus import Bus
from bundles.scale.bus.cluster_backend import ClusterBackend
from bundles.scale.bus.cluster_log import ClusterLog
from bundles.scale.bus.foreign_messages import ForeignMessages
from bundles.scale.bus.jobs import Jobs
from bundles.scale.bus.link import Link, NoLink
from bundles.scale.bus.ordered_jobs import OrderedJobs
from bundles.scale.bus.peer_messages import PeerMessages
from bundles.scale.bus.requests import Requests
from bundles.scale.bus.transport import BUS_EVENTS
from bundles.scale.presence.presence import Presence
from bundles.scale.settings import ScaleSettings
from rxkernel import Broadcaster, Kernel, Peers, Server


class BusServer(Server):
    """A server without a port: its messages are the events of the bus."""

    name = "bus"
    connects_processes = True
    transport = BUS_EVENTS
    label = "bus"

    @inject
    def __init__(
        self,
        link: Link,
        bus: Bus,
        jobs: Jobs,
        kernel: Kernel,
        broadcaster: Broadcaster,
        peers: Peers,
        presence: Presence,
        settings: ScaleSettings,
    ) -> None:
        self._link = link
        self._jobs = jobs
        self._presence = presence
        self._broadcaster = broadcaster
        self._ordered = ordered = OrderedJobs()
        broadcasts = Broadcasts(link, broadcaster, kernel, ordered)
        requests = Requests(link, kernel.serializer, jobs)
        if settings.socketio_channel is not None:
            ForeignMessages(link, broadcaster, ordered, jobs, settings.socketio_channel)
        self._peers = PeerMessages(link, peers, kernel.serializer, jobs)
        self._backend = ClusterBackend(broadcasts, requests, broadcaster, settings.request_timeout)

    @property
    def counts(self) -> Mapping[str, int]:
        """The messages that were not delivered, by reason."""
        return self._link.counts

    @property
    def figures(self) -> Mapping[str, int]:
        return self._link.figures

    def configure(self, kernel: Kernel) -> None:
        pass  # the bus has the kernel

    async def start(self) -> None:
        await self._link.start()
        if isinstance(log := self._broadcaster.recovery, ClusterLog):
            await log.start()
        if not isinstance(self._link, NoLink):
            self._peers.start()
            self._broadcaster.attach(self._backend)

    async def drain(self) -> None:
        """Wait for the jobs only. Clients are still connected, so broadcasts are received and sent
        until their servers have stopped."""
        await self._jobs.drain()

    async def stop(self) -> None:
        self._broadcaster.detach(self._backend)
        if isinstance(log := self._broadcaster.recovery, ClusterLog):
            await log.stop()
        await self._link.stop()
        await self._peers.stop()
        await self._ordered.drain()
        await self._presence.drain()
        await self._jobs.cancel()
