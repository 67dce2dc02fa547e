"""Sends broadcasts of this process to the others, and delivers those of others to the clients of
this process."""

from typing import Any

from bundles.scale.bus.cluster_log import ClusterLog
from bundles.scale.bus.link import Link
from bundles.scale.bus.ordered_jobs import OrderedJobs
from bundles.scale.bus.packing import pack, unpack
from bundles.scale.bus.seal import Kind
from rxkernel import Broadcaster, Kernel

Rooms = tuple[str, ...] | None


class Broadcasts:
    """Broadcasts of other processes are delivered one after the other, in the order of their
    arrival."""

    def __init__(
        self, link: Link, broadcaster: Broadcaster, kernel: Kernel, jobs: OrderedJobs
    ) -> None:
        self._link = link
        self._broadcaster = broadcaster
        self._serializer = kernel.serializer
        self._jobs = jobs
        link.handlers[Kind.BROADCAST] = self._received

    def send(
        self,
        event: str,
        args: tuple[Any, ...],
        rooms: Rooms,
        namespace: str,
        skip: set[str],
        volatile: bool,
    ) -> bool:
        """See `BroadcastBackend.broadcast`; it does not wait."""
        log = self._broadcaster.recovery
        if isinstance(log, ClusterLog) and not volatile:
            return log.is_reachable  # `Broadcaster` has recorded it, and the log sends it
        values = (event, args, rooms, namespace, list(skip), volatile)
        return self._link.send(Kind.BROADCAST, pack(self._serializer, *values))

    def _received(self, sender: bytes, body: bytes) -> None:
        if not self._jobs.start("a broadcast of another process", self._emit(body), len(body)):
            self._link.dropped("overloaded")

    async def _emit(self, body: bytes) -> None:
        event, args, rooms, namespace, skip, volatile = unpack(body)
        await self._broadcaster.emit(
            event,
            *args,
            room=rooms,
            namespace=namespace,
            skip=skip,
            volatile=volatile,
            local=True,
        )
