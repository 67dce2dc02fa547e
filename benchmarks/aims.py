"""Instructions of rxkernel and of raw aiohttp, and the aims for rxkernel."""

import platform
from pathlib import Path
from textwrap import fill

import click

from benchmarks.counted import (
    FILE_IN_MEMORY,
    FOUR_HEADERS,
    HEADER_AND_COOKIE,
    HELLO_FIVE,
    ONE_HEADER,
    POLICIES,
    VARYING_HEADER,
)
from benchmarks.http.page import PAGE, put
from benchmarks.instructions import Counts, count
from benchmarks.report import Table

AIMS = {
    HELLO_FIVE: 90_000,
    ONE_HEADER: 95_000,
    VARYING_HEADER: 95_000,
    FOUR_HEADERS: 105_000,
    HEADER_AND_COOKIE: 120_000,
    POLICIES: 140_000,
    FILE_IN_MEMORY: 115_000,
}
"""Most instructions for each request, by case, on Python 3.11."""

_SECTION = "instructions"


def aims(own: Counts, raw: Counts, middlewares: Counts) -> Table:
    """All cases; cases with an aim come first. Raw aiohttp is counted with and without
    middlewares.
    """
    table = Table(
        "Instructions for each request",
        {
            "case": "",
            "rxkernel": ",d",
            "aim": "",
            "raw aiohttp": "",
            "raw aiohttp, 3 + 2 middlewares": "",
        },
    )
    for title in sorted(own.counts, key=lambda title: title not in AIMS):
        aim = f"≤ {AIMS[title]:,d}" if title in AIMS else ""
        beside = [f"{c.counts[title]:,d}" if title in c.counts else "" for c in (raw, middlewares)]
        table.add(title, own.counts[title], aim, *beside)
    return table


def publish_aims(table: Table, versions: dict[str, str], page: Path = PAGE) -> None:
    """Replace the table in *page* by *table*."""
    listed = ", ".join(f"{name} {version}" for name, version in versions.items())
    text = fill(f"Counted on {platform.machine()} with {listed}.", 115)
    put(page, _SECTION, f"{text}\n\n{table.markdown('###').strip()}")


@click.command("instructions")
@click.option("--publish", "is_published", is_flag=True, help="Write benchmarks/README.md.")
def instructions_command(is_published: bool) -> None:
    """Instructions for each request, compared with raw aiohttp and the aims."""
    own, raw, middlewares = map(count, ("rxkernel", "aiohttp", "aiohttp-middlewares"))
    table = aims(own, raw, middlewares)
    click.echo(table.markdown())
    if is_published:
        publish_aims(table, own.versions)
