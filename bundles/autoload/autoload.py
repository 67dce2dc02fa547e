"""One application from a directory: its current snapshot, and the change to the next one."""

import logging
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from inspect import iscoroutinefunction
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Any, Self

from injector import Injector

from bundles.autoload.building import Building
from bundles.autoload.loading.api_units import check_units
from bundles.autoload.loading.build import Build
from bundles.autoload.loading.dependencies import changed_keys
from bundles.autoload.loading.hooks import (
    HookFailedError,
    HookUnit,
    call_migrate,
    stop_units,
    units_of,
)
from bundles.autoload.loading.load import ValueOf
from bundles.autoload.loading.load_context import LoadContext
from bundles.autoload.loading.load_thread import run_in_thread
from bundles.autoload.loading.message_scope import MessageScope
from bundles.autoload.loading.place import Place
from bundles.autoload.loading.scan import scan
from bundles.autoload.loading.scope import (
    MESSAGE_SCOPE,
    Scope,
    add_runtime,
    remove_runtime,
)
from bundles.autoload.loading.snapshot import Snapshot
from bundles.autoload.loading.syntax import syntax_problems
from bundles.autoload.loading.sys_modules import SysModules
from bundles.autoload.loading.tree import Tree, TreeRules
from bundles.autoload.places.bus import bus_environment, close_services
from bundles.autoload.settings import AutoloadSettings
from bundles.autoload.setup.setup_scripts import SetupScripts
from rxkernel import Application, ConfigurationError, Request, RxKernelError

logger = logging.getLogger(__name__)


class Autoload:
    """Loads the directory at boot, and again for each reload.

    A reload awaits `build`, then `migrate`, calls `commit` directly after that, in the step in
    which the routes are swapped, and awaits `retire`. After an error in the routes or in `migrate`
    it awaits `discard` instead. These methods must not be called concurrently.

    Args:
        injector: the services, which hooks and tasks read as ``application.injector``.
        values: functions that convert a file to its value, by place. Without one, the value is the
            function of the file, or its module.
        places: the places of other bundles.

    Attributes:
        problems_of: yields the errors in the endpoints of a snapshot. It is also called for a
            snapshot without the files that could not be loaded, so that all errors are reported
            together.
    """

    def __init__(
        self,
        application: Application,
        injector: Injector,
        root: Path,
        settings: AutoloadSettings,
        values: Mapping[str, ValueOf] = MappingProxyType({}),
        places: Sequence[Place] = (),
    ) -> None:
        self.application = application
        self.injector = injector
        self.root = root
        self._settings = settings
        self.places = tuple(places)
        self._values = {**values, **{place.name: place.value_of for place in self.places}}
        self.problems_of: Callable[[Snapshot], Iterable[str]] = lambda snapshot: ()
        self._warnings: frozenset[str] = frozenset()
        self._current: Snapshot | None = None
        self._context: LoadContext | None = None
        self._never_started: frozenset[str] = frozenset()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        """Close it, if the boot failed after the directory was loaded."""
        await self.close()

    @property
    def application_names(self) -> Mapping[str, Any]:
        """The names that files read from ``application`` besides the attributes of
        `Application`."""
        return {name: value for p in self.places for name, value in p.application_names.items()}

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

    def scope(self, request: Request, snapshot: Snapshot | None = None) -> MessageScope:
        """Return the scope of *request*, in which its views read *snapshot*, by default the
        current one. It is closed when the message has ended.

        Raises:
            RxKernelError: the message has ended, or the application is not booted.
        """
        scope = MessageScope(self)
        request.when_ended(scope.close)
        request.attributes[MESSAGE_SCOPE] = scope
        scope.begin(snapshot or self._current or self.snapshot)
        return scope

    async def boot(self) -> Snapshot:
        """Load everything, and run the start hooks.

        Raises:
            ConfigurationError: lists every error; the hooks that have started are stopped.
        """
        build = await self.build()
        if build is None:
            raise RxKernelError("the application is booted already")
        self.commit(build)
        return build.snapshot

    async def scan(self, changed: Iterable[str] = ()) -> Tree:
        """Return the current files. New warnings about them are logged.

        Args:
            changed: the paths below the root, with slashes, that may have changed. They are read
                even if their size and times have not changed.
        """
        known = None if self._current is None else self._current.tree
        rules, keys = self._rules(), frozenset(changed)
        tree: Tree = await run_in_thread(lambda: scan(self.root, rules, known, keys))
        for warning in tree.warnings:
            if warning not in self._warnings:
                logger.warning("%s", warning)
        self._warnings = frozenset(tree.warnings)
        return tree

    async def build(
        self, changed: Iterable[str] = (), *, tree: Tree | None = None
    ) -> Build | None:
        """Load the next snapshot, while messages read the current one. Return None if no file has
        changed.

        When this returns, the start hooks of new files have run.

        Args:
            changed: the paths that may have changed, see `scan`.
            tree: the result of `scan`, which is called otherwise.

        Raises:
            ConfigurationError: lists every error. The application is unchanged.
        """
        previous = self._current
        known = None if previous is None else previous.tree
        if tree is None:
            tree = await self.scan(changed)
        _check(tree)
        found = frozenset(tree.files) if known is None else changed_keys(known, tree)
        if known is not None and not found:
            return None
        if self._context is None:
            sys_modules = SysModules(self.root)
            bus = bus_environment(self.application, self.injector)
            self._context = LoadContext(
                *(self, self._settings, sys_modules, self._values, bus, self.problems_of),
                SetupScripts(self.root, self._settings, is_check=self.application.is_check),
            )
        try:
            return await Building(self._context, tree, previous, found).run()
        except BaseException:
            self._restore()
            raise

    async def migrate(self, build: Build) -> None:
        """Call ``migrate`` of the files of *build* that replace others.

        Plain functions are called last, without an ``await``, so that no message runs between them
        and the next step of the caller.

        Raises:
            ConfigurationError: one of them has failed. Earlier ones have been called.
        """
        calls = sorted(
            build.migrations, key=lambda call: not iscoroutinefunction(call.hook.function)
        )
        timeout = self._settings.start_timeout
        with build.scope:
            for call in calls:
                try:
                    await call_migrate(call.hook, build.snapshot.tree, timeout, call.old)
                except HookFailedError as exc:
                    raise ConfigurationError(str(exc)) from exc.__cause__

    def commit(self, build: Build) -> None:
        """Make messages read the snapshot of *build*."""
        is_first, self._current = self._current is None, build.snapshot
        build.snapshot.state.commit()
        if self._context is not None:
            self._context.lost.log(build)
        self._restore()
        build.scope.close()
        if is_first:
            if self.application.is_check:  # a check has no reloads that would start them later
                started = {unit.key for unit in build.started}
                self._never_started = frozenset(build.snapshot.files.keys() - started)
            add_runtime(self)

    async def discard(self, build: Build) -> None:
        """Undo *build*, which is not used: stop the hooks that were started for it."""
        await self._stop(build.scope, build.started, build.snapshot.tree)
        await self._log_tasks(build.started, build.snapshot.tree)
        await close_services(build.snapshot.files, self._current)
        self._restore()

    async def retire(self, build: Build) -> None:
        """Stop the hooks of the files that *build* has replaced, in the scope of the previous
        snapshot. Errors are logged."""
        if build.previous is not None:
            scope = Scope(self, build.previous)
            await self._stop(scope, build.retired, build.previous.tree)
            await self._log_tasks(build.retired, build.previous.tree)
            await close_services(build.previous.files, build.snapshot)

    async def close(self) -> None:
        """Run the stop hooks and forget everything; does nothing if nothing is loaded."""
        snapshot = self._current
        if snapshot is not None:
            units = [u for u in units_of(snapshot.files) if u.key not in self._never_started]
            await self._stop(Scope(self, snapshot), units, snapshot.tree)
            await close_services(snapshot.files)
            self._current = None
            remove_runtime(self)
        self._restore()

    def _rules(self) -> TreeRules:
        settings = self._settings
        mode = settings.mode or os.environ.get("MODE") or None
        places = {place.name: place.reads for place in self.places}
        secret = frozenset(name for place in self.places for name in place.secret_files)
        return TreeRules(mode, settings.file_limit, settings.resources_limit, places, secret)

    def _restore(self) -> None:
        """Make the modules of the current snapshot importable, and no others."""
        if self._context is None:
            return
        if self._current is not None:
            self._context.sys_modules.install(self._current.modules)
        else:
            self._context.sys_modules.clear()
            self._context.setup.forget()
            self._context = None

    async def _stop(self, scope: Scope, units: Iterable[HookUnit], tree: Tree) -> None:
        """Call the stop hooks of *units* in *scope*, and close it."""
        with closing(scope), scope:
            await stop_units(reversed([*units]), tree, self._settings.stop_timeout)

    async def _log_tasks(self, units: Iterable[HookUnit], tree: Tree) -> None:
        if self._context is not None:
            await self._context.tasks.log_running([unit.file for unit in units], tree)


def _check(tree: Tree) -> None:
    """Raise a ConfigurationError for the problems of *tree*. It also has the syntax errors, since
    no file is executed."""
    if problems := (*tree.problems, *check_units(tree)):
        raise ConfigurationError(*problems, *syntax_problems(tree))
