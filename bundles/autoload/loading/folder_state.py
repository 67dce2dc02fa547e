"""The attributes that code sets on namespaces, as ``db.geo.pool = pool``."""

from collections.abc import Mapping
from typing import Any, Self

from bundles.autoload.loading.names import CODE_PLACES, Name, dotted
from bundles.autoload.loading.tree import Tree


class FolderState:
    """The attributes of the folders of one snapshot. The next one begins with a copy."""

    def __init__(self, values: Mapping[Name, Any] | None = None) -> None:
        self._values = dict(values or {})

    def copy(self, tree: Tree) -> Self:
        """Return those of the folders that *tree* has, except names that are files now."""
        return type(self)(
            {
                name: value
                for name, value in self._values.items()
                if name[:-1] in tree.folders and name not in tree.names
            }
        )

    def has(self, name: Name) -> bool:
        return name in self._values

    def get(self, name: Name, default: Any) -> Any:
        return self._values.get(name, default)

    def names_in(self, folder: Name) -> list[str]:
        return [name[-1] for name in self._values if name[:-1] == folder]

    def assign(self, tree: Tree, folder: Name, attribute: str, value: Any) -> None:
        """Set *attribute* of *folder*.

        Raises:
            AttributeError: it cannot be set; the message has the rule.
        """
        name = (*folder, attribute)
        if folder[0] not in CODE_PLACES or folder not in tree.folders:
            raise AttributeError(
                f"{dotted(name)} cannot be set; only folders of {', '.join(CODE_PLACES)} have "
                f"attributes of their own"
            )
        if attribute.startswith("_") or attribute == "parent":
            raise AttributeError(f"{dotted(name)} cannot be set; choose another name")
        if name in tree.names or name in tree.folders:
            raise AttributeError(f"{dotted(name)} is a file or a folder; choose another name")
        self._values[name] = value
