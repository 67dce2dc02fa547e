"""Writes the measured sections of benchmarks/README.md, with figures and raw windows."""

from pathlib import Path
from statistics import median
from textwrap import fill

import msgspec

from benchmarks.http.goals import goals
from benchmarks.http.run import Run
from benchmarks.http.tables import figures, tables
from benchmarks.processes import ROOT

PAGE = ROOT / "benchmarks" / "README.md"
_END = "<!-- end of measured -->"


def publish(run: Run, page: Path = PAGE) -> None:
    """Replace the run in *page* by this one, and draw its figures."""
    images = page.parent / "images"
    drawn = figures(run)
    for name, text in drawn.items():
        (images / name).write_text(text)
    parts = [f"![{_alt(text)}](images/{name})" for name, text in drawn.items()]
    _put(run, page, "http", [*parts, *(table.markdown("###").strip() for table in tables(run))])


def publish_goals(run: Run, page: Path = PAGE) -> None:
    """As `publish`, for the goals."""
    _put(run, page, "goals", [goals(run).markdown("###").strip()])


def _put(run: Run, page: Path, section: str, parts: list[str]) -> None:
    """Write *section* into the page, and the raw windows next to it."""
    raw = f"performance-{section}.json"
    put(page, section, "\n\n".join([_how(run, raw), *parts]))
    page.with_name(raw).write_bytes(msgspec.json.encode(run) + b"\n")


def put(page: Path, section: str, text: str) -> None:
    """Write *text* between the marks of *section*.

    Raises:
        ValueError: *page* has no such marks.
    """
    begin = f"<!-- measured: {section} -->"
    before, mark, rest = page.read_text().partition(begin)
    _, end, after = rest.partition(_END)
    if not mark or not end:
        raise ValueError(f"{page} has no {begin} … {_END}")
    page.write_text(f"{before}{begin}\n\n{text}\n\n{_END}{after}")


def _how(run: Run, raw: str) -> str:
    machine, load = run.machine, run.load
    others = [window.others for series in run.series for window in series.windows]
    text = (
        f"Measured {run.began} on {machine['processor']} ({machine['cores']}; Linux "
        f"{machine['kernel']}): medians and quartiles of {load.rounds} windows of "
        f"{load.seconds} s, {load.connections} connections. Others on the machine took "
        f"{median(others):.0%} of a core in the median window. [Every window]({raw})."
    )
    return fill(text, 115)


def _alt(svg: str) -> str:
    return svg.partition("<title>")[2].partition("</title>")[0]
