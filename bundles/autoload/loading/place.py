"""A folder of the root that another bundle loads together with the application."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from types import MappingProxyType, ModuleType
from typing import Any, ClassVar

from bundles.autoload.loading.load import Load
from bundles.autoload.loading.snapshot import Snapshot
from bundles.autoload.loading.source_file import SourceFile
from rxkernel import RouteMetadata


class Place(ABC):
    """A folder whose files become routes, after the files of all other places have been loaded and
    their start hooks have run. A bundle adds one: ``binder.multibind(list[Place], to=…)``.

    Its files are loaded, watched and swapped like those of ``api``: an error in one of them is
    reported with all others, and the previous version stays in use. Python files are executed; of
    other files, only the content is read. Folders and files may have any name, but ``__pycache__``
    and names that begin with a dot are ignored.

    The object that handles its messages derives from `SnapshotUse`, or enters `Autoload.scope`, so
    that a message reads one snapshot.

    Attributes:
        name: the name of the folder.
        secret_files: names of files whose values may be secret: their errors do not quote them.
        application_names: names that files can read from ``application`` of `bundles.autoload`,
            besides the attributes of the `Application`.
    """

    name: ClassVar[str]
    secret_files: frozenset[str] = frozenset()
    application_names: Mapping[str, Any] = MappingProxyType({})

    @abstractmethod
    def reads(self, key: str) -> bool:
        """Whether the file *key* is loaded: its path below the root, ``app/a/get.py``."""

    @abstractmethod
    def value_of(self, file: SourceFile, module: ModuleType | None, load: Load) -> Any:
        """Return the value of a file, `ModuleFile.value`; *module* is None if it is not Python.

        Raises:
            ConfigurationError: lists every error, without the path.
        """

    @abstractmethod
    def routes_of(
        self, snapshot: Snapshot, before: Iterable[RouteMetadata]
    ) -> Iterable[RouteMetadata]:
        """Return the routes of *snapshot*. *before* is the result for the current snapshot, at
        first ``()``. Unchanged routes must be the same metadata objects as in *before*.

        It may be called for a snapshot that is never served.

        Raises:
            ConfigurationError: lists every error, with paths.
        """

    @abstractmethod
    def swapped(self, routes: Iterable[RouteMetadata]) -> None:
        """Called when *routes*, a result of `routes_of`, are served, in the step in which messages
        begin to read their snapshot. Must not raise."""
