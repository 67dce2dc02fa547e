"""The variables whose values a reload loses."""

import logging
from collections.abc import Iterator
from importlib.util import decode_source
from re import Pattern
from symtable import SymbolTable, symtable
from types import ModuleType, UnionType

from bundles.autoload.loading.build import Build
from bundles.autoload.loading.module_file import ModuleFile
from bundles.autoload.loading.place_names import CODE_PLACES
from bundles.autoload.remote import RemoteMethod, Service

logger = logging.getLogger(__name__)

_CONSTANT = (
    *(str, bytes, int, float, complex, tuple, frozenset, type(None)),
    *(type, ModuleType, UnionType, Pattern),
)

_HOOKS = ("start", "stop")


class LostState:
    """Logs that a reload has lost values, once for each file."""

    def __init__(self) -> None:
        self._logged: set[str] = set()

    def log(self, build: Build) -> None:
        """Log the files that *build* has replaced without ``migrate``."""
        for old in build.lost:
            new = build.snapshot.files[old.key]
            if old.key not in self._logged and (names := lost_names(old, new)):
                self._logged.add(old.key)
                logger.info(
                    "%s is loaded again: the values of its variables are lost (%s); write "
                    "def migrate(old) to take them over",
                    build.snapshot.tree.show(old.key),
                    ", ".join(names),
                )


def lost_names(old: ModuleFile, new: ModuleFile) -> list[str]:
    """Return the variables that hold the state of *old* and have another value in *new*, sorted.

    State is in variables that functions assign with ``global``, and in mutable values such as a
    list or an object. Uppercase names are constants. Variables that the hooks assign are excluded,
    since the new hooks assign them again. Files of remote services and their methods have no
    state.
    """
    source, module = old.source, old.module
    is_code = source.place in CODE_PLACES and source.stem not in _HOOKS
    if not is_code or module is None or isinstance(old.value, Service | RemoteMethod):
        return []
    table = symtable(decode_source(source.content), str(source.path), "exec")
    hooks = [inner for inner in table.get_children() if inner.get_name() in _HOOKS]
    again = {name for hook in hooks for name in _assigned_globals(hook)}
    names = {*_assigned_globals(table), *_changing(table, module)} - again
    before, after = vars(module), vars(new.module) if new.module is not None else {}
    return sorted(name for name in names if before.get(name) is not after.get(name))


def _assigned_globals(table: SymbolTable) -> Iterator[str]:
    for symbol in table.get_symbols():
        if symbol.is_declared_global() and symbol.is_assigned():
            yield symbol.get_name()
    for inner in table.get_children():
        yield from _assigned_globals(inner)


def _changing(table: SymbolTable, module: ModuleType) -> Iterator[str]:
    """Yield the variables with mutable values that the file itself assigns."""
    for symbol in table.get_symbols():
        name = symbol.get_name()
        if symbol.is_assigned() and not symbol.is_imported() and not name.isupper():
            value = vars(module).get(name)
            if not isinstance(value, _CONSTANT) and not callable(value) and not _is_view(value):
                yield name


def _is_view(value: object) -> bool:
    """Whether it is a namespace, which has no state."""
    return type(value).__module__ == "bundles.autoload.views"
