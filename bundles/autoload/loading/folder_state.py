"""The attributes that code sets on namespaces, such as ``db.geo.pool = pool``."""

from collections.abc import Iterable
from typing import Any

from bundles.autoload.loading.name_rules import Name, dotted
from bundles.autoload.loading.place_names import CODE_PLACES
from bundles.autoload.loading.tree import Tree

_MISSING = object()


class FolderState:
    """The attributes of the folders of one snapshot.

    While it is being loaded, the next snapshot has its own attributes, and reads all others from
    *previous*. From `commit` on, both share the others: if a running message sets one, the new
    snapshot has it too. *previous* keeps the replaced values, for its stop hooks.
    """

    def __init__(self, tree: Tree, previous: "FolderState | None" = None) -> None:
        self._tree = tree
        self._previous = previous
        self._next: FolderState | None = None
        self._values: dict[Name, Any] = {}
        self._owners: dict[Name, str] = {}
        self._replaced: frozenset[str] = frozenset()

    def replace(self, keys: Iterable[str]) -> None:
        """Drop the attributes that the previous versions of the files *keys* have set, since their
        stop hooks close them."""
        self._replaced = frozenset(keys)

    def commit(self) -> None:
        """Make messages read these attributes instead of those of the previous snapshot."""
        previous, self._previous = self._previous, None
        if previous is None:
            return
        taken = {
            name: value
            for name, value in previous._values.items()
            if name not in self._values and self._takes(name, previous)
        }
        kept = (previous._values.keys() | self._values.keys()) - taken.keys()
        owners = {name: key for name, key in previous._owners.items() if name in taken}
        self._values = {**taken, **self._values}
        self._owners = {**owners, **self._owners}
        previous._values = {name: previous._values.get(name, _MISSING) for name in kept}
        previous._next = self

    def has(self, name: Name) -> bool:
        return self.get(name, _MISSING) is not _MISSING

    def get(self, name: Name, default: Any) -> Any:
        value = self._values.get(name, self)
        if value is not self:
            return default if value is _MISSING else value
        if self._next is not None:
            return self._next.get(name, default)
        previous = self._previous
        if previous is not None and self._takes(name, previous):
            return previous.get(name, default)
        return default

    def names_in(self, folder: Name) -> list[str]:
        names = {name for name in self._known() if name[:-1] == folder}
        return [name[-1] for name in names if self.has(name)]

    def assign(self, folder: Name, attribute: str, value: Any, owner: str | None = None) -> None:
        """Set *attribute* of *folder*; it is dropped when the file *owner* is removed or replaced.

        Raises:
            AttributeError: it cannot be set; the message states the rule.
        """
        name = (*folder, attribute)
        if folder[0] not in CODE_PLACES or folder not in self._tree.folders:
            raise AttributeError(
                f"{dotted(name)} cannot be set; only folders of {', '.join(CODE_PLACES)} have "
                f"attributes of their own"
            )
        if attribute.startswith("_") or attribute == "parent":
            raise AttributeError(f"{dotted(name)} cannot be set; choose another name")
        if name in self._tree.names or name in self._tree.folders:
            raise AttributeError(f"{dotted(name)} is a file or a folder; choose another name")
        self._set(name, value, owner)

    def _set(self, name: Name, value: Any, owner: str | None) -> None:
        after = self._next
        if after is not None and name not in self._values and after._has_folder_of(name):
            after._set(name, value, owner)
            return
        self._values[name] = value
        self._owners.pop(name, None)
        if owner is not None:
            self._owners[name] = owner

    def _takes(self, name: Name, previous: "FolderState") -> bool:
        """Whether *name* of *previous* also belongs to the current tree."""
        owner = previous._owners.get(name)
        is_kept = owner is None or (owner in self._tree.files and owner not in self._replaced)
        return is_kept and self._has_folder_of(name)

    def _has_folder_of(self, name: Name) -> bool:
        tree = self._tree
        return name[:-1] in tree.folders and name not in tree.names and name not in tree.folders

    def _known(self) -> set[Name]:
        other = self._next or self._previous
        return {*self._values, *(() if other is None else other._known())}
