"""Calls of the action ``math.add``: over Socket.IO, compared with moleculer-io, and in process."""

import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from benchmarks.environments import Npm
from benchmarks.peers import Peer, can_run, serve_command
from benchmarks.report import Table
from benchmarks.roundtrips import Load, Sent, roundtrips
from benchmarks.servers.gateway_app import Math, application
from bundles.gateway import Broker

_MOLECULER_IO = Npm(
    "moleculer-io",
    ("moleculer", "moleculer-io", "socket.io"),
    ("moleculer@0.14.36", "moleculer-io@2.2.0"),
)

_NODE_APP = Path(__file__).parent / "servers" / "moleculer_app.cjs"

NODE = Peer("node", "moleculer-io on Node", ("node", str(_NODE_APP), str(_MOLECULER_IO.folder)))
OWN = Peer("rxkernel", "rxkernel", serve_command("gateway_app:application"))

CALL = Sent('["call","math.add",{"a":1,"b":2}]', b"[null,3", b"]")


def found() -> list[Peer]:
    """The peers that can run here."""
    return [NODE, OWN] if can_run(_MOLECULER_IO, "moleculer-io") else [OWN]


async def gateway_calls(peers: Sequence[Peer], load: Load) -> Table:
    return await roundtrips(peers, load, CALL, "Gateway calls")


async def broker_calls(*, rounds: int = 15, calls: int = 20_000) -> Table:
    async with application() as running:
        call = running.injector.get(Broker).call
        add = Math().add
        taken: dict[str, list[float]] = {"the action alone": [], "Broker.call": []}
        for _ in range(rounds):
            begin = time.process_time()
            for _ in range(calls):
                await add(1, 2)
            middle = time.process_time()
            for _ in range(calls):
                await call("math.add", {"a": 1, "b": 2})
            end = time.process_time()
            taken["the action alone"].append((middle - begin) / calls)
            taken["Broker.call"].append((end - middle) / calls)
    table = Table(
        "Calls in process",
        {"what is called": "", "CPU µs": ".2f"},
        f"Medians of {rounds} interleaved rounds of {calls} calls.",
    )
    for name, times in taken.items():
        table.add(name, median(times) * 1e6)
    return table
