"""SIGTERM under load: every event that the server has started is acknowledged.

An event takes the server 50 ms, so that many are in flight when the signal comes.
"""

import asyncio
import re
import time
from collections import Counter
from collections.abc import Sequence

from benchmarks.peers import Peer, running
from benchmarks.processes import ServerProcess, client_core, raise_file_limit
from benchmarks.raw_client import RawClient, connect_many, message
from benchmarks.report import Table


class Asker(RawClient):
    """Counts the results of its events, which are numbered one after another."""

    counts: Counter[str]
    sent = 0

    def ask(self) -> None:
        """Send nothing once the end of the connection was noticed."""
        if not self.closed.done():
            self.counts["sent"] += 1
            self.sent += 1
            self.write(self.frame(f"42{self.sent}{message('work', None)}"))

    def acknowledged(self, id: int, payload: bytes) -> None:
        is_served = payload.startswith(b'[{"statusCode":200,')
        self.counts["answered" if is_served else "refused"] += 1


async def _ask(askers: list[Asker], rate: float) -> None:
    """Send events from one client after another, until all are closed."""
    begin, number = time.monotonic(), 0
    while not all(asker.closed.done() for asker in askers):
        askers[number % len(askers)].ask()
        number += 1
        await asyncio.sleep(begin + number / rate - time.monotonic())


async def _drained(
    peer: Peer, server: ServerProcess, sockets: int, rate: float, seconds: float
) -> tuple[Counter[str], float]:
    """Send events for some seconds, then the signal; wait until every connection has ended.

    Returns the results of the events, and the seconds from the signal to the end of the server.
    """
    counts: Counter[str] = Counter()

    def make(address: str) -> Asker:
        return Asker(address, offers_deflate=peer.offers_deflate)

    askers = await connect_many(server.port, sockets, make)
    for asker in askers:
        asker.counts = counts
    asking = asyncio.create_task(_ask(askers, rate))
    await asyncio.sleep(seconds)
    server.ask_to_stop()
    ended = asyncio.create_task(asyncio.to_thread(server.wait))
    try:
        async with asyncio.timeout(25):
            await asking
    except TimeoutError:
        for asker in askers:
            if not asker.closed.done():
                asker.leave(politely=False)
    return counts, await ended


async def drain(
    peers: Sequence[Peer], *, sockets: int = 1000, rate: float = 500.0, seconds: float = 3.0
) -> Table:
    raise_file_limit()
    table = Table(
        f"SIGTERM with {sockets} sockets that send {rate:.0f} events per second in all",
        {
            "server": "",
            "sent": ",d",
            "begun": ",d",
            "answered": ",d",
            "lost": ",d",
            "answered 503": ",d",
            "not begun": ",d",
            "exit code": "d",
            "seconds to exit": ".2f",
        },
        "Lost: begun by the server, and never acknowledged. Not begun: sent before the client saw "
        "the end of its connection, and neither begun nor rejected.",
    )
    with client_core():
        for peer in peers:
            table.add(*await _row(peer, sockets, rate, seconds))
    return table


async def _row(peer: Peer, sockets: int, rate: float, seconds: float) -> list[str | float | int]:
    with running([peer]) as servers:
        server = servers[peer]
        counts, taken = await _drained(peer, server, sockets, rate, seconds)
    found = re.search(r"^ran (\d+)$", server.output, re.MULTILINE)
    if found is None:
        raise RuntimeError(f"{peer.title} did not report its events, exit code {server.code}")
    begun, code = int(found[1]), server.code
    assert code is not None
    return [
        peer.title,
        counts["sent"],
        begun,
        counts["answered"],
        begun - counts["answered"],
        counts["refused"],
        counts["sent"] - begun - counts["refused"],
        code,
        taken,
    ]
