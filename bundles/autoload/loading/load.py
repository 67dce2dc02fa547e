"""Executes the files of a tree, each one after the files that it reads."""

import logging
import sys
import threading
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from types import MappingProxyType, ModuleType
from typing import Any, Protocol

import attrs

from bundles.autoload.loading.file_errors import FileError, describe, line_in, line_of
from bundles.autoload.loading.folder_marker import FOLDER
from bundles.autoload.loading.folder_state import FolderState
from bundles.autoload.loading.imports import check_imports
from bundles.autoload.loading.missing_imports import check_namespaces
from bundles.autoload.loading.module_file import (
    ModuleFile,
    compile_source,
    new_module,
    value_of,
)
from bundles.autoload.loading.name_lookup import NameLookup
from bundles.autoload.loading.name_rules import INIT, Name, dotted
from bundles.autoload.loading.place_names import CODE_PLACES, RANKS, SETUP
from bundles.autoload.loading.problem_lines import located
from bundles.autoload.loading.source_file import SourceFile
from bundles.autoload.loading.sys_modules import SysModules
from bundles.autoload.loading.tree import Tree
from bundles.autoload.views import View
from rxkernel import ConfigurationError, RxKernelError

logger = logging.getLogger(__name__)


class ValueOf(Protocol):
    """Converts a file of a place to its value; *load* can execute another file first.

    The value of an ``__init__.py`` must be its module, whose names the folder has.
    """

    def __call__(self, file: SourceFile, module: ModuleType | None, load: "Load", /) -> Any: ...


class _FailedError(BaseException):
    """A file that is read has failed, and its error is already reported. It is a `BaseException`,
    so that an ``except Exception`` in the file that reads it does not catch it."""


@attrs.define(eq=False)
class _Execution:
    """A file that is being executed."""

    source: SourceFile
    reads: set[str] = attrs.field(factory=set)
    watches: set[Name] = attrs.field(factory=set)


class Load:
    """The files of the next snapshot, while they are being loaded.

    Attributes:
        files: the loaded files, including unchanged ones of the previous snapshot, in the order of
            their dependencies.
        executed: the keys of the files that this load has executed.
        problems: the errors.
        modules: the modules by their names in ``sys.modules``, as code sees them in the load: the
            previous ones, until new ones are executed.
        starting: the key of the file whose start hook is running.
        registered: the values that files have registered, by key; see `register`.
        begun: the begin of the execution of the current file, by `time.monotonic`.
    """

    known: Mapping[Name, Any] = MappingProxyType({})
    """Always empty, so that `read` is called, which notes the names that a file reads."""

    def __init__(
        self,
        tree: Tree,
        sys_modules: SysModules,
        values: Mapping[str, ValueOf],
        kept: Mapping[str, ModuleFile],
        modules: Mapping[str, ModuleType],
        state: FolderState,
    ) -> None:
        self.tree = tree
        self.files: dict[str, ModuleFile] = {}
        self.executed: set[str] = set()
        self.problems: list[str] = []
        self.begun = time.monotonic()
        self.starting: str | None = None
        self.state = state
        self.modules = dict(modules)
        self.values: dict[str, Any] = {}
        self.registered: dict[str, list[Any]] = {}
        self._kept = kept
        self._sys_modules = sys_modules
        self._value_makers = values
        self._failed: set[str] = set()
        self._stack: list[_Execution] = []
        self._thread: int | None = None
        self._is_abandoned = False
        self._lookup = NameLookup(tree, state, self._value)

    @property
    def resources(self) -> Mapping[str, bytes]:
        """The contents of the resources. A file that reads one depends on all of them."""
        self.watch(("resources",))
        return self.tree.contents

    def keys_of(self, *places: str) -> list[str]:
        """Return the keys of the files of *places*, in this order."""
        files = self.tree.files.values()
        return [file.key for place in places for file in files if file.place == place]

    def load_files(self, keys: Iterable[str]) -> None:
        """Execute the files *keys*. Called in a separate thread.

        Errors are collected. Files that read a file with an error are omitted.
        """
        self._thread = threading.get_ident()
        try:
            for key in keys:
                self._try(key)
        finally:
            self._thread = None

    def abandon(self) -> None:
        """Stop before the next file."""
        self._is_abandoned = True

    def place(self) -> str:
        """Return the path and the line of the file that is being executed."""
        thread, stack = self._thread, tuple(self._stack)
        if not stack:
            return str(self.tree.root)
        source = stack[-1].source
        frame = None if thread is None else sys._current_frames().get(thread)
        return self.tree.show(source.key, line_in(frame, source))

    def watch(self, name: Name) -> None:
        """Make the file that is being executed depend on all files of *name*, also on new ones."""
        if (execution := self._execution) is not None:
            execution.watches.add(name)

    def read(self, name: Name) -> Any:
        """Return the value of *name*, or `FOLDER`; its file is executed first.

        Raises:
            AttributeError: the name does not exist.
            ConfigurationError: the reading file cannot read this name while it is executed.
        """
        if (execution := self._execution) is not None:
            _check_reader(execution.source, name)
            if name[0] == "schemas" and execution.source.place != "schemas":
                self.watch(("schemas",))
        real = self._lookup.real_name(name)
        if real not in self.tree.names and real not in self.tree.folders:
            self._watch_attribute(real)
        return self._lookup.find(name)

    def _watch_attribute(self, name: Name) -> None:
        """Depend on the file that sets the attribute *name* of a folder, or on a new file with
        this name."""
        if self.state.has(name):
            self.watch(name[:-1])
        else:
            self.watch(name)
            self.watch((*name[:-1], INIT))

    def names_in(self, name: Name) -> list[str]:
        self.watch(name)
        return self._lookup.names_in(name)

    def assign(self, name: Name, attribute: str, value: Any) -> None:
        """Set an attribute of a folder, see `FolderState.assign`. Its owner is the file that is
        being executed or started.

        Raises:
            AttributeError: it cannot be set.
        """
        owner = self._owner
        if owner is not None and _runs_once(owner):
            raise AttributeError(
                f"{self.tree.show(owner)} runs once, so {dotted((*name, attribute))} would be "
                f"missing after the next start; set it in a start hook"
            )
        self.state.assign(name, attribute, value, owner)

    def register(self, value: Any) -> None:
        """Register *value* for the file that is being executed or started. It is in
        `Snapshot.registered` until the file is removed, or executed again.

        Raises:
            RxKernelError: no file is being executed or started.
        """
        owner = self._owner
        if owner is None:
            raise RxKernelError("no file is being executed or started by the calling code")
        if _runs_once(owner):
            raise RxKernelError(
                f"{self.tree.show(owner)} runs once, so it cannot register what each start needs; "
                f"do this in a file of init"
            )
        self.registered.setdefault(owner, []).append(value)

    def load(self, key: str) -> ModuleFile:
        """Return the executed file; the file that is being executed depends on it."""
        if (execution := self._execution) is not None:
            execution.reads.add(key)
        file = self.files.get(key)
        if file is not None:
            return file
        if self._thread != threading.get_ident():
            raise RxKernelError(
                f"{self.tree.show(key)} is not loaded yet; the files of api are loaded after the "
                f"start hooks, and only the thread that loads can read others before"
            )
        if self._is_abandoned or key in self._failed:
            raise _FailedError
        if any(execution.source.key == key for execution in self._stack):
            self._report_loop(key)
            raise _FailedError
        kept = self._kept.get(key)
        file = self._take_over(kept) if kept is not None else self._execute(self.tree.files[key])
        self.files[key] = file
        self.values[key] = file.value
        return file

    @property
    def _owner(self) -> str | None:
        """The key of the file that is being executed or started."""
        execution = self._execution
        return self.starting if execution is None else execution.source.key

    @property
    def _execution(self) -> _Execution | None:
        """The file that is being executed by the calling thread."""
        if self._stack and self._thread == threading.get_ident():
            return self._stack[-1]
        return None

    def _value(self, key: str) -> Any:
        self.load(key)
        return self.values[key]

    def _try(self, key: str) -> None:
        with suppress(_FailedError):
            self.load(key)

    def _take_over(self, file: ModuleFile) -> ModuleFile:
        """Reuse *file* of the previous snapshot, after the files that it has read."""
        for key in sorted(file.reads):
            self.load(key)
        return file

    def _execute(self, source: SourceFile) -> ModuleFile:
        execution = _Execution(source)
        self._stack.append(execution)
        self.begun = time.monotonic()
        try:
            file = self._run(execution)
        except _FailedError:
            self._failed.add(source.key)
            raise
        except BaseException as exc:  # noqa: BLE001 - files may raise anything
            self._failed.add(source.key)
            self._report(source, exc)
            raise _FailedError from None
        finally:
            self._stack.pop()
            self.begun = time.monotonic()
        self.executed.add(source.key)
        return file

    def _run(self, execution: _Execution) -> ModuleFile:
        source = execution.source
        module = None
        if source.key.endswith(".py"):
            code = compile_source(source)
            check_imports(source, self._sys_modules.root.name)
            module = new_module(source, self._sys_modules.name_of(source.name))
            self.modules[module.__name__] = module
            self._sys_modules.put(module)
            exec(code, vars(module))
            check_namespaces(code, module)
            if source.stem != INIT and source.place in CODE_PLACES:
                vars(module).setdefault("parent", View(source.name[:-1]))
            self._load_required(source, module.__dict__.get("requires", ()))
        value = self._make_value(source, module)
        return ModuleFile(
            source, module, value, frozenset(execution.reads), frozenset(execution.watches)
        )

    def _make_value(self, source: SourceFile, module: ModuleType | None) -> Any:
        make = self._value_makers.get(source.place)
        if make is not None:
            return make(source, module, self)
        return None if module is None else value_of(source, module)

    def _load_required(self, source: SourceFile, required: Any) -> None:
        """Load the files that the variable ``requires`` names."""
        try:
            for name in _names_in(required):
                if self.read(name) is FOLDER:
                    self.watch(name)
                    for other, key in self.tree.names.items():
                        if other[: len(name)] == name:
                            self.load(key)
        except (AttributeError, ConfigurationError) as exc:
            line = 1 + source.content.count(b"\n", 0, max(source.content.find(b"requires"), 0))
            raise FileError(str(exc), line) from None

    def _report(self, source: SourceFile, exc: BaseException) -> None:
        line = line_of(exc, source)
        place = self.tree.show(source.key, line)
        logger.debug("%s could not be executed", place, exc_info=exc)
        if isinstance(exc, ConfigurationError) and line is None:
            self.problems += located(exc.problems, source, self.tree)
        elif isinstance(exc, ConfigurationError):
            self.problems += (f"{place}: {problem}" for problem in exc.problems)
        else:
            self.problems.append(f"{place}: {describe(exc, source)}")

    def _report_loop(self, key: str) -> None:
        keys = [execution.source.key for execution in self._stack]
        loop = [execution.source for execution in self._stack[keys.index(key) :]]
        frame = sys._getframe()
        steps = [self.tree.show(source.key, line_in(frame, source)) for source in loop]
        self.problems.append(
            f"{steps[0]}: import loop: {' → '.join((*steps, self.tree.show(key)))}; read one of "
            f"them in a function, not while the file is executed"
        )


def _names_in(required: Any) -> list[Name]:
    """Return the names in the variable ``requires``.

    Raises:
        ConfigurationError: it is not a tuple of names.
    """
    if not isinstance(required, tuple | list) or not all(isinstance(n, str) for n in required):
        raise ConfigurationError("requires must be a tuple of names, such as ('db.geo',)")
    names = [tuple(text.split(".")) for text in required]
    for name in names:
        if name[0] not in RANKS or name[0] == SETUP:
            places = ", ".join(place for place in RANKS if place != SETUP)
            raise ConfigurationError(
                f"requires has {dotted(name)!r}; a name begins with one of {places}"
            )
    return names


def _runs_once(key: str) -> bool:
    """Whether the file *key* is a set-up script."""
    return key.partition("/")[0] == SETUP


def _check_reader(reader: SourceFile, name: Name) -> None:
    if RANKS[name[0]] > RANKS.get(reader.place, len(RANKS)):  # places of other bundles are last
        raise ConfigurationError(
            f"reads {dotted(name)} while it is executed, which is loaded later: {name[0]} comes "
            f"after {reader.place}; read it in a function"
        )
