"""Calls of an action on another node over NATS, compared with Moleculer."""

import os
import shutil
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median

import aiohttp
import attrs
import click

from benchmarks.peers import serve_command
from benchmarks.processes import ROOT, ServerProcess, client_core, reserve_port
from benchmarks.report import Table

_NODE_APP = Path(__file__).parent / "servers" / "cluster_app.cjs"

IN_FLIGHT = (1, 8)

_PATHS = f"{os.environ.get('PATH', '')}:/usr/sbin"
"""The directory of Debian's nats-server is not on the path of every user."""


@attrs.frozen
class Pair:
    """Two nodes of the same kind: the commands that start them."""

    title: str
    callee: tuple[str, ...]
    caller: tuple[str, ...]


OWN = Pair("rxkernel", serve_command("cluster_app:callee"), serve_command("cluster_app:caller"))


def _node(title: str, module: str) -> Pair:
    command = ("node", str(_NODE_APP), module)
    return Pair(title, (*command, "callee"), (*command, "caller"))


MOLECULER = {
    "moleculer-0.15": _node("moleculer 0.15 on Node", "moleculer-0.15"),
    "moleculer": _node("moleculer 0.14 on Node", "moleculer"),
}
"""By the name of their package in ``node_modules``."""


def found() -> list[Pair]:
    """The pairs that can run here, that of rxkernel first."""
    if shutil.which("node") is None:
        click.echo("leaving Moleculer out: node is not installed", err=True)
        return [OWN]
    pairs = [OWN]
    for module, pair in MOLECULER.items():
        if (ROOT / "node_modules" / module / "package.json").is_file():
            pairs.append(pair)
        else:
            click.echo(f"leaving {pair.title} out: run `npm ci`", err=True)
    return pairs


@attrs.frozen
class _Running:
    """Two nodes, and the processor time that they have used."""

    callee: ServerProcess
    caller: ServerProcess

    async def call(self, number: int, in_flight: int) -> None:
        address = f"http://127.0.0.1:{self.caller.port}/calls/{number}/{in_flight}"
        timeout = aiohttp.ClientTimeout(total=600)
        async with aiohttp.ClientSession(timeout=timeout, raise_for_status=True) as session:
            await (await session.get(address)).read()

    def used(self) -> tuple[float, float]:
        """Seconds of the caller and of the callee."""
        return self.caller.processor_time(), self.callee.processor_time()


@attrs.define(eq=False)
class _Costs:
    """Seconds of a call in each round."""

    caller: list[float] = attrs.field(factory=list)
    callee: list[float] = attrs.field(factory=list)

    def both(self) -> list[float]:
        return [a + b for a, b in zip(self.caller, self.callee, strict=True)]


async def cluster_calls(
    pairs: list[Pair], *, rounds: int = 7, calls: int = 8000, warm_up: int = 16_000
) -> Table:
    """Measure all *pairs* in turn; the first one is that of rxkernel.

    Args:
        calls: in each round of each pair.
        warm_up: before, until Node has compiled what is used.
    """
    table = Table(
        "Calls of another node over NATS",
        {
            "nodes": "",
            "in flight": "d",
            "CPU of the caller, µs": ".1f",
            "CPU of the callee, µs": ".1f",
            "both": ".1f",
            "÷ rxkernel": ".2f",
            "in the rounds": "",
        },
        f"Medians of {rounds} interleaved rounds of {calls} calls. The ratio is that of the CPU "
        f"of both nodes in the same round.",
    )
    with _nats() as url, ExitStack() as stack:
        running = {pair: stack.enter_context(_started(pair, url)) for pair in pairs}
        with client_core():
            for in_flight in IN_FLIGHT:
                for each in running.values():
                    await each.call(warm_up // len(IN_FLIGHT), in_flight)
            costs = {(p, n): _Costs() for n in IN_FLIGHT for p in pairs}
            for _ in range(rounds):
                for (pair, in_flight), cost in costs.items():
                    await _measure(running[pair], calls, in_flight, cost)
    for (pair, in_flight), cost in costs.items():
        own = costs[pairs[0], in_flight].both()
        ratios = [one / base for one, base in zip(cost.both(), own, strict=True)]
        times = (median(some) * 1e6 for some in (cost.caller, cost.callee, cost.both()))
        spread = f"{min(ratios):.2f} to {max(ratios):.2f}"
        table.add(pair.title, in_flight, *times, median(ratios), spread)
    return table


async def _measure(pair: _Running, calls: int, in_flight: int, cost: _Costs) -> None:
    before = pair.used()
    await pair.call(calls, in_flight)
    caller, callee = pair.used()
    cost.caller.append((caller - before[0]) / calls)
    cost.callee.append((callee - before[1]) / calls)


@contextmanager
def _nats() -> Iterator[str]:
    """The URL of a new server."""
    server = shutil.which("nats-server", path=_PATHS)
    if server is None:
        raise click.ClickException(
            "nats-server is not installed (on Debian: apt-get install nats-server)"
        )
    reservation: socket.socket = reserve_port()
    port = str(reservation.getsockname()[1])
    command = (server, "-a", "127.0.0.1", "-p", port)
    with ServerProcess(command, reservation=reservation):
        yield f"nats://127.0.0.1:{port}"


@contextmanager
def _started(pair: Pair, url: str) -> Iterator[_Running]:
    environment = {"NATS_URL": url}
    with (
        ServerProcess(pair.callee, environment=environment) as callee,
        ServerProcess(pair.caller, environment=environment) as caller,
    ):
        yield _Running(callee, caller)
