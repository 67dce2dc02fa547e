"""Messages of `Peers` over the link."""

import asyncio
from typing import Any

from bundles.scale.bus.jobs import Jobs
from bundles.scale.bus.link import Link
from bundles.scale.bus.ordered_jobs import OrderedJobs
from bundles.scale.bus.packing import pack, unpack
from bundles.scale.bus.seal import Kind
from rxkernel import PeerBackend, Peers, Serializer

_FIRST_DELAY, _LONGEST_DELAY = 0.5, 10.0
"""Seconds between two calls of the handlers of `Peers.when_missed`, while one of them fails."""


class PeerMessages(PeerBackend):
    """Handles messages of other processes; those of topics that `Peers` wants in order, one after
    the other."""

    def __init__(self, link: Link, peers: Peers, serializer: Serializer, jobs: Jobs) -> None:
        self._link = link
        self._peers = peers
        self._serializer = serializer
        self._jobs = jobs
        self._ordered: dict[str, OrderedJobs] = {}
        self._missed = asyncio.Event()
        self._looking: asyncio.Task[None] | None = None
        link.handlers[Kind.PEER] = self._received
        link.missed = self._missed.set

    @property
    def are_heard(self) -> bool:  # type: ignore[override] # it cannot be set
        return self._link.problem is None

    def send(self, topic: str, data: Any) -> bool:
        return self._link.send(Kind.PEER, pack(self._serializer, topic, data))

    def _received(self, sender: bytes, body: bytes) -> None:
        topic, data = unpack(body)
        jobs: Jobs | OrderedJobs = self._jobs
        if self._peers.is_in_order(topic):
            jobs = self._ordered.setdefault(topic, OrderedJobs())
        work = self._peers.deliver(topic, data)
        if not jobs.start("a message of another process", work, len(body)):
            self._link.dropped("overloaded")
            self._missed.set()

    def start(self) -> None:
        self._peers.attach(self)
        self._looking = asyncio.create_task(self._look())

    async def stop(self) -> None:
        self._peers.detach(self)
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.wait({self._looking})
            self._looking = None
        for jobs in self._ordered.values():
            await jobs.drain()

    async def _look(self) -> None:
        delay = _FIRST_DELAY
        while True:
            await self._missed.wait()
            self._missed.clear()
            if await self._peers.report_missed():
                delay = _FIRST_DELAY
            else:
                self._missed.set()
                await asyncio.sleep(delay)
                delay = min(2 * delay, _LONGEST_DELAY)
