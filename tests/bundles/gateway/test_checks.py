"""The specification of moleculer-io has 40 checks. Each has a test with its number."""

from pathlib import Path

from tests.bundles.specification_rows import rows_with_tests

CHECKS = {f"check {number}" for number in range(1, 41)}


def test_each_check_of_the_specification_has_a_test() -> None:
    assert rows_with_tests(Path(__file__).parent) == CHECKS
