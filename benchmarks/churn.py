"""Clients that connect and disconnect: memory must not grow, and no objects may be left."""

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from itertools import count
from statistics import linear_regression

import attrs

from benchmarks.peers import Peer, running
from benchmarks.processes import ServerProcess, client_core, raise_file_limit
from benchmarks.raw_client import RawClient, connect, leave_all
from benchmarks.report import Table

_MIB = 1024 * 1024

_SETTLING = 60.0
"""Seconds in which a server drops the sessions of clients that have left."""


@attrs.define(eq=False)
class Visitors:
    """Connect, send one event and leave: with a DISCONNECT, a close frame, or a closed socket."""

    server: ServerProcess
    peer: Peer
    done: int = 0
    failed: Counter[str] = attrs.field(factory=Counter)
    _numbers: "count[int]" = attrs.field(factory=count)
    _visits: set[asyncio.Task[None]] = attrs.field(factory=set)

    async def come(self, rate: float, seconds: float) -> None:
        """Start *rate* visits a second, whether or not earlier ones have ended."""
        begin = time.monotonic()
        for number in range(int(rate * seconds)):
            await asyncio.sleep(begin + number / rate - time.monotonic())
            visit = asyncio.create_task(self._visit())
            self._visits.add(visit)
            visit.add_done_callback(self._visits.discard)
        await asyncio.gather(*self._visits)

    async def _visit(self) -> None:
        try:
            client = await connect(self.server.port, self.peer.client)
            await client.call("echo", "hello")
        except (OSError, TimeoutError) as exc:
            self.failed[repr(exc)[:200]] += 1
            return
        way = next(self._numbers) % 3
        if way == 0:
            client.write(client.frame("41"))
        client.leave(politely=way != 2)
        await client.closed
        self.done += 1


async def _sampled(server: ServerProcess, every: float) -> list[tuple[float, int]]:
    """Append ``(seconds, bytes)`` until it is cancelled."""
    begin, samples = time.monotonic(), list[tuple[float, int]]()
    try:
        while True:
            samples.append((time.monotonic() - begin, server.memory()))
            await asyncio.sleep(every)
    except asyncio.CancelledError:
        return samples


async def _left(control: RawClient, before: dict[str, int]) -> dict[str, int]:
    """Return the additional objects of each class since *before*, once the number is stable."""
    end = time.monotonic() + _SETTLING
    while True:
        now = await control.call("collect")
        left = {name: extra for name in now if (extra := now[name] - before.get(name, 0)) > 0}
        if not left or time.monotonic() > end:
            return left
        await asyncio.sleep(1)


async def churn(peers: Sequence[Peer], *, rate: float = 100.0, seconds: float = 600.0) -> Table:
    raise_file_limit()
    table = Table(
        f"{rate:.0f} connects and disconnects per second for {seconds:.0f} s",
        {
            "server": "",
            "visits": ",d",
            "failed": ",d",
            "MiB, begin": ".1f",
            "MiB, end": ".1f",
            "MiB per 10 min": "+.2f",
            "server CPU ms each": ".2f",
            "objects left": "",
        },
        "Resident memory; its slope by least squares, without the first fifth of the time. "
        "Additional objects of sessions, compared with the time before the first visit.",
    )
    with client_core():
        for peer in peers:
            table.add(*await _row(peer, rate, seconds))
    return table


async def _row(peer: Peer, rate: float, seconds: float) -> list[str | float | int]:
    with running([peer]) as servers:
        server = servers[peer]
        control = await connect(server.port, peer.client)
        visitors = Visitors(server, peer)
        await visitors.come(rate, min(1.0, seconds))  # the first visit creates objects that stay
        await asyncio.sleep(1)
        before = await control.call("collect")
        visitors.done = 0
        begin = server.processor_time()
        sampling = asyncio.create_task(_sampled(server, min(1.0, seconds / 20)))
        await visitors.come(rate, seconds)
        cost = (server.processor_time() - begin) / max(1, visitors.done)
        sampling.cancel()
        samples = [one for one in await sampling if one[0] >= seconds / 5]
        left = await _left(control, before)
        await leave_all([control])
    times, sizes = zip(*samples, strict=True)
    return [
        peer.title,
        visitors.done,
        visitors.failed.total(),
        sizes[0] / _MIB,
        sizes[-1] / _MIB,
        linear_regression(times, sizes).slope * 600 / _MIB,
        cost * 1e3,
        ", ".join(f"{number} {name}" for name, number in sorted(left.items())) or "none",
    ]
