"""Instructions of rxkernel beside those of raw aiohttp, and what rxkernel is to reach."""

import platform
from collections.abc import Mapping
from pathlib import Path

import click

from benchmarks.counted import (
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
}
"""Most instructions for each request, by case, on Python 3.11."""

_SECTION = "instructions"


def aims(own: Mapping[str, int], raw: Mapping[str, int]) -> Table:
    """All cases; those with an aim first."""
    table = Table(
        "Instructions for each request",
        {"case": "", "rxkernel": ",d", "raw aiohttp": "", "aim": "", "met": ""},
    )
    for title in sorted(own, key=lambda title: title not in AIMS):
        number, aim = own[title], AIMS.get(title)
        beside = f"{raw[title]:,d}" if title in raw else ""
        if aim is None:
            table.add(title, number, beside, "", "")
        else:
            table.add(title, number, beside, f"≤ {aim:,d}", "yes" if number <= aim else "no")
    return table


def publish_aims(own: Counts, raw: Counts, page: Path = PAGE) -> None:
    """Write the table into *page*, in place of the one before."""
    versions = ", ".join(f"{name} {version}" for name, version in own.versions.items())
    table = aims(own.counts, raw.counts).markdown("###").strip()
    put(page, _SECTION, f"{versions}; {platform.machine()}.\n\n{table}")


@click.command("instructions")
@click.option("--publish", "is_published", is_flag=True, help="Write docs/performance.md.")
def instructions_command(is_published: bool) -> None:
    """Instructions for each request beside raw aiohttp, and the aims."""
    own, raw = count("rxkernel"), count("aiohttp")
    click.echo(aims(own.counts, raw.counts).markdown())
    if is_published:
        publish_aims(own, raw)
