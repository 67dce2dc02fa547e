"""One event to all clients: the time until the last one has it, and the time of the call."""

import asyncio
import time
from collections.abc import Sequence
from statistics import median

import attrs

from benchmarks.peers import Peer, running
from benchmarks.processes import ServerProcess, client_core, raise_file_limit
from benchmarks.raw_client import RawClient, connect, connect_many, leave_all
from benchmarks.report import Table

_NEWS = {"id": 1, "title": "Write it once", "done": False}


class Audience:
    """Counts the clients that have received the event."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._missing = 0
        self._everybody = asyncio.Event()
        self._last = 0.0

    def expect(self) -> None:
        self._missing = self._size
        self._everybody.clear()

    def heard(self) -> None:
        self._missing -= 1
        if not self._missing:
            self._last = time.perf_counter()
            self._everybody.set()

    async def everybody(self) -> float:
        """Return the time, by `time.perf_counter`, when the last one received it."""
        async with asyncio.timeout(30):
            await self._everybody.wait()
        return self._last


class Listener(RawClient):
    """A client that receives the event."""

    audience: Audience

    def heard(self, payload: bytes) -> None:
        self.audience.heard()


@attrs.frozen
class Broadcast:
    """Seconds until the last client has it, of the call, and of the server's processor."""

    last: float
    call: float
    cost: float


class Hall:
    """A server with its receiving clients, and one more client that requests the broadcast."""

    def __init__(self, server: ServerProcess, speaker: RawClient, listeners: list[Listener]):
        self._server = server
        self._speaker = speaker
        self._listeners = listeners
        self._audience = Audience(len(listeners))
        for listener in listeners:
            listener.audience = self._audience

    async def broadcast(self, times: int) -> list[Broadcast]:
        """Broadcast *times* times; the processor time is the mean, since its clock is coarse."""
        begin, taken = self._server.processor_time(), []
        for _ in range(times):
            self._audience.expect()
            asked = time.perf_counter()
            call = await self._speaker.call("broadcast", _NEWS)
            taken.append((await self._audience.everybody() - asked, call))
        cost = (self._server.processor_time() - begin) / times
        return [Broadcast(last, call, cost) for last, call in taken]

    async def close(self) -> None:
        await leave_all([self._speaker, *self._listeners])


async def _hall(peer: Peer, server: ServerProcess, listeners: int) -> Hall:
    def make(address: str) -> Listener:
        return Listener(address, offers_deflate=peer.offers_deflate)

    return Hall(
        server,
        # the speaker receives it too: its `heard` ignores it
        await connect(server.port, peer.client),
        await connect_many(server.port, listeners, make),
    )


async def broadcast(
    peers: Sequence[Peer], *, listeners: int = 1000, rounds: int = 7, times: int = 10
) -> Table:
    raise_file_limit()
    results: dict[Peer, list[Broadcast]] = {peer: [] for peer in peers}
    with client_core(), running(peers) as servers:
        halls = {peer: await _hall(peer, server, listeners) for peer, server in servers.items()}
        for _ in range(rounds):
            for peer, hall in halls.items():
                results[peer] += await hall.broadcast(times)
        for hall in halls.values():
            await hall.close()
    table = Table(
        f"Broadcast to {listeners} websockets",
        {
            "server": "",
            "until the last has it, ms": ".1f",
            "slowest, ms": ".1f",
            "the call, ms": ".2f",
            "server CPU ms": ".1f",
        },
        f"Medians of {rounds} interleaved rounds of {times}; the client takes part in the first.",
    )
    for peer, some in results.items():
        table.add(
            peer.title,
            median(one.last for one in some) * 1e3,
            max(one.last for one in some) * 1e3,
            median(one.call for one in some) * 1e3,
            median(one.cost for one in some) * 1e3,
        )
    return table
