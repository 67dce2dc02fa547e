"""Acknowledged round trips: the server's cost of one event, from its frame to its response."""

import asyncio
import gc
import time
from array import array
from collections.abc import Sequence
from statistics import median, quantiles

import attrs

from benchmarks.peers import Peer, running
from benchmarks.processes import ServerProcess, client_core, machine_time, raise_file_limit
from benchmarks.raw_client import RawClient, connect_many, leave_all, message
from benchmarks.report import Table


@attrs.frozen
class Sent:
    """``arguments`` are the JSON of an event; its acknowledgement has ``head`` and ``tail``."""

    arguments: str
    head: bytes
    tail: bytes


ECHO = Sent(message("echo", "hello"), b'[{"statusCode":200,"headers":{', b'},"content":"hello"}]')
"""rxkernel adds the id of the event to the headers."""

_WARM_UP = 0.2
"""Most seconds of load before each window."""


@attrs.frozen
class Load:
    """``in_flight`` is per connection; ``seconds`` is one window of one server."""

    connections: int = 50
    in_flight: int = 1
    seconds: float = 2.0
    rounds: int = 7


@attrs.frozen
class Window:
    """One server under load for a while; latencies in seconds, the rest are shares of a core.

    ``others``: the share of other processes; if it is large, run again.
    """

    rate: float
    p50: float
    p99: float
    cost: float
    server_busy: float
    client_busy: float
    others: float


class Pinger(RawClient):
    """Sends an event after each acknowledgement, and records the latencies."""

    latencies: "array[float]"
    wrong = b""
    """A wrong acknowledgement."""

    def prepare(self, sent: Sent, in_flight: int) -> None:
        self._head, self._tail = sent.head, sent.tail
        self._frames = [self.frame_of(id, sent.arguments) for id in range(in_flight)]
        self._sent = [0.0] * in_flight
        self._outstanding = 0
        self._is_on = False

    def begin(self, latencies: "array[float]") -> None:
        self.latencies = latencies
        self._is_on = True
        for id in range(len(self._frames)):
            self._send(id)

    async def end(self) -> None:
        """Stop sending, and wait for the open acknowledgements."""
        self._is_on = False
        async with asyncio.timeout(30):
            while self._outstanding:  # noqa: ASYNC110 - an event would cost in `acknowledged`
                await asyncio.sleep(0.001)

    def _send(self, id: int) -> None:
        self._sent[id] = time.perf_counter()
        self._outstanding += 1
        self.write(self._frames[id])

    def acknowledged(self, id: int, payload: bytes) -> None:
        self._outstanding -= 1
        self.latencies.append(time.perf_counter() - self._sent[id])
        if not (payload.startswith(self._head) and payload.endswith(self._tail)):
            self.wrong = payload
        if self._is_on:
            self._send(id)


async def measure(server: ServerProcess, pingers: list[Pinger], seconds: float) -> Window:
    latencies = array("d")
    for pinger in pingers:
        pinger.begin(latencies)
    await asyncio.sleep(min(_WARM_UP, seconds))
    del latencies[:]
    begin = time.perf_counter()
    clocks = server.processor_time, time.process_time, machine_time
    before = [clock() for clock in clocks]
    await asyncio.sleep(seconds)
    elapsed, number = time.perf_counter() - begin, len(latencies)
    own, client, machine = (clock() - then for clock, then in zip(clocks, before, strict=True))
    await asyncio.gather(*(pinger.end() for pinger in pingers))
    for pinger in pingers:
        if pinger.closed.done() or pinger.wrong:
            raise RuntimeError(f"lost, or acknowledged with {pinger.wrong!r}: {server.errors()}")
    percentiles = quantiles(latencies[:number], n=100)
    return Window(
        rate=number / elapsed,
        p50=percentiles[49],
        p99=percentiles[98],
        cost=own / number,
        server_busy=own / elapsed,
        client_busy=client / elapsed,
        others=max(0.0, machine - own - client) / elapsed,
    )


async def _windows(
    servers: dict[Peer, ServerProcess], sent: Sent, load: Load, client: type[Pinger]
) -> dict[Peer, list[Window]]:
    pingers: dict[Peer, list[Pinger]] = {}
    for peer, server in servers.items():

        def make(address: str, offers_deflate: bool = peer.offers_deflate) -> Pinger:
            return client(address, offers_deflate=offers_deflate)

        pingers[peer] = await connect_many(server.port, load.connections, make)
        for pinger in pingers[peer]:
            pinger.prepare(sent, load.in_flight)
    windows: dict[Peer, list[Window]] = {peer: [] for peer in servers}
    for _ in range(load.rounds):
        for peer, server in servers.items():
            gc.collect()
            windows[peer].append(await measure(server, pingers[peer], load.seconds))
    for some in pingers.values():
        await leave_all(some)
    return windows


async def roundtrips(
    peers: Sequence[Peer],
    load: Load,
    sent: Sent = ECHO,
    title: str = "Acknowledged round trips",
    client: type[Pinger] = Pinger,
) -> Table:
    raise_file_limit()
    with client_core(), running(peers) as servers:
        windows = await _windows(servers, sent, load, client)
    table = Table(
        f"{title}, {load.connections} connections, {load.in_flight} in flight on each",
        {
            "server": "",
            "per second": ",.0f",
            "p50 ms": ".2f",
            "p99 ms": ".2f",
            "server CPU µs": ".1f",
            "ratio": ".2f",
            "ratios": "",
            "server busy": ".0%",
            "client busy": ".0%",
            "others busy": ".0%",
        },
        f"Medians of {load.rounds} interleaved windows of {load.seconds} s. Ratio: server CPU "
        f"per message of {peers[0].title} in the same round, divided by this server's.",
    )
    for peer, some in windows.items():
        pairs = zip(windows[peers[0]], some, strict=True)
        ratios = [first.cost / own.cost for first, own in pairs]
        table.add(
            peer.title,
            median(window.rate for window in some),
            median(window.p50 for window in some) * 1e3,
            median(window.p99 for window in some) * 1e3,
            median(window.cost for window in some) * 1e6,
            median(ratios),
            f"{min(ratios):.2f} to {max(ratios):.2f}",
            median(window.server_busy for window in some),
            median(window.client_busy for window in some),
            median(window.others for window in some),
        )
    return table
