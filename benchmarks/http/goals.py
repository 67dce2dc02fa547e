"""The goals of the project for HTTP, and the servers that they compare, in one bracket."""

from collections.abc import Iterator, Sequence

import attrs

from benchmarks.http.peers import (
    AIOHTTP_LOGGED,
    BASELINE,
    FIVE,
    NONE,
    PEERS,
    RXKERNEL,
    RXKERNEL_LOGGED,
    RXKERNEL_ORDINARY,
    HttpPeer,
    on_python,
)
from benchmarks.http.run import Entrant, Load, Run, Series, Spread, installed, measure, new_run
from benchmarks.http.work import BODY, HELLO, Work
from benchmarks.report import Table

_RIVALS = ("blacksheep-granian", "emmett55")
"""The fastest frameworks of those that `complete` compares."""

_SLOWER = "fastapi"


@attrs.frozen
class Goal:
    """The cost of *theirs*, divided by that of *ours* with three request and two response
    listeners, must be at least *least*."""

    title: str
    least: float
    ours: Series
    theirs: Series

    @property
    def reached(self) -> Spread:
        """Compare windows of the same round."""
        pairs = zip(self.ours.windows, self.theirs.windows, strict=True)
        return Spread.of([theirs.cost / ours.cost for ours, theirs in pairs])


def race(load: Load, pythons: Sequence[str]) -> Run:
    """The servers of the goals; *pythons* are further interpreters. aiohttp has no listeners."""
    run = new_run(load)
    names = (*_RIVALS, _SLOWER)
    peers = [BASELINE, RXKERNEL, AIOHTTP_LOGGED, RXKERNEL_LOGGED, *(PEERS[n] for n in names)]
    for python in pythons:
        peers += on_python(python)
    ready = [_entrant(peer) for peer in installed(run, peers)]
    run.series += measure(run, ready, [HELLO])
    run.series += measure(run, [one for one in ready if one.peer in (BASELINE, RXKERNEL)], [BODY])
    return run


def _entrant(peer: HttpPeer) -> Entrant:
    return Entrant(peer, NONE if peer.name.startswith(BASELINE.name) else FIVE)


def goals(run: Run) -> Table:
    """The goals that the run has measured."""
    table = Table(
        "HTTP: goals",
        {
            "rxkernel with 3 + 2 listeners": "",
            "goal": "",
            "measured": ".2f",
            "quartiles": "",
            "met": "",
        },
    )
    for goal in _goals(run):
        reached = goal.reached
        spread = f"{reached.low:.2f} to {reached.high:.2f}"
        is_met = "yes" if reached.middle >= goal.least else "no"
        table.add(goal.title, f"≥ {goal.least:g}", reached.middle, spread, is_met)
    return table


def _goals(run: Run) -> Iterator[Goal]:
    for least, title, work, ours, theirs in _pairs(run):
        own, other = _find(run, ours, work), _find(run, theirs, work)
        if own is not None and other is not None:
            yield Goal(title, least, own, other)


def _pairs(run: Run) -> Iterator[tuple[float, str, Work, str, str]]:
    """The goals with their titles, the work, and the compared servers."""
    hello = f"÷ {BASELINE.title}, hello"
    yield 1.8, f"{hello}, Python 3.11", HELLO, RXKERNEL.name, BASELINE.name
    other = f"{BASELINE.name}-3.13"
    yield 2.2, f"{hello}, Python 3.13", HELLO, f"{RXKERNEL.name}-3.13", other
    ordinary = f"{RXKERNEL_ORDINARY.name}-3.13"
    yield 1.2, f"{hello}, Python 3.13, aiohttp path", HELLO, ordinary, other
    logged = "the access log on in both, Python 3.11"
    yield 3.0, f"{hello}, {logged}", HELLO, RXKERNEL_LOGGED.name, AIOHTTP_LOGGED.name
    for rival in _RIVALS:
        yield 1.5, f"÷ {PEERS[rival].title}, hello", HELLO, RXKERNEL.name, rival
    yield 6.0, f"÷ {PEERS[_SLOWER].title}, hello", HELLO, RXKERNEL.name, _SLOWER
    yield 1.3, f"÷ {BASELINE.title}, validated body", BODY, RXKERNEL.name, BASELINE.name


def _find(run: Run, peer: str, work: Work) -> Series | None:
    return next((s for s in run.series if (s.peer, s.work) == (peer, work.name)), None)
