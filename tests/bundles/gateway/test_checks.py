"""The specification of moleculer-io has 40 checks; each is a test whose name has its number.

Check 38, two workers under round robin, needs other nodes.
"""

import ast
import re
from pathlib import Path

CHECKS = set(range(1, 41)) - {38}
_NUMBERS = re.compile(r"test_check_(\d\d(?:_and_\d\d)*)_")


def test_each_check_has_a_test_with_its_number() -> None:
    found = {
        int(number)
        for path in Path(__file__).parent.glob("test_*.py")
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        if (named := _NUMBERS.match(node.name))
        for number in named[1].split("_and_")
    }
    assert found == CHECKS
