"""The files of an application at one moment."""

from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from types import MappingProxyType

import attrs

from bundles.autoload.loading.name_rules import Name
from bundles.autoload.loading.source_file import SourceFile


@attrs.frozen
class TreeRules:
    """The rules for reading files.

    Attributes:
        mode: the mode of the configuration, see `Tree`.
        file_limit: the maximum of bytes of a file that is executed.
        resources_limit: the maximum of bytes of all resources together.
        places: the places of other bundles by name, with `Place.reads`.
        secret_files: names of files in all places, see `Place.secret_files`.
    """

    mode: str | None
    file_limit: int
    resources_limit: int
    places: Mapping[str, Callable[[str], bool]] = MappingProxyType({})
    secret_files: frozenset[str] = frozenset()


@attrs.frozen(eq=False)
class Tree:
    """The files of one moment.

    Attributes:
        files: the files with names, by key, sorted; with a mode, ``config/database.<mode>.py``
            instead of ``config/database.py``.
        resources: the files of ``resources``, by their path below it.
        names: the key of each name that is a file.
        folders: the names of all namespaces, with the key of their ``__init__.py``.
        problems: errors that must be fixed before files are executed.
        warnings: files and folders that are not loaded, although their names suggest it.
    """

    root: Path
    files: Mapping[str, SourceFile]
    resources: Mapping[str, SourceFile]
    names: Mapping[Name, str]
    folders: Mapping[Name, str | None]
    problems: tuple[str, ...]
    warnings: tuple[str, ...]

    @cached_property
    def contents(self) -> Mapping[str, bytes]:
        """The content of each resource by its path."""
        return MappingProxyType({path: file.content for path, file in self.resources.items()})

    def has(self, key: str) -> bool:
        """Whether there is a file *key*, also one of ``resources``."""
        place, _, path = key.partition("/")
        return key in self.files or (place == "resources" and path in self.resources)

    def show(self, key: str, line: int | None = None) -> str:
        """Return the path of a file for errors, with its *line*."""
        return f"{self.root / key}" + ("" if line is None else f":{line}")
