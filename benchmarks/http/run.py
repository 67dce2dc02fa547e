"""A run: brackets of servers that run in turns; each bracket contains the baseline.

The machine's speed drifts, so a window is only compared with that of the baseline in its round.
"""

import os
import platform
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import quantiles
from typing import Any, TypeVar

import attrs
import click

from benchmarks.environments import NotInstalledError
from benchmarks.http.load import LoadError, Window, window
from benchmarks.http.peers import BASELINE, NONE, HttpPeer, Listeners
from benchmarks.http.work import HELLO, Work, WrongAnswerError, expect, verify
from benchmarks.processes import ROOT, ServerError, ServerProcess, shares_a_core

T = TypeVar("T")
_LOGGING = 5.0
"""Seconds until the first request must be in an access log."""

_FAILURES = (NotInstalledError, WrongAnswerError, LoadError, ServerError, OSError)


@attrs.frozen
class Load:
    """Options of wrk, *seconds* of each window, and the number of *rounds*."""

    seconds: int = 1
    rounds: int = 5
    connections: int = 64


@attrs.frozen
class Entrant:
    """A peer with a number of listeners."""

    peer: HttpPeer
    listeners: Listeners = NONE


@attrs.frozen
class Spread:
    """The quartiles of some figures."""

    low: float
    middle: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        if len(values) == 1:
            return cls(values[0], values[0], values[0])
        low, middle, high = quantiles(values, n=4, method="inclusive")
        return cls(low, middle, high)


@attrs.frozen
class Series:
    """The windows of one entrant with one work, and the baseline's windows of the same rounds."""

    peer: str
    work: str
    listeners: Listeners
    windows: list[Window]
    baseline: list[Window]

    @property
    def ratio(self) -> Spread:
        """The cost of the baseline divided by this cost: 2 is half the processor time."""
        pairs = zip(self.baseline, self.windows, strict=True)
        return Spread.of([base.cost / own.cost for base, own in pairs])

    @property
    def cost(self) -> Spread:
        return Spread.of([one.cost for one in self.windows])

    @property
    def rate(self) -> Spread:
        return Spread.of([one.rate for one in self.windows])


@attrs.frozen
class Idle:
    """Idle servers: seconds and bytes of several starts."""

    peer: str
    starting: list[float]
    resident: list[int]
    proportional: list[int]


@attrs.define
class Run:
    """All results; ``failures`` are the peers that could not be measured, with the reason."""

    load: Load
    began: str
    machine: dict[str, str]
    titles: dict[str, str] = attrs.field(factory=dict)
    versions: dict[str, dict[str, str]] = attrs.field(factory=dict)
    failures: dict[str, str] = attrs.field(factory=dict)
    series: list[Series] = attrs.field(factory=list)
    growth: list[Series] = attrs.field(factory=list)
    idle: list[Idle] = attrs.field(factory=list)

    def find(self, peer: str, work: Work, listeners: Listeners) -> Series | None:
        wanted = (peer, work.name, listeners)
        return next((s for s in self.series if (s.peer, s.work, s.listeners) == wanted), None)


def new_run(load: Load) -> Run:
    model = next(
        (line.partition(":")[2].strip() for line in _cpuinfo() if line.startswith("model name")),
        platform.machine(),
    )
    cores = len(os.sched_getaffinity(0))
    pinned = "server and load share it" if shares_a_core() else "one for the server, one for wrk"
    return Run(
        load,
        time.strftime("%Y-%m-%d %H:%M"),
        {"processor": model, "cores": f"{cores}, {pinned}", "kernel": platform.release()},
    )


def _cpuinfo() -> list[str]:
    return Path("/proc/cpuinfo").read_text().splitlines()


def installed(run: Run, peers: Sequence[HttpPeer]) -> list[HttpPeer]:
    """The usable peers: installed, started once and checked for correct responses."""
    ready = []
    for peer in peers:
        run.titles[peer.name] = peer.title

        def check(peer: HttpPeer = peer) -> dict[str, str]:
            peer.environment.install()
            with peer.server(NONE) as server:
                _verify(peer, server, NONE)
            return peer.environment.versions()

        versions = _tried(run, peer, check)
        if versions is not None:
            run.versions[peer.name] = versions
            ready.append(peer)
    return ready


def _verify(peer: HttpPeer, server: ServerProcess, listeners: Listeners) -> None:
    """Check its responses, and that it writes its access log if it has one."""
    verify(server.port, listeners)
    end = time.monotonic() + _LOGGING
    while peer.access_log and HELLO.path not in server.errors():
        if time.monotonic() > end:
            raise WrongAnswerError("its access log is on and empty")
        time.sleep(0.01)


def _tried(run: Run, peer: HttpPeer, do: Callable[[], T]) -> T | None:
    """The result of *do*; None if a peer fails, which is recorded. The baseline must not fail."""
    try:
        return do()
    except _FAILURES as exc:
        if peer is BASELINE:
            raise
        run.failures[peer.name] = " ".join(str(exc).replace(f"{ROOT}/", "").split())[:400]
        click.echo(f"{peer.title} is left out: {exc}", err=True)
        return None


def measure(run: Run, entrants: Sequence[Entrant], works: Sequence[Work]) -> list[Series]:
    """Run one bracket: the baseline and the *entrants* in turns, with one work after another."""
    with _running(run, entrants) as servers:
        windows = [one for work in works for one in _turns(run, servers, work)]
    wanted = {(entrant.peer.name, entrant.listeners) for entrant in entrants}
    return [one for one in windows if (one.peer, one.listeners) in wanted]


@contextmanager
def _running(run: Run, entrants: Sequence[Entrant]) -> Iterator[dict[Entrant, ServerProcess]]:
    """The baseline and the peers that start and respond correctly, with listeners too."""
    with ExitStack() as stack:
        servers = {}
        for entrant in dict.fromkeys((Entrant(BASELINE), *entrants)):

            def start(entrant: Entrant = entrant) -> ServerProcess:
                server = stack.enter_context(entrant.peer.server(entrant.listeners))
                _verify(entrant.peer, server, entrant.listeners)
                return server

            server = _tried(run, entrant.peer, start)
            if server is not None:
                servers[entrant] = server
        yield servers


def _turns(run: Run, servers: dict[Entrant, ServerProcess], work: Work) -> list[Series]:
    """The first round warms up and does not count."""
    windows: dict[Entrant, list[Window]] = {entrant: [] for entrant in servers}
    load: dict[str, Any] = {"seconds": run.load.seconds, "connections": run.load.connections}
    for number in range(run.load.rounds + 1):
        for entrant, server in servers.items():
            if entrant.peer.name in run.failures:
                continue

            def turn(server: ServerProcess = server) -> Window:
                return window(server, work, **load)

            found = _tried(run, entrant.peer, turn)
            if found is not None and number:
                windows[entrant].append(found)
    baseline = windows[Entrant(BASELINE)]
    return [
        Series(entrant.peer.name, work.name, entrant.listeners, some, baseline)
        for entrant, some in windows.items()
        if entrant.peer.name not in run.failures
    ]


def idle(run: Run, peer: HttpPeer, starts: int) -> None:
    """Time from the start of the process until the first response; memory after it."""

    def start() -> tuple[float, int, int]:
        begin = time.monotonic()
        with peer.server(NONE) as server:
            expect(server.port, HELLO)
            seconds = time.monotonic() - begin
            return seconds, server.memory(), server.proportional_memory()

    found = _tried(run, peer, lambda: [start() for _ in range(starts)])
    if found:
        run.idle.append(Idle(peer.name, *(list(column) for column in zip(*found, strict=True))))
