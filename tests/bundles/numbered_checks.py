"""The tests that have the number of a check of a specification in their names."""

import ast
import re
from pathlib import Path

_NUMBERS = re.compile(r"test_check_(\d\d(?:_and_\d\d)*)_")


def numbers_of_checks(folder: Path) -> set[int]:
    """Return the numbers in the names of the tests in *folder*, as 7 and 8 of
    ``test_check_07_and_08_…``."""
    return {
        int(number)
        for path in folder.glob("test_*.py")
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        if (named := _NUMBERS.match(node.name))
        for number in named[1].split("_and_")
    }
