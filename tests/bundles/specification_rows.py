"""The rows of specifications that tests prove, by the comments above these tests."""

import re
from pathlib import Path

_ROW = r"(?:check \d+|row \d+|[A-Z]\d+)"
_COMMENT = re.compile(
    rf"^# ({_ROW}(?:, {_ROW})*)(?=\n(?:@|def test_|async def test_))", re.MULTILINE
)


def rows_with_tests(*folders: Path) -> set[str]:
    """Return the rows that the tests below *folders* prove, such as ``check 7`` and ``check 8`` of
    the comment ``# check 7, check 8``."""
    return {
        row
        for folder in folders
        for path in folder.rglob("test_*.py")
        for comment in _COMMENT.findall(path.read_text(encoding="utf-8"))
        for row in comment.split(", ")
    }
