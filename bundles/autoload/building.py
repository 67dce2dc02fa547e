"""Makes one snapshot: loads the files, and calls the hooks of those that are new."""

import logging
from collections.abc import Iterable, Mapping

from bundles.autoload.loading.build import Build
from bundles.autoload.loading.context import LoadContext
from bundles.autoload.loading.dependencies import stale_keys
from bundles.autoload.loading.folder_state import FolderState
from bundles.autoload.loading.hooks import (
    HookFailedError,
    HookUnit,
    call_hook,
    problems_of_hooks,
    stop_units,
    units_of,
)
from bundles.autoload.loading.load import Load
from bundles.autoload.loading.load_thread import load_places
from bundles.autoload.loading.lost_state import has_state
from bundles.autoload.loading.module_file import ModuleFile
from bundles.autoload.loading.names import CODE_PLACES, LAST_PLACES
from bundles.autoload.loading.scope import Scope
from bundles.autoload.loading.snapshot import Snapshot
from bundles.autoload.loading.syntax import syntax_problems
from bundles.autoload.loading.tree import Tree
from bundles.autoload.places.bus import BusFiles, close_services
from bundles.autoload.places.config import ConfigFiles
from bundles.autoload.places.schemas import SchemaFiles
from rxkernel import ConfigurationError

logger = logging.getLogger(__name__)


class Building:
    """One load of *tree*.

    Args:
        previous: the snapshot that messages read now.
        changed: the keys of the files that differ.
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
        kept = {key: file for key, file in self._old.items() if key not in stale}
        state = FolderState() if previous is None else previous.state.copy(tree)
        self._load = Load(tree, context.names, values, kept, state)
        self._started: list[HookUnit] = []
        self._migrated: set[str] = set()

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
            self._load.problems += syntax_problems(self._tree, *LAST_PLACES)
        self._raise()
        await self._start()
        await self._load_places(*LAST_PLACES)
        self._raise()

    async def _load_places(self, *places: str) -> None:
        try:
            await load_places(self._load, places, self._context.settings.load_timeout)
        except ConfigurationError as exc:
            raise ConfigurationError(*self._load.problems, *exc.problems) from None

    def _raise(self) -> None:
        if self._load.problems:
            raise ConfigurationError(*dict.fromkeys(self._load.problems))

    async def _start(self) -> None:
        """Start what is new. A file that replaces another one takes over its state instead, if it
        has ``migrate``."""
        executed = self._load.executed
        for unit in units_of(self._load.files):
            if unit.key in executed:
                try:
                    await self._start_unit(unit)
                except HookFailedError as exc:
                    raise ConfigurationError(str(exc)) from exc.__cause__
        for key in sorted(executed & self._old.keys() - self._migrated):
            self._log_lost_state(self._old[key])

    async def _start_unit(self, unit: HookUnit) -> None:
        timeout = self._context.settings.start_timeout
        before = self._old.get(unit.key)
        if before is not None and unit.migrate is not None:
            await call_hook(unit.migrate, self._tree, timeout, before.module)
            self._migrated.add(unit.key)
            return
        if unit.start is not None:
            await call_hook(unit.start, self._tree, timeout)
        self._started.append(unit)

    def _log_lost_state(self, old: ModuleFile) -> None:
        lost = self._context.lost
        if old.key not in lost and old.source.place in CODE_PLACES and has_state(old):
            lost.add(old.key)
            logger.info(
                "%s is loaded again: the values of its variables are lost; write def migrate(old) "
                "to take them over",
                self._tree.show(old.key),
            )

    def _snapshot(self) -> Snapshot:
        number = 1 if self._previous is None else self._previous.number + 1
        load = self._load
        return Snapshot(number, self._tree, load.files, load.values, self._schemas, load.state)

    def _retired(self, snapshot: Snapshot) -> Iterable[HookUnit]:
        """Yield the hooks of the previous snapshot that have no successor in *snapshot*."""
        for unit in units_of(self._old):
            is_replaced = unit.key in self._load.executed and unit.key not in self._migrated
            if is_replaced or unit.key not in snapshot.files:
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
