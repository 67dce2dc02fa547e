"""What is counted runs, and a count that grows fails; the counts are asserted nowhere."""

from pathlib import Path

import pytest

from benchmarks.aims import AIMS, aims, publish_aims
from benchmarks.asker import ask
from benchmarks.boot import boot
from benchmarks.counted import AIOHTTP_CASES, CASES, HELLO_FIVE, POLICIES, Case
from benchmarks.instructions import Counts, compare
from benchmarks.router import router


_EVERY = [
    *(pytest.param(case, id=f"rxkernel: {case.title}") for case in CASES),
    *(pytest.param(case, id=f"aiohttp: {case.title}") for case in AIOHTTP_CASES),
]


@pytest.mark.parametrize("case", _EVERY)
async def test_a_case_can_be_repeated(case: Case) -> None:
    async with case.prepare() as do:
        await do(1)
        await do(2)


def test_a_case_that_takes_over_five_percent_more_has_grown() -> None:
    before = Counts({}, {"slower": 1000, "a little slower": 1000, "faster": 1000})
    now = Counts({}, {"slower": 1051, "a little slower": 1050, "faster": 500, "new": 1})

    table, grown = compare(now, before)

    assert grown == ["slower", "new (not kept yet)"]
    assert [row["now"] for row in table.records()] == [1051, 1050, 500]


def test_the_router_is_measured() -> None:
    table = router(numbers=(10, 20), rounds=1)

    assert [row["paths"] for row in table.records()] == [
        "static",
        "one parameter",
        "three segments",
    ]


def test_the_boot_of_the_sample_application_is_measured() -> None:
    (imported, *_) = boot(starts=1).records()

    assert imported["what"] == "import, s"
