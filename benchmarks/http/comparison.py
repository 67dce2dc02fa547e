"""The measurements, and the brackets of servers that run in turns."""

from collections.abc import Sequence

import click

from benchmarks.http.peers import (
    BASELINE,
    FIVE,
    NONE,
    PEERS,
    RXKERNEL,
    HttpPeer,
    Listeners,
    on_python,
)
from benchmarks.http.run import Entrant, Load, Run, idle, installed, measure, new_run
from benchmarks.http.work import ALL, HELLO, Work

_PEERS_OF_A_BRACKET = 2
_STARTS = 5
_GROWTH = ("aiohttp", "rxkernel", "starlette", "litestar", "blacksheep-uvicorn", "sanic")
_TOTALS = (0, 1, 5, 20, 50)


def compare(
    peers: Sequence[HttpPeer],
    works: Sequence[Work],
    load: Load,
    *,
    growth: bool = False,
    starts: int = 0,
) -> Run:
    """Each peer with each work, with five listeners and without.

    *growth*: some of them also with up to 50 listeners. *starts*: how often each is started, to
    measure the time of the start and the memory.
    """
    run = new_run(load)
    ready = installed(run, peers)
    for peer in ready if starts else ():
        click.echo(f"starting {peer.title}", err=True)
        idle(run, peer, starts)
    for number in range(0, len(ready), _PEERS_OF_A_BRACKET):
        some = ready[number : number + _PEERS_OF_A_BRACKET]
        click.echo(f"load on {' and '.join(peer.title for peer in some)}", err=True)
        for asked, bracket in _by_work(some, works):
            entrants = [Entrant(peer, count) for peer in bracket for count in (NONE, FIVE)]
            run.series += measure(run, entrants, asked)
    for peer in ready if growth else ():
        if peer.name in _GROWTH:
            click.echo(f"listeners of {peer.title}", err=True)
            entrants = [Entrant(peer, Listeners.of(total)) for total in _TOTALS]
            run.growth += measure(run, entrants, [HELLO])
    return run


def _by_work(
    peers: Sequence[HttpPeer], works: Sequence[Work]
) -> list[tuple[list[Work], list[HttpPeer]]]:
    """A peer that differs from another one by a setting only runs hello only."""
    varied = [peer for peer in peers if peer.access_log or not peer.fast_path]
    others = [peer for peer in peers if peer not in varied]
    brackets = [(list(works), others), ([work for work in works if work is HELLO], varied)]
    return [(asked, bracket) for asked, bracket in brackets if asked and bracket]


def complete(
    load: Load, pythons: Sequence[str], names: Sequence[str], works: Sequence[str]
) -> Run:
    """All measurements, limited by *names* and *works*; *pythons* are further interpreters."""
    peers = [PEERS[name] for name in names or PEERS]
    if BASELINE not in peers:
        peers.insert(0, BASELINE)
    for python in pythons:
        peers += on_python(python)
    return compare(peers, [ALL[name] for name in works or ALL], load, growth=True, starts=_STARTS)


def quick(load: Load, works: Sequence[str] = ()) -> Run:
    """rxkernel and the baseline only."""
    return compare([BASELINE, RXKERNEL], [ALL[name] for name in works or ALL], load)
