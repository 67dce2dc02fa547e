"""Broadcasts to the clients of two processes over Redis, and calls while Redis hangs."""

import os
import shutil
import signal
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from statistics import median

import attrs
import click

from benchmarks.environments import Npm
from benchmarks.listeners import Listeners
from benchmarks.peers import NODE_APP, can_run, serve_command
from benchmarks.processes import ServerProcess, client_core, raise_file_limit, reserve_port
from benchmarks.raw_client import RawClient, connect, message
from benchmarks.report import Table

_NEWS = {"id": 1, "title": "Write it once", "done": False}
_ADAPTER = "@socket.io/redis-adapter"
_NPM = Npm(
    "socketio-redis",
    ("socket.io", _ADAPTER, "redis"),
    ("socket.io@4", f"{_ADAPTER}@8", "redis@5"),
)


@attrs.frozen
class Bus:
    """Servers of one kind; ``command`` starts one process, which reads ``REDIS_URL``."""

    title: str
    command: tuple[str, ...]


OWN = Bus("rxkernel", serve_command("bus_app:application"))
_NODE = Bus(
    f"Node socket.io 4 with {_ADAPTER}", ("node", "--expose-gc", str(NODE_APP), str(_NPM.folder))
)


def found() -> list[Bus]:
    """The servers that can run here, rxkernel first."""
    return [OWN, _NODE] if can_run(_NPM, _NODE.title) else [OWN]


@attrs.frozen
class _Round:
    """Seconds: until the last client has it, in the middle of the round; of the processors of
    both servers and of Redis, for each broadcast."""

    last: float
    cost: float
    redis: float


@attrs.define(eq=False)
class _Pair:
    """Two processes of one kind, with their clients."""

    servers: tuple[ServerProcess, ServerProcess]
    redis: ServerProcess
    listeners: Listeners
    rounds: list[_Round] = attrs.field(factory=list)

    def broadcast(self, times: int) -> _Round:
        before, last = self._used(), []
        for _ in range(times):
            begin = self.listeners.send(f"421{message('broadcast', _NEWS)}")
            last.append(self.listeners.everybody() - begin)
        cost, redis = (b - a for a, b in zip(before, self._used(), strict=True))
        return _Round(median(last), cost / times, redis / times)

    def _used(self) -> tuple[float, float]:
        return sum(one.processor_time() for one in self.servers), self.redis.processor_time()


def bus_broadcasts(
    buses: Sequence[Bus], *, listeners: int = 1000, rounds: int = 7, times: int = 20
) -> Table:
    """Broadcast to *listeners* clients, half of them at each process. All *buses* have the same
    Redis, and are measured in turn; the first one is that of rxkernel."""
    raise_file_limit()
    table = Table(
        f"Broadcast to {listeners} websockets of two processes over Redis",
        {
            "servers": "",
            "until the last has it, ms": ".1f",
            "rxkernel ÷ this": ".2f",
            "in the rounds": "",
            "CPU of both, ms": ".1f",
            "rxkernel's CPU ÷ this": ".2f",
            "CPU of Redis, ms": ".2f",
        },
        f"Medians of {rounds} interleaved rounds of {times}. The servers and Redis share a core.",
    )
    with client_core(), running_redis() as redis, ExitStack() as stack:
        pairs = {}
        for bus in buses:
            servers = _start(stack, bus, redis), _start(stack, bus, redis)
            clients = Listeners([one.port for one in servers], listeners // 2, "news")
            stack.callback(clients.close)
            pairs[bus] = _Pair(servers, redis, clients)
            pairs[bus].broadcast(times)  # warms up
        for _ in range(rounds):
            for pair in pairs.values():
                pair.rounds.append(pair.broadcast(times))
    own = pairs[buses[0]].rounds
    for bus, pair in pairs.items():
        both = list(zip(own, pair.rounds, strict=True))
        ratios = [one.last / other.last for one, other in both]
        table.add(
            bus.title,
            median(one.last for one in pair.rounds) * 1e3,
            median(ratios),
            f"{min(ratios):.2f} to {max(ratios):.2f}",
            median(one.cost for one in pair.rounds) * 1e3,
            median(one.cost / other.cost for one, other in both),
            median(one.redis for one in pair.rounds) * 1e3,
        )
    return table


async def bus_hangs(buses: Sequence[Bus], *, times: int = 2000) -> Table:
    """Call `emit` *times* times before and while Redis is stopped by SIGSTOP."""
    table = Table(
        "The call `emit` of a server with a client, while Redis hangs",
        {
            "servers": "",
            "before, median, ms": ".3f",
            "while it hangs, median, ms": ".3f",
            "99 %, ms": ".3f",
            "slowest, ms": ".3f",
        },
        f"{times} calls one after the other, each of a broadcast to one client and to the bus.",
    )
    with client_core():
        for bus in buses:
            with running_redis() as redis, ExitStack() as stack:
                server = _start(stack, bus, redis)
                before, during = await _calls(server, redis, times)
            table.add(
                bus.title,
                median(before) * 1e3,
                median(during) * 1e3,
                during[int(len(during) * 0.99)] * 1e3,
                during[-1] * 1e3,
            )
    return table


async def _calls(
    server: ServerProcess, redis: ServerProcess, times: int
) -> tuple[list[float], list[float]]:
    """Seconds of each call, ascending, before and while Redis hangs."""
    client = await connect(server.port, RawClient)
    before = sorted([await client.call("broadcast", _NEWS) for _ in range(times)])
    os.kill(redis.pid, signal.SIGSTOP)
    try:
        during = sorted([await client.call("broadcast", _NEWS) for _ in range(times)])
    finally:
        os.kill(redis.pid, signal.SIGCONT)
    client.leave()
    return before, during


def _start(stack: ExitStack, bus: Bus, redis: ServerProcess) -> ServerProcess:
    environment = {"REDIS_URL": f"redis://127.0.0.1:{redis.port}/0"}
    return stack.enter_context(ServerProcess(bus.command, environment=environment))


@contextmanager
def running_redis() -> Iterator[ServerProcess]:
    """A new server, which keeps no data."""
    program = shutil.which("redis-server")
    if program is None:
        raise click.ClickException(
            "redis-server is not installed (on Debian: apt-get install redis-server)"
        )
    reservation = reserve_port()
    port = str(reservation.getsockname()[1])
    command = (program, "--bind", "127.0.0.1", "--port", port, "--save", "")
    with ServerProcess(command, reservation=reservation) as server:
        yield server
