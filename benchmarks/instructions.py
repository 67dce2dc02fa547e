"""Instructions for each request, counted by valgrind, which is independent of other load.

The counts are recorded in ``instructions.json``, one set for each Python version.
"""

import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

import attrs
import click

from benchmarks.counted import FACTORS, ROUNDS, SERVERS, Case
from benchmarks.processes import ROOT
from benchmarks.report import Table

FILE = Path(__file__).with_name("instructions.json")

_TOLERANCES = {case.title: case.tolerance for case in SERVERS["rxkernel"]}

_PACKAGES = ("aiohttp", "attrs", "blinker", "msgspec", "multidict", "uvloop", "yarl")
_MARKS = 2 * ROUNDS * len(FACTORS)
_TOTAL = re.compile(r"^totals: (\d+)$", re.MULTILINE)


@attrs.frozen
class Counts:
    """Instructions by case, with the versions of the packages."""

    versions: dict[str, str]
    counts: dict[str, int]


def count(server: str = "rxkernel") -> Counts:
    """Run every case of *server* under valgrind, for a minute or two.

    Raises:
        click.ClickException: valgrind is missing, or failed.
    """
    cases = SERVERS[server]
    valgrind = shutil.which("valgrind")
    if valgrind is None:
        raise click.ClickException(
            "valgrind is not installed (on Debian: apt-get install valgrind)"
        )
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "dump"
        options = ("--tool=callgrind", "--dump-before=getloadavg")
        command = (valgrind, *options, f"--callgrind-out-file={output}")
        done = subprocess.run(
            (*command, sys.executable, "-m", "benchmarks.counted", server),
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": "0"},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise click.ClickException(f"valgrind failed: {done.stderr[-2000:]}")
        dumps = [output.with_name(f"dump.{n}").read_text() for n in _numbers(cases)]
    found = [int(match[1]) for dump in dumps if (match := _TOTAL.search(dump))]
    if len(found) != len(dumps):
        raise click.ClickException("valgrind's files have no totals: is it another version?")
    return Counts(_versions(), dict(_each(cases, found)))


def _numbers(cases: Sequence[Case]) -> range:
    """valgrind numbers its counters from one."""
    return range(1, _MARKS * len(cases) + 1)


def _each(cases: Sequence[Case], totals: Sequence[int]) -> list[tuple[str, int]]:
    """Return the instructions of the requests alone.

    Both counts include the start and the end of a case, so their difference is used. Other events,
    such as a timer, only add instructions, so the smallest difference is used.
    """
    rows = []
    for number, case in enumerate(cases):
        found = totals[number * _MARKS : (number + 1) * _MARKS][1::2]
        few, many = (min(found[place :: len(FACTORS)]) for place in range(len(FACTORS)))
        rows.append((case.title, round((many - few) / case.times / (FACTORS[1] - FACTORS[0]))))
    return rows


def _python() -> str:
    return ".".join(platform.python_version_tuple()[:2])


def _versions() -> dict[str, str]:
    return {"Python": platform.python_version(), **{name: version(name) for name in _PACKAGES}}


def kept() -> dict[str, Counts]:
    """The recorded counts by Python version, such as ``3.11``."""
    return {name: Counts(**some) for name, some in json.loads(FILE.read_text()).items()}


def keep(now: Counts) -> None:
    """Record *now*, for later runs to be compared with."""
    every = {name: attrs.asdict(some) for name, some in kept().items()}
    every[_python()] = attrs.asdict(now)
    FILE.write_text(json.dumps(dict(sorted(every.items())), indent=2) + "\n")


def compare(now: Counts, before: Counts) -> tuple[Table, list[str]]:
    """A table of both counts, and the cases that have grown too much."""
    table = Table(
        "Instructions for each request",
        {"what": "", "kept": ",d", "now": ",d", "change": "+.1%"},
    )
    grown = []
    for title, number in now.counts.items():
        old = before.counts.get(title)
        if old is None:
            grown.append(f"{title} (not recorded yet)")
            continue
        table.add(title, old, number, number / old - 1)
        if number > old * (1 + _TOLERANCES[title]):
            grown.append(title)
    return table, grown


@click.command("check")
@click.option("--update", is_flag=True, help="Record the counts, without a comparison.")
def check_command(update: bool) -> None:
    """Instructions for each request; fails when one grew by more than its tolerance."""
    before = kept().get(_python())
    if before is None and not update:
        raise click.ClickException(
            f"no counts are recorded for Python {_python()}; record them with: "
            f'make bench ARGS="check --update"'
        )
    now = count()
    if update or before is None:
        keep(now)
        click.echo(f"recorded in {FILE.relative_to(ROOT)}")
        before = now
    table, grown = compare(now, before)
    click.echo(table.markdown())
    changed = {name: v for name, v in now.versions.items() if before.versions.get(name) != v}
    if changed:
        click.echo(f"\nThe recorded counts have other versions than {changed}.")
    if grown:
        raise click.ClickException(
            f"grown by more than the tolerance: {', '.join(grown)}. If the change is worth it, "
            f'record the new counts: make bench ARGS="check --update"'
        )
