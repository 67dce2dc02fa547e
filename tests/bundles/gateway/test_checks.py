"""The specification of moleculer-io has 40 checks; each is a test whose name has its number."""

from pathlib import Path

from tests.bundles.numbered_checks import numbers_of_checks

CHECKS = set(range(1, 41))


def test_each_check_has_a_test_with_its_number() -> None:
    assert numbers_of_checks(Path(__file__).parent) == CHECKS
