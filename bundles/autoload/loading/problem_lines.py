"""The lines of problems that are found after a file was executed."""

import re
from collections.abc import Iterable, Iterator

from bundles.autoload.loading.assigned_names import assigned_lines
from bundles.autoload.loading.source_file import SourceFile
from bundles.autoload.loading.tree import Tree

_SUBJECT = re.compile(r"'?(\w+)")


def located(
    problems: Iterable[str], source: SourceFile, tree: Tree, about: str = ""
) -> Iterator[str]:
    """Put the path of *source* before each problem, with a line: that of the variable or of the
    function with which the problem begins, else that of the name *about*."""
    lines = assigned_lines(source) if source.key.endswith(".py") else {}
    for problem in problems:
        subject = _SUBJECT.match(problem)
        line = lines.get(subject[1]) if subject else None
        yield f"{tree.show(source.key, line or lines.get(about))}: {problem}"
