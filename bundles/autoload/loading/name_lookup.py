"""Finds names in a tree."""

from collections.abc import Callable, Mapping
from typing import Any

from bundles.autoload.loading.api_units import latest_names
from bundles.autoload.loading.folder_marker import FOLDER
from bundles.autoload.loading.folder_state import FolderState
from bundles.autoload.loading.name_rules import Name, dotted, is_private
from bundles.autoload.loading.tree import Tree
from bundles.contracts.schemas.suggestion import suggestion

_MISSING = object()


class NameLookup:
    """Finds values by name. *value_of* returns the value of a file, by its key."""

    def __init__(self, tree: Tree, state: FolderState, value_of: Callable[[str], Any]) -> None:
        self._tree = tree
        self._state = state
        self._value_of = value_of
        self._latest: Mapping[str, Name] = latest_names(tree)

    def find(self, name: Name) -> Any:
        """Return the value of *name*, or `FOLDER`.

        Raises:
            AttributeError: the name does not exist.
        """
        name = self.real_name(name)
        if (key := self._tree.names.get(name)) is not None:
            return self._value_of(key)
        if name in self._tree.folders:
            return FOLDER
        value = self._state.get(name, _MISSING)
        if value is _MISSING:
            value = self._in_package(name)
        if value is _MISSING:
            raise AttributeError(self._missing(name))
        return value

    def real_name(self, name: Name) -> Name:
        """Return *name*; for a unit without a version, with its highest version."""
        if len(name) > 1 and name[0] == "api" and name[1] in self._latest:
            return (*self._latest[name[1]], *name[2:])
        return name

    def names_in(self, folder: Name) -> list[str]:
        """Return the names of files, folders and attributes in *folder*, sorted."""
        folder = self.real_name(folder)
        depth = len(folder)
        below = (*self._tree.names, *self._tree.folders)
        found = {name[depth] for name in below if name[:depth] == folder and len(name) > depth}
        found.update(self._state.names_in(folder))
        found.update(name for name in self._package(folder) if not is_private(name))
        if folder == ("api",):
            found = {name.partition(".")[0] for name in found}
        return sorted(name for name in found if not is_private(name))

    def _in_package(self, name: Name) -> Any:
        return (
            _MISSING if is_private(name[-1]) else self._package(name[:-1]).get(name[-1], _MISSING)
        )

    def _package(self, folder: Name) -> Mapping[str, Any]:
        """Return the names that ``__init__.py`` of *folder* defines."""
        key = self._tree.folders.get(folder)
        return {} if key is None else vars(self._value_of(key))

    def _missing(self, name: Name) -> str:
        folder = name[:-1]
        text = f"{dotted(folder)} has no {name[-1]!r}"
        if folder not in self._tree.folders and len(folder) == 1:
            return f"{text}: the folder {self._tree.root / folder[0]} has no files"
        names = self.names_in(folder) if folder in self._tree.folders else []
        return f"{text}{suggestion(name[-1], names)}"
