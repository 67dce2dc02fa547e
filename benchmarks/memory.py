"""The memory of an idle connection."""

from collections.abc import Sequence

from benchmarks.peers import Peer, running
from benchmarks.processes import client_core, raise_file_limit
from benchmarks.raw_client import RawClient, connect, connect_many, leave_all
from benchmarks.report import Table


async def _held(peer: Peer, steps: Sequence[int]) -> list[float]:
    """KiB for each connection, with as many open connections as each step has."""
    results = []
    clients: list[RawClient] = []
    with running([peer]) as servers:
        server = servers[peer]
        control = await connect(server.port, peer.client)
        await control.call("collect")
        before = server.memory()
        for step in steps:
            clients += await connect_many(server.port, step - len(clients), peer.client)
            await control.call("collect")
            if any(client.closed.done() for client in clients):
                raise RuntimeError(f"connections were lost: {server.errors()}")
            results.append((server.memory() - before) / step / 1024)
        await leave_all([control, *clients])
    return results


async def memory(peers: Sequence[Peer], *, steps: Sequence[int] = (1000, 5000, 9000)) -> Table:
    raise_file_limit()
    columns = {f"{step:,} held, KiB each": ".1f" for step in steps}
    table = Table(
        "Memory for each idle connection",
        {"server": "", **columns},
        "Resident memory of the server after a garbage collection, minus that before the "
        "first connection, divided by the number of connections.",
    )
    with client_core():
        for peer in peers:
            table.add(peer.title, *await _held(peer, steps))
    return table
