"""Access files of texts, and an application with routes for directories."""

from collections.abc import Mapping
from pathlib import Path
from types import ModuleType

import pytest

from bundles.autoload.loading.source_file import SourceFile
from bundles.web.access.access_file import AccessFile, read_access_file
from bundles.web.access.access_tree import AccessTree
from rxkernel import ConfigurationError

Directory = tuple[str, ...]


def access_file(text: str) -> AccessFile:
    """Execute *text* as an access file."""
    content = text.encode()
    file = SourceFile("app/access.py", Path("app/access.py"), ("app", "access"), (), b"", content)
    module = ModuleType("access")
    exec(compile(content, "app/access.py", "exec"), module.__dict__)
    return read_access_file(file, module)


def problems_of(text: str) -> list[str]:
    """The problems of an access file."""
    with pytest.raises(ConfigurationError) as caught:
        access_file(text)
    return [*caught.value.problems]


def tree_of(files: Mapping[str, str], roles: tuple[str, ...] = ()) -> AccessTree:
    """The access of a tree, by the paths of its directories; ``""`` is the root."""
    read = {tuple(path.split("/") if path else []): access_file(t) for path, t in files.items()}
    return AccessTree.of(read, roles)
