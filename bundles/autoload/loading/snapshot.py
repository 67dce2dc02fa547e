"""The loaded files of an application, which messages read."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

from bundles.autoload.loading.api_units import Units
from bundles.autoload.loading.folder_state import FolderState
from bundles.autoload.loading.module_file import ModuleFile
from bundles.autoload.loading.name_lookup import NameLookup
from bundles.autoload.loading.name_rules import Name
from bundles.autoload.loading.snapshot_readers import SnapshotReaders
from bundles.autoload.loading.tree import Tree
from bundles.autoload.places.schemas import SchemaFiles


class Snapshot:
    """One version of an application. It does not change, apart from attributes of folders.

    Attributes:
        number: 1 at boot; it is incremented at each reload.
        tree: the files from which it was made.
        files: the executed files by key; files come after those that they have read.
        api: the units.
        schemas: the compiled schemas of the folder ``schemas``, to which notations can refer.
        known: the values of files and folders that the views have read.
        resources: the contents of the resources by path.
        modules: the modules by their names in ``sys.modules``.
        uses: the messages that read it.
        registered: the values that files have registered, by key; see `register`.
    """

    def __init__(
        self,
        number: int,
        tree: Tree,
        files: Mapping[str, ModuleFile],
        values: Mapping[str, Any],
        schema_files: SchemaFiles,
        state: FolderState,
        registered: Mapping[str, Iterable[Any]] = MappingProxyType({}),
    ) -> None:
        self.number = number
        self.tree = tree
        self.files: Mapping[str, ModuleFile] = MappingProxyType(dict(files))
        self.schema_files = schema_files
        self.schemas = schema_files.named
        self.readers = SnapshotReaders()
        self.registered = MappingProxyType({key: tuple(all_) for key, all_ in registered.items()})
        self.state = state
        self.resources = tree.contents
        modules = (file.module for file in files.values())
        self.modules = {module.__name__: module for module in modules if module is not None}
        self.api = Units(file for file in files.values() if file.source.place == "api")
        self._lookup = NameLookup(tree, state, values.__getitem__)
        self.known: dict[Name, Any] = {}

    def read(self, name: Name) -> Any:
        """Return the value of *name*, or `FOLDER`.

        Raises:
            AttributeError: the name does not exist.
        """
        value = self._lookup.find(name)
        real = self._lookup.real_name(name)
        if real in self.tree.names or real in self.tree.folders:
            self.known[name] = value
        return value

    def names_in(self, name: Name) -> list[str]:
        return self._lookup.names_in(name)

    def assign(self, name: Name, attribute: str, value: Any) -> None:
        """Set an attribute of a folder, see `FolderState.assign`."""
        self.state.assign(name, attribute, value)

    def __repr__(self) -> str:
        return f"<Snapshot {self.number} of {self.tree.root}: {len(self.files)} files>"
