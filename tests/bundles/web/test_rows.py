"""The rows of the specification that the bundle has to fulfil have tests with their numbers."""

import ast
import re
from pathlib import Path

ROWS = {
    *(f"t{number}" for number in (*range(63, 73), 74, 76, 79, 80)),
    *(f"g{number}" for number in range(1, 7)),
    *("b12", "b17"),
}
"""Rows T of the specification of Impress; G1 to G6 of the hostile inputs; B12 and B17 of the
attacks on other frameworks: redirects, and requests to addresses of clients. T73 and T77 are in
`tests/servers/shared_port` and `tests/cli`."""

_ROW = re.compile(r"[tgb]\d+(?=_)")


def test_every_row_has_a_test() -> None:
    names = [
        node.name
        for path in Path(__file__).parent.rglob("test_*.py")
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    found = {row for name in names for row in _ROW.findall(name.removeprefix("test_"))}

    assert found == ROWS
