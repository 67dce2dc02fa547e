"""Cases whose instructions are counted run, and a growing count fails; counts are not asserted."""

from pathlib import Path
from subprocess import CalledProcessError

import pytest

from benchmarks.aims import aims, publish_aims
from benchmarks.boot import boot
from benchmarks.counted import (
    FOUR_HEADERS,
    HELLO_FIVE,
    NOT_FOUND,
    ONE_HEADER,
    SERVERS,
    Case,
    Exchange,
    http,
)
from benchmarks.instructions import Counts, compare
from benchmarks.router import router

_EVERY = [
    pytest.param(case, id=f"{server}: {case.title}")
    for server, cases in SERVERS.items()
    for case in cases
]


@pytest.mark.parametrize("case", _EVERY)
async def test_counted_case_runs_repeatedly(case: Case) -> None:
    async with case.prepare() as do:
        await do(1)
        await do(2)


def test_compare_count_above_tolerance_has_grown() -> None:
    slower, equal, faster, noisy = HELLO_FIVE, ONE_HEADER, FOUR_HEADERS, NOT_FOUND
    before = Counts({}, dict.fromkeys((slower, equal, faster, noisy), 1000))
    now = Counts({}, {slower: 1021, equal: 1020, faster: 500, noisy: 1050, "new": 1})

    table, grown = compare(now, before)

    assert grown == [slower, "new (not recorded yet)"]
    assert [row["now"] for row in table.records()] == [1021, 1020, 500, 1050]


async def test_counted_case_unexpected_status_fails() -> None:
    """A case whose requests fail must not be counted as a fast one."""
    async with http(Exchange("/missing")) as do:
        with pytest.raises(CalledProcessError):
            await do(1)


def test_published_aims_are_listed_first_and_replace_the_old_table(tmp_path: Path) -> None:
    page = tmp_path / "performance.md"
    page.write_text("a\n<!-- measured: instructions -->\nold\n<!-- end of measured -->\nb\n")
    own = Counts({"Python": "3.11.7"}, {"router": 8_000, HELLO_FIVE: 99_000})

    table = aims(own, Counts({}, {HELLO_FIVE: 154_000}), Counts({}, {}))
    publish_aims(table, own.versions, page)

    assert [row["case"] for row in table.records()] == [HELLO_FIVE, "router"]
    assert f"| {HELLO_FIVE} | 99,000 | ≤ 90,000 | 154,000 |  |" in page.read_text()
    assert "old" not in page.read_text()


def test_router_benchmark_runs() -> None:
    table = router(numbers=(10, 20), rounds=1)

    assert [row["paths"] for row in table.records()] == [
        "static",
        "one parameter",
        "three segments",
    ]


def test_boot_benchmark_runs() -> None:
    (imported, *_) = boot(starts=1, warm_up=0).records()

    assert imported["what"] == "import, s"
