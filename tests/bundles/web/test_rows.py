"""The rows of the specification that the bundle has to fulfil have tests with their numbers."""

from pathlib import Path

from tests.bundles.specification_rows import rows_with_tests

ROWS = {
    *(f"T{number}" for number in (*range(63, 75), 76, 77, 79, 80)),
    *(f"G{number}" for number in range(1, 7)),
    *("B12", "B17"),
}
"""Rows T of the specification of Impress; G1 to G6 of the hostile inputs; B12 and B17 of the
attacks on other frameworks: redirects, and requests to addresses of clients."""

TESTS = Path(__file__).parents[2]
FOLDERS = [TESTS / "bundles/web", TESTS / "servers/shared_port", TESTS / "cli"]


def test_each_row_of_the_specification_has_a_test() -> None:
    assert rows_with_tests(*FOLDERS) == ROWS
