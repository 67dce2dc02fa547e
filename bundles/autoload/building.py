"""Builds one snapshot: loads the files, and calls the hooks of new ones."""

import asyncio
import logging
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from bundles.autoload.loading.build import Build, Migration
from bundles.autoload.loading.dependencies import stale_keys
from bundles.autoload.loading.folder_state import FolderState
from bundles.autoload.loading.hooks import (
    Hook,
    HookFailedError,
    HookUnit,
    call_hook,
    problems_of_hooks,
    stop_units,
    units_of,
)
from bundles.autoload.loading.load import Load
from bundles.autoload.loading.load_context import LoadContext
from bundles.autoload.loading.load_thread import load_files
from bundles.autoload.loading.module_file import ModuleFile
from bundles.autoload.loading.place_names import (
    CODE_PLACES,
    LAST_PLACES,
    PLACES,
    STARTED_BEFORE_SETUP,
)
from bundles.autoload.loading.scope import Scope
from bundles.autoload.loading.snapshot import Snapshot
from bundles.autoload.loading.syntax import syntax_problems
from bundles.autoload.loading.tree import Tree
from bundles.autoload.places.bus import BusFiles, close_services
from bundles.autoload.places.config import ConfigFiles
from bundles.autoload.places.schemas import SchemaFiles
from rxkernel import ConfigurationError

logger = logging.getLogger(__name__)

_SLOW = 1.0
"""Seconds after which a start hook that is still running is logged."""


class Building:
    """One load of *tree*.

    Args:
        previous: the snapshot that messages currently read.
        changed: the keys of the changed files.
    """

    def __init__(
        self,
        context: LoadContext,
        tree: Tree,
        previous: Snapshot | None,
        changed: frozenset[str],
    ) -> None:
        self._context = context
        self._tree = tree
        self._previous = previous
        self._changed = changed
        self._old = {} if previous is None else previous.files
        stale = _stale(self._old, previous, tree, changed)
        self._schemas = _schemas_of(previous, stale)
        values = {
            "schemas": self._schemas.value_of,
            "config": ConfigFiles(self._schemas).value_of,
            "bus": BusFiles(context.bus, self._schemas).value_of,
            **context.values,
        }
        self._last_places = (*LAST_PLACES, *(p for p in context.values if p not in PLACES))
        kept = {key: file for key, file in self._old.items() if key not in stale}
        state = FolderState(tree, None if previous is None else previous.state)
        modules = {} if previous is None else previous.modules
        self._load = Load(tree, context.sys_modules, values, kept, modules, state)
        self._started: list[HookUnit] = []
        self._migrations: dict[str, Migration] = {}

    async def run(self) -> Build:
        """Load everything.

        Raises:
            ConfigurationError: with every problem; the hooks that have started are stopped.
        """
        scope = Scope(self._context.runtime, self._load)
        with scope:
            try:
                await self._load_all()
            except BaseException:
                timeout = self._context.settings.stop_timeout
                await stop_units(reversed(self._started), self._tree, timeout)
                await self._context.tasks.log_running(self._executed(), self._tree)
                await close_services(self._load.files, self._previous)
                scope.close()
                raise
        snapshot = self._snapshot()
        scope.source = snapshot
        return Build(
            snapshot,
            self._previous,
            self._changed,
            tuple(self._started),
            tuple(self._migrations.values()),
            tuple(self._replaced()),
            tuple(self._retired(snapshot)),
            scope,
        )

    async def _load_all(self) -> None:
        await self._load_places("schemas")
        if not self._load.problems:
            self._schemas.compile(self._load)
        await self._load_places("config", *CODE_PLACES)
        self._load.problems += problems_of_hooks(self._load.files.values(), self._tree)
        if self._load.problems:
            self._load.problems += syntax_problems(self._tree, *self._last_places)
        self._raise()
        await self._start()
        await self._load_places(*self._last_places)
        if self._load.problems:
            self._load.problems += self._context.problems_of(self._snapshot())
        self._raise()

    async def _load_places(self, *places: str) -> None:
        try:
            keys = self._load.keys_of(*places)
            await load_files(self._load, keys, self._context.settings.load_timeout)
        except ConfigurationError as exc:
            raise ConfigurationError(*self._load.problems, *exc.problems) from None

    def _raise(self) -> None:
        if self._load.problems:
            raise ConfigurationError(*dict.fromkeys(self._load.problems))

    async def _start(self) -> None:
        """Start new files. At boot, the scripts of ``setup`` run in between; files that need them
        are not started if they have not run. A file with ``migrate`` that replaces another one is
        not started, but takes over its state. This is done last, since it changes values that
        messages use."""
        old = {unit.key: unit for unit in units_of(self._old)}
        units = units_of(self._load.files)
        migrating = {unit.key for unit in units if unit.migrate is not None}
        self._load.state.replace(self._load.executed - migrating)
        early = [u for u in units if u.file.source.place in STARTED_BEFORE_SETUP]
        await self._start_units(early, old)
        if self._previous is not None or await self._context.setup.run(self._load):
            await self._start_units(units[len(early) :], old)

    async def _start_units(self, units: Iterable[HookUnit], old: Mapping[str, HookUnit]) -> None:
        for unit in units:
            if unit.key in self._load.executed:
                try:
                    await self._start_unit(unit, old.get(unit.key))
                except HookFailedError as exc:
                    raise ConfigurationError(str(exc)) from exc.__cause__

    async def _start_unit(self, unit: HookUnit, old: HookUnit | None) -> None:
        before = self._old.get(unit.key)
        if before is not None and before.module is not None and unit.migrate is not None:
            self._migrations[unit.key] = Migration(unit.migrate, before.module)
            if unit.start is None or (old is not None and old.start is not None):
                return
        if unit.start is not None:
            await self._call_start(unit, unit.start)
        if not (unit.is_of_folder and self._has_folder(unit)):
            self._started.append(unit)

    async def _call_start(self, unit: HookUnit, start: Hook) -> None:
        timeout = self._context.settings.start_timeout
        waiting = asyncio.get_running_loop().call_later(
            _SLOW,
            logger.info,
            "%s: start() has not ended after %g s; the limit is %g s (autoload.start_timeout)",
            self._tree.show(unit.key),
            _SLOW,
            timeout,
        )
        self._load.starting = unit.key
        try:
            await call_hook(start, self._tree, timeout)
        finally:
            self._load.starting = None
            waiting.cancel()
            self._context.tasks.note(unit.file)

    def _executed(self) -> Iterable[ModuleFile]:
        return [file for key, file in self._load.files.items() if key in self._load.executed]

    def _has_folder(self, unit: HookUnit) -> bool:
        """Whether the previous snapshot has the folder of *unit*."""
        return self._previous is not None and unit.folder in self._previous.tree.folders

    def _replaced(self) -> Iterable[ModuleFile]:
        """Yield the previous files that were replaced, so that their variables have new values."""
        for key in sorted(self._load.executed & self._old.keys() - self._migrations.keys()):
            yield self._old[key]

    def _snapshot(self) -> Snapshot:
        number = 1 if self._previous is None else self._previous.number + 1
        load = self._load
        return Snapshot(
            number,
            self._tree,
            load.files,
            load.values,
            self._schemas,
            load.state,
            dict(self._registered()),
        )

    def _registered(self) -> Iterator[tuple[str, Iterable[Any]]]:
        """Yield the values that files have registered. For a file that was not executed, or that
        takes over its state and is not started again, they are those of before."""
        load = self._load
        before = {} if self._previous is None else self._previous.registered
        for key in load.files:
            if key in load.registered:
                yield key, load.registered[key]
            elif key in before and (key not in load.executed or key in self._migrations):
                yield key, before[key]

    def _retired(self, snapshot: Snapshot) -> Iterable[HookUnit]:
        """Yield the hooks of the previous snapshot that have no successor in *snapshot*."""
        for unit in units_of(self._old):
            is_gone = unit.key not in snapshot.files
            is_replaced = unit.key in self._load.executed and unit.key not in self._migrations
            if unit.is_of_folder:
                if unit.folder not in snapshot.tree.folders:
                    yield unit
            elif is_gone or is_replaced:
                yield unit


def _stale(
    old: Mapping[str, ModuleFile], previous: Snapshot | None, tree: Tree, changed: frozenset[str]
) -> set[str]:
    return set() if previous is None else stale_keys(old, changed, tree, previous.tree)


def _schemas_of(previous: Snapshot | None, stale: set[str]) -> SchemaFiles:
    """Return the schemas of *previous*, if none has changed."""
    if previous is None or any(key.startswith("schemas/") for key in stale):
        return SchemaFiles()
    return previous.schema_files
