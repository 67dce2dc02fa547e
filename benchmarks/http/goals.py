"""The goals of the project for HTTP beside what a run measured."""

from collections.abc import Iterator

from benchmarks.http.peers import (
    AIOHTTP_LOGGED,
    BASELINE,
    FIVE,
    NONE,
    PEERS,
    RXKERNEL,
    RXKERNEL_LOGGED,
    RXKERNEL_ORDINARY,
    Listeners,
)
from benchmarks.http.run import Run
from benchmarks.http.work import BODY, HELLO, Work
from benchmarks.report import Table

_BY_VERSION = ((RXKERNEL, "3.11", 1.8), (RXKERNEL, "3.13", 2.2), (RXKERNEL_ORDINARY, "3.13", 1.2))


def goals(run: Run) -> Table:
    """Those that the run can tell; rxkernel has three request and two response listeners."""
    table = Table(
        "HTTP: goals",
        {"rxkernel with 3 + 2 listeners": "", "goal": "", "measured": ".2f", "met": ""},
    )
    for title, goal, measured in _measured(run):
        table.add(title, f"≥ {goal:g}", measured, "yes" if measured >= goal else "no")
    return table


def _measured(run: Run) -> Iterator[tuple[str, float, float]]:
    for peer, version, goal in _BY_VERSION:
        lane = "" if peer.fast_lane else ", ordinary lane"
        yield from _row(
            f"÷ {BASELINE.title}, hello, Python {version}{lane}",
            goal,
            _ratio(run, _on_version(run, peer.name, version), HELLO, FIVE),
            _ratio(run, _on_version(run, BASELINE.name, version), HELLO, NONE),
        )
    ours = _ratio(run, RXKERNEL.name, HELLO, FIVE)
    logged = _ratio(run, RXKERNEL_LOGGED.name, HELLO, FIVE)
    title = "the same with the access log on in both"
    yield from _row(title, 3.0, logged, _ratio(run, AIOHTTP_LOGGED.name, HELLO, NONE))
    others = {peer: found for peer in _frameworks() if (found := _ratio(run, peer, HELLO, FIVE))}
    if others:
        best = max(others, key=lambda peer: others[peer])
        title = f"÷ the fastest framework in Python, {run.titles[best]}, hello"
        yield from _row(title, 1.5, ours, others[best])
    title = f"÷ {PEERS['fastapi'].title}, hello"
    yield from _row(title, 6.0, ours, _ratio(run, "fastapi", HELLO, FIVE))
    title = f"÷ {BASELINE.title}, validated body"
    bodies = (_ratio(run, RXKERNEL.name, BODY, FIVE), _ratio(run, BASELINE.name, BODY, NONE))
    yield from _row(title, 1.3, *bodies)


def _row(
    title: str, goal: float, ours: float | None, theirs: float | None
) -> Iterator[tuple[str, float, float]]:
    if ours and theirs:
        yield title, goal, ours / theirs


def _frameworks() -> list[str]:
    return [
        peer.name for peer in PEERS.values() if peer.kind == "framework" and not _is_own(peer.name)
    ]


def _is_own(name: str) -> bool:
    return name.startswith(RXKERNEL.name)


def _ratio(run: Run, peer: str, work: Work, listeners: Listeners) -> float | None:
    series = run.find(peer, work, listeners)
    return series.ratio.middle if series else None


def _on_version(run: Run, peer: str, version: str) -> str:
    """The name under which *peer* ran on that Python: its own, or one with the version behind."""
    own = run.versions.get(peer, {}).get("Python", "")
    return peer if own.startswith(f"{version}.") else f"{peer}-{version}"
