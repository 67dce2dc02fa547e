"""The place ``app``: the tree of handler directories."""

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType, ModuleType
from typing import Any, TypeVar

from bundles.autoload import Place, Snapshot, register
from bundles.autoload.loading.load import Load
from bundles.autoload.loading.source_file import SourceFile
from bundles.security import AddressLimit
from bundles.web.access.access_options import access_options, options_below
from bundles.web.access.access_tree import AccessTree
from bundles.web.access.unreachable import log_unreachable
from bundles.web.backend.backend import Backend
from bundles.web.backend.backend_handler import BackendHandler
from bundles.web.channels.worker_warning import log_channels_of_workers
from bundles.web.directories.directory_routes import DirectoryRoutes
from bundles.web.directories.directory_tree import PLACE, DirectoryTree
from bundles.web.directories.environment import Environment
from bundles.web.directories.handler_chain import Chain
from bundles.web.directories.handler_file_names import ACCESS
from bundles.web.directories.handler_files import is_read, value_of
from bundles.web.directories.program_handler import NO_META, ProgramHandler, program_handler
from bundles.web.directories.tree_builder import TreeBuilder
from bundles.web.extensions.extensions import Extensions
from bundles.web.files.web_files import FILE_PARAMETER, FileRoutes, file_routes
from bundles.web.routes.rules import Rules
from rxkernel import ConfigurationError, RouteMetadata, RxKernelError

T = TypeVar("T")

PROGRAM_VERBS = ("get", "post", "put", "patch", "delete")


def _registering(verb: str) -> Callable[..., None]:
    """Return the function ``application.get`` … for files: a handler that a file registers belongs
    to it, and is replaced when the file is reloaded."""

    def add(path: str, function: Any, meta: Mapping[str, Any] = NO_META) -> None:
        register(program_handler(verb, path, function, meta), caller=f"application.{verb}()")

    add.__name__ = add.__qualname__ = verb
    return add


class Directories(Place):
    """Loads the tree, and creates its routes.

    Args:
        extensions: the extensions that directories may have.
        programs: the handlers that were registered on the bundle.
        rules: the rules that are applied before handlers and files are looked up.
        roles: the existing roles; empty: they are not checked.
        hosts, failures: see `DirectoryAccess`.
        has_users: returns whether the application has users who can log in.
        has_workers: whether there are other processes.
        has_own_channels: whether each process has its own channels.
    """

    name = PLACE
    secret_files = frozenset({f"{ACCESS}.py"})
    application_names = MappingProxyType(
        {**{verb: _registering(verb) for verb in PROGRAM_VERBS}, "backend": Backend()}
    )

    def __init__(
        self,
        environment: Environment,
        extensions: Extensions,
        programs: Iterable[ProgramHandler],
        rules: Rules,
        roles: Iterable[str] = (),
        hosts: Iterable[str] = (),
        failures: AddressLimit | None = None,
        *,
        has_users: Callable[[], bool],
        has_workers: bool,
        has_own_channels: bool,
    ) -> None:
        self._has_users = has_users
        self._warns_of_channels = has_workers and has_own_channels
        self._failures = failures
        self.environment = environment
        self._extensions = extensions
        self._programs = tuple(programs)
        self._rules = rules
        self._roles = frozenset(roles)
        self._hosts = tuple(hosts)
        self._file_routes: tuple[AccessTree | None, FileRoutes] = (None, ())
        self._current: DirectoryRoutes | None = None

    @property
    def tree(self) -> DirectoryTree:
        """The current tree.

        Raises:
            RxKernelError: the application is not booted.
        """
        if self._current is None:
            raise RxKernelError("the application is not booted, so its tree is not loaded")
        return self._current.tree

    def error_chain_of(self, path: str) -> Chain | None:
        """Return the chain for an error of the URL *path*, without the prefix and the query, which
        has no route of its own; None if no directory above it has a handler ``error``."""
        tree = self.tree
        assert self._current is not None
        return self._current.errors.get(tree.nearest(path).path)

    def reads(self, key: str) -> bool:
        return is_read(key)

    def value_of(self, file: SourceFile, module: ModuleType | None, load: Load) -> Any:
        return value_of(file, module, load.tree.show(file.key))

    def routes_of(
        self, snapshot: Snapshot, before: Iterable[RouteMetadata]
    ) -> Iterable[RouteMetadata]:
        builder = TreeBuilder(snapshot, self._extensions, self._roles, self._hosts, self._failures)
        known = before if isinstance(before, DirectoryRoutes) else None
        programs = [*self._programs, *_registered_in(snapshot, ProgramHandler)]
        tree = self._build(snapshot, builder, programs, known)
        files = self._routes_of_files(tree)
        before_rules = None if known is None else known.rules
        rules = self._rules.read(snapshot, before_rules, files[0].options)
        events = tuple(each.route for each in _registered_in(snapshot, BackendHandler))
        return DirectoryRoutes.build(tree, snapshot, known, self.environment, files, rules, events)

    def _build(
        self,
        snapshot: Snapshot,
        builder: TreeBuilder,
        programs: Iterable[ProgramHandler],
        known: DirectoryRoutes | None,
    ) -> DirectoryTree:
        """Build the tree.

        Raises:
            ConfigurationError: every problem, including those of the rules.
        """
        try:
            return builder.build(programs, None if known is None else known.tree)
        except ConfigurationError as error:
            try:
                self._rules.read(snapshot, None, {})
            except ConfigurationError as other:
                raise ConfigurationError.merge([error, other]) from None
            raise

    def _routes_of_files(self, tree: DirectoryTree) -> FileRoutes:
        """Return the routes of the static files: the same as before, if their access is the
        same."""
        access, routes = self._file_routes
        if access is None or access.directories != tree.access.directories:
            below = options_below(tree.root, tree, FILE_PARAMETER)
            routes = file_routes(self.environment.files, below, access_options(tree.root))
            self._file_routes = (tree.access, routes)
        return routes

    def swapped(self, routes: Iterable[RouteMetadata]) -> None:
        if isinstance(routes, DirectoryRoutes):
            if not self._has_users():
                log_unreachable(routes, self._current)
            if self._warns_of_channels:
                before = None if self._current is None else self._current.tree
                log_channels_of_workers(routes.tree, before)
            self._current = routes
            self._rules.swapped(routes.rules)
            self.environment.files.rules.load(_digests_of(routes.snapshot))
            for chain in routes.chains:
                chain.served.snapshot = routes.snapshot
            self.environment.pages.clear()


def _digests_of(snapshot: Snapshot) -> Mapping[str, bytes]:
    """Return the digests of the access files, by folder, relative to the place."""
    digests: dict[str, bytes] = {}
    for key, file in snapshot.files.items():
        place, _, path = key.partition("/")
        folder, _, name = path.rpartition("/")
        if place == PLACE and name == f"{ACCESS}.py":
            digests[folder] = file.source.digest
    return digests


def _registered_in(snapshot: Snapshot, cls: type[T]) -> Iterable[T]:
    for values in snapshot.registered.values():
        yield from (value for value in values if isinstance(value, cls))
