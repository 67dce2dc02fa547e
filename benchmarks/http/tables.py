"""A run as tables and figures; only measured values are shown."""

from collections.abc import Iterable, Sequence
from statistics import median

from benchmarks.http.peers import BASELINE, FIVE, NONE, Listeners
from benchmarks.http.plots import Bar, bars, curves
from benchmarks.http.run import Run, Series, Spread
from benchmarks.http.work import ALL, Work
from benchmarks.report import Table

_MIB = 1024 * 1024


def _spread(value: Spread) -> str:
    return f"{value.low:.2f} to {value.high:.2f}"


def _work_table(run: Run, work: Work) -> Table:
    table = Table(
        f"HTTP: {work.title}",
        {
            "server": "",
            "listeners": "d",
            "server CPU each, µs": ".1f",
            "ratio": ".2f",
            "quartiles": "",
            "per second": ",.0f",
            "p50 ms": ".2f",
            "p99 ms": ".2f",
        },
    )
    for series in _ordered(one for one in run.series if one.work == work.name):
        table.add(
            run.titles[series.peer],
            series.listeners.total,
            series.cost.middle * 1e6,
            series.ratio.middle,
            _spread(series.ratio),
            series.rate.middle,
            median(one.p50 for one in series.windows) * 1e3,
            median(one.p99 for one in series.windows) * 1e3,
        )
    return table


def _ordered(series: Iterable[Series]) -> list[Series]:
    """The cheapest first; servers with listeners after those without."""
    return sorted(series, key=lambda one: (one.listeners.total, -one.ratio.middle))


def _growth_table(run: Run) -> Table:
    totals = sorted({one.listeners.total for one in run.growth})
    columns = {f"{total}": "" for total in totals}
    table = Table(
        "HTTP: hello with more and more listeners",
        {"server": "", **columns},
        "Ratio, and server CPU for each request in µs.",
    )
    for peer in dict.fromkeys(one.peer for one in run.growth):
        found = {one.listeners.total: one for one in run.growth if one.peer == peer}
        cells = [found.get(total) for total in totals]
        table.add(
            run.titles[peer],
            *(f"{c.ratio.middle:.2f} ({c.cost.middle * 1e6:.1f})" if c else "" for c in cells),
        )
    return table


def _idle_table(run: Run) -> Table:
    table = Table(
        "HTTP: starting, and an idle server",
        {"server": "", "first response after, s": ".2f", "RSS, MiB": ".1f", "PSS, MiB": ".1f"},
        "From the start of the process. Memory of all its processes, after the first response.",
    )
    for one in sorted(run.idle, key=lambda idle: median(idle.starting)):
        memory = (median(sizes) / _MIB for sizes in (one.resident, one.proportional))
        table.add(run.titles[one.peer], median(one.starting), *memory)
    return table


def versions_table(run: Run) -> Table:
    table = Table("HTTP: versions", {"server": "", "versions": ""})
    for peer, versions in run.versions.items():
        table.add(run.titles[peer], ", ".join(f"{name} {v}" for name, v in versions.items()))
    return table


def failures_table(run: Run) -> Table:
    table = Table("HTTP: not measured", {"server": "", "why": ""})
    for peer, reason in run.failures.items():
        table.add(run.titles[peer], reason.replace("|", "/"))
    return table


def tables(run: Run) -> list[Table]:
    """All tables in the order of the page; empty ones are left out."""
    works = [_work_table(run, work) for work in ALL.values()]
    every = [
        *works,
        _growth_table(run),
        _idle_table(run),
        versions_table(run),
        failures_table(run),
    ]
    return [table for table in every if table.rows]


def _ratio(run: Run, peer: str, work: Work, listeners: Listeners) -> Spread | None:
    series = run.find(peer, work, listeners)
    return series.ratio if series else None


def _work_figure(run: Run, work: Work) -> str:
    ways = (FIVE, NONE)
    rows = [
        Bar(title, tuple(_ratio(run, peer, work, listeners) for listeners in ways))
        for peer, title in run.titles.items()
    ]
    rows = [row for row in rows if any(row.values)]
    rows.sort(key=_middles, reverse=True)
    base = run.titles[BASELINE.name]
    title = f"{work.title}: server CPU of {base} without listeners, divided by this server's"
    return bars(title, ("3 + 2 listeners", "none"), rows)


def _middles(row: Bar) -> list[float]:
    return [value.middle if value else 0.0 for value in row.values]


def _growth_figure(run: Run) -> str:
    lines: dict[str, dict[int, float]] = {}
    for one in run.growth:
        points = lines.setdefault(run.titles[one.peer], {})
        points[one.listeners.total] = 1 / one.ratio.middle
    base = run.titles[BASELINE.name]
    return curves(f"hello: server CPU, {base} without listeners = 1", "listeners", lines)


def figures(run: Run) -> dict[str, str]:
    """SVG documents by file name."""
    works: Sequence[Work] = [work for work in ALL.values() if _is_measured(run, work)]
    found = {f"http-{work.name}.svg": _work_figure(run, work) for work in works}
    return {**found, "http-growth.svg": _growth_figure(run)} if run.growth else found


def _is_measured(run: Run, work: Work) -> bool:
    return any(one.work == work.name for one in run.series)
