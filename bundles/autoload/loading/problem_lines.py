"""The lines of errors that are found after a file was executed."""

import re
from collections.abc import Iterable, Iterator

from bundles.autoload.loading.source_file import SourceFile
from bundles.autoload.loading.top_level_names import assigned_lines
from bundles.autoload.loading.tree import Tree

_SUBJECT = re.compile(r"'?(\w+)")


def located(
    problems: Iterable[str], source: SourceFile, tree: Tree, about: str = ""
) -> Iterator[str]:
    """Add the path and the line to each error: the line of the variable or function whose name is
    at the start of the error, otherwise the line of *about*."""
    lines = assigned_lines(source) if source.key.endswith(".py") else {}
    for problem in problems:
        subject = _SUBJECT.match(problem)
        line = lines.get(subject[1]) if subject else None
        yield f"{tree.show(source.key, line or lines.get(about))}: {problem}"
