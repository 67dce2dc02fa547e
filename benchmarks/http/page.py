"""The section of docs/performance.md that a run writes, with its figures and raw windows."""

from pathlib import Path
from statistics import median
from textwrap import fill

import msgspec

from benchmarks.http.run import Run
from benchmarks.http.tables import figures, tables
from benchmarks.processes import ROOT

PAGE = ROOT / "docs" / "performance.md"
_BEGIN = "<!-- measured: http -->"
_END = "<!-- end of measured -->"
_RAW = "performance-http.json"


def publish(run: Run, page: Path = PAGE) -> None:
    """Put the run between the marks in *page*, in place of the one before, and draw it."""
    before, mark, rest = page.read_text().partition(_BEGIN)
    _, end, after = rest.partition(_END)
    if not mark or not end:
        raise ValueError(f"{page} has no {_BEGIN} … {_END}")
    page.with_name(_RAW).write_bytes(msgspec.json.encode(run) + b"\n")
    images = page.parent / "images"
    drawn = figures(run)
    for name, text in drawn.items():
        (images / name).write_text(text)
    parts = [_how(run), *(f"![{_alt(text)}](images/{name})" for name, text in drawn.items())]
    parts += [table.markdown("###").strip() for table in tables(run)]
    page.write_text(f"{before}{_BEGIN}\n\n" + "\n\n".join(parts) + f"\n\n{_END}{after}")


def _how(run: Run) -> str:
    machine, load = run.machine, run.load
    others = [window.others for series in run.series for window in series.windows]
    text = (
        f"Measured {run.began} on {machine['processor']} ({machine['cores']}; Linux "
        f"{machine['kernel']}): medians and quartiles of {load.rounds} windows of "
        f"{load.seconds} s, {load.connections} connections. Others on the machine took "
        f"{median(others):.0%} of a core in the median window. [Every window]({_RAW})."
    )
    return fill(text, 115)


def _alt(svg: str) -> str:
    return svg.partition("<title>")[2].partition("</title>")[0]
