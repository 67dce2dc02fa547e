"""The specification of moleculer-io has 40 checks; each is a test whose name has its number.

Check 38, two workers under round robin, needs other nodes.
"""

from pathlib import Path

from tests.bundles.numbered_checks import numbers_of_checks

CHECKS = set(range(1, 41)) - {38}


def test_each_check_has_a_test_with_its_number() -> None:
    assert numbers_of_checks(Path(__file__).parent) == CHECKS
