"""One application from a directory: its current snapshot, and how the next one is made."""

import logging
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from bundles.autoload.loading.build import Build
from bundles.autoload.loading.dependencies import changed_keys, stale_keys
from bundles.autoload.loading.folder_state import FolderState
from bundles.autoload.loading.hooks import (
    HookFailedError,
    HookUnit,
    call_hook,
    problems_of_hooks,
    units_of,
)
from bundles.autoload.loading.load import Load, ValueOf
from bundles.autoload.loading.load_thread import load_places
from bundles.autoload.loading.lost_state import has_state
from bundles.autoload.loading.module_file import ModuleFile
from bundles.autoload.loading.module_names import ModuleNames
from bundles.autoload.loading.names import CODE_PLACES, DATA_PLACES
from bundles.autoload.loading.scope import Scope, add_runtime, entered, remove_runtime
from bundles.autoload.loading.snapshot import Snapshot
from bundles.autoload.loading.syntax import syntax_problems
from bundles.autoload.loading.tree import Tree, TreeRules, scan
from bundles.autoload.loading.units import check_units
from bundles.autoload.places.schemas import SchemaFiles
from bundles.autoload.settings import AutoloadSettings
from rxkernel import Application, ConfigurationError, RxKernelError

logger = logging.getLogger(__name__)


class Autoload:
    """Loads the directory at boot, and again for each reload.

    A reload calls, in this order: `build`, then `commit` in the same step in which the routes
    are swapped, then `retire`; or `discard` after an error. They are not called concurrently.

    Args:
        values: how the files of a place become values; else a file is its function or its module.
    """

    def __init__(
        self,
        application: Application,
        root: Path,
        settings: AutoloadSettings,
        values: Mapping[str, ValueOf] = MappingProxyType({}),
    ) -> None:
        self.application = application
        self.root = root
        self._settings = settings
        self._values = values
        self._current: Snapshot | None = None
        self._names: ModuleNames | None = None
        self._lost: set[str] = set()

    @property
    def current(self) -> Snapshot | None:
        """The snapshot that messages read; None before boot and after stop."""
        return self._current

    @property
    def snapshot(self) -> Snapshot:
        """The current snapshot.

        Raises:
            RxKernelError: the application is not booted.
        """
        if self._current is None:
            raise RxKernelError("the application is not booted, so no file is loaded")
        return self._current

    async def boot(self) -> Snapshot:
        """Load everything, and run the start hooks.

        Raises:
            ConfigurationError: with every problem; the hooks that have started are stopped.
        """
        build = await self.build()
        if build is None:
            raise RxKernelError("the application is booted already")
        self.commit(build)
        return build.snapshot

    async def build(self, changed: Iterable[str] = ()) -> Build | None:
        """Load the next snapshot beside the current one, and run its hooks. Return None if no
        file has another content.

        The start hooks of new files have run, and ``migrate`` of files that replace others.

        Args:
            changed: the paths below the root, with slashes, that may have changed. They are read
                even if their size and times are those of before.

        Raises:
            ConfigurationError: with every problem. Everything is as it was before.
        """
        previous = self._current
        tree = scan(
            self.root,
            self._rules(),
            None if previous is None else previous.tree,
            frozenset(changed),
        )
        self._check(tree)
        found = frozenset(tree.files) if previous is None else changed_keys(previous.tree, tree)
        if previous is not None and not found:
            return None
        return await _Building(self, tree, previous, found).run()

    def commit(self, build: Build) -> None:
        """Let messages read the snapshot of *build*."""
        snapshot = build.snapshot
        self._module_names().install(snapshot.modules)
        if self._current is None:
            add_runtime(self)
        self._current = snapshot
        build.scope.close()

    async def discard(self, build: Build) -> None:
        """Undo *build*, which is not used: stop the hooks that were started for it."""
        await self._stop(reversed(build.started), build.snapshot.tree)
        build.scope.close()
        self._restore()

    async def retire(self, build: Build) -> None:
        """Stop the hooks of the files that *build* has replaced; their views read the old
        snapshot. Errors are logged."""
        if build.previous is not None:
            scope = Scope(self, build.previous)
            with scope:
                await self._stop(reversed(build.retired), build.previous.tree)

    async def close(self) -> None:
        """Run the stop hooks and forget everything; does nothing if nothing is loaded."""
        snapshot = self._current
        if snapshot is not None:
            with Scope(self, snapshot):
                await self._stop(reversed(units_of(snapshot.files)), snapshot.tree)
            self._current = None
            remove_runtime(self)
        if self._names is not None:
            self._names.clear()
            self._names = None

    def _rules(self) -> TreeRules:
        settings = self._settings
        mode = settings.mode or os.environ.get("MODE") or None
        return TreeRules(mode, settings.file_limit, settings.resources_limit)

    def _check(self, tree: Tree) -> None:
        """Raises a ConfigurationError with the problems of *tree*, and of its syntax: no file is
        executed then."""
        if problems := (*tree.problems, *check_units(tree)):
            raise ConfigurationError(*problems, *syntax_problems(tree))

    def _module_names(self) -> ModuleNames:
        if self._names is None:
            self._names = ModuleNames(self.root)
        return self._names

    def _restore(self) -> None:
        """Make the modules of the current snapshot importable again."""
        if self._current is not None:
            self._module_names().install(self._current.modules)
        elif self._names is not None:
            self._names.clear()
            self._names = None

    async def _stop(self, units: Iterable[HookUnit], tree: Tree) -> None:
        for unit in units:
            if unit.stop is not None:
                try:
                    await call_hook(unit.stop, tree, self._settings.stop_timeout)
                except HookFailedError as exc:
                    logger.error("%s", exc, exc_info=exc.__cause__)


class _Building:
    """One call of `Autoload.build`."""

    def __init__(
        self, autoload: Autoload, tree: Tree, previous: Snapshot | None, changed: frozenset[str]
    ) -> None:
        self._autoload = autoload
        self._settings = autoload._settings
        self._tree = tree
        self._previous = previous
        self._changed = changed
        old = {} if previous is None else previous.files
        state = FolderState() if previous is None else previous.state.copy(tree)
        trees = (tree,) if previous is None else (tree, previous.tree)
        stale = stale_keys(old, changed, *trees)
        kept = {key: file for key, file in old.items() if key not in stale}
        self._schemas = SchemaFiles()
        values = {"schemas": self._schemas.value_of, **autoload._values}
        self._load = Load(tree, autoload._module_names(), values, kept, state)
        self._started: list[HookUnit] = []
        self._migrated: set[str] = set()

    async def run(self) -> Build:
        scope = Scope(self._autoload, self._load)
        try:
            with entered(scope):
                await self._load_all()
            snapshot = self._snapshot()
        except BaseException:
            with entered(scope):
                await self._autoload._stop(reversed(self._started), self._tree)
            scope.close()
            self._autoload._restore()
            raise
        scope.source = snapshot
        return Build(
            snapshot,
            self._previous,
            self._changed,
            frozenset(self._load.executed),
            tuple(self._started),
            tuple(self._retired(snapshot)),
            scope,
        )

    async def _load_all(self) -> None:
        await self._load_places(("schemas",))
        self._schemas.compile(self._load)
        self._raise()
        await self._load_places((*DATA_PLACES, *CODE_PLACES))
        self._load.problems += problems_of_hooks(self._load.files.values(), self._tree)
        self._raise()
        await self._start()
        await self._load_places(("api",))
        self._raise()

    async def _load_places(self, places: tuple[str, ...]) -> None:
        try:
            await load_places(self._load, places, self._settings.load_timeout)
        except ConfigurationError as exc:
            raise ConfigurationError(*self._load.problems, *exc.problems) from None

    def _raise(self) -> None:
        if self._load.problems:
            raise ConfigurationError(*dict.fromkeys(self._load.problems))

    async def _start(self) -> None:
        """Start what is new; a file that replaces another one takes over its state instead, if it
        has ``migrate``."""
        old = {} if self._previous is None else self._previous.files
        executed = set(self._load.executed)
        timeout = self._settings.start_timeout
        for unit in units_of(self._load.files):
            before = old.get(unit.key)
            if unit.key not in executed:
                continue
            try:
                if before is not None and unit.migrate is not None:
                    await call_hook(unit.migrate, self._tree, timeout, before.module)
                    self._migrated.add(unit.key)
                elif unit.start is not None:
                    await call_hook(unit.start, self._tree, timeout)
                    self._started.append(unit)
                elif before is None:
                    self._started.append(unit)
            except HookFailedError as exc:
                raise ConfigurationError(str(exc)) from exc.__cause__
        for key in sorted(executed & old.keys() - self._migrated):
            self._log_lost_state(key, old[key])

    def _log_lost_state(self, key: str, old: ModuleFile) -> None:
        lost = self._autoload._lost
        if key not in lost and old.source.place in CODE_PLACES and has_state(old):
            lost.add(key)
            logger.info(
                "%s is loaded again: the values of its variables are lost; write def migrate(old) "
                "to take them over",
                self._tree.show(key),
            )

    def _snapshot(self) -> Snapshot:
        number = 1 if self._previous is None else self._previous.number + 1
        load = self._load
        return Snapshot(
            number, self._tree, load.files, load.values, self._schemas.compiled, load.state
        )

    def _retired(self, snapshot: Snapshot) -> Iterable[HookUnit]:
        if self._previous is None:
            return
        executed = set(self._load.executed)
        for unit in units_of(self._previous.files):
            if unit.key not in snapshot.files or (
                unit.key in executed and unit.key not in self._migrated
            ):
                yield unit
