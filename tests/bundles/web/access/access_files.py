"""Access files of texts, and an application with routes for directories."""

from collections.abc import Mapping
from pathlib import Path
from types import ModuleType

from bundles.autoload.loading.source_file import SourceFile
from bundles.web.access.access_file import AccessFile, read_access_file
from bundles.web.access.access_tree import AccessTree

Directory = tuple[str, ...]


def access_file(text: str) -> AccessFile:
    """Execute *text* as an access file."""
    content = text.encode()
    file = SourceFile("app/access.py", Path("app/access.py"), ("app", "access"), (), b"", content)
    module = ModuleType("access")
    exec(compile(content, "app/access.py", "exec"), module.__dict__)
    return read_access_file(file, module)


def problems_of(text: str) -> list[tuple[int | None, str]]:
    """The lines and texts of the problems of an access file."""
    return [(problem.line, problem.text) for problem in access_file(text).problems]


def tree_of(files: Mapping[str, str], roles: tuple[str, ...] = ()) -> AccessTree:
    """The access of a tree, by the paths of its directories; ``""`` is the root."""
    read = {tuple(path.split("/") if path else []): access_file(t) for path, t in files.items()}
    return AccessTree.of(read, roles)
