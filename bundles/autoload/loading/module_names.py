"""The entries of an application in ``sys.modules``."""

import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import ModuleType

from bundles.autoload.loading.names import PLACES, Name

_TAKEN: set[str] = set()
"""The prefixes of the applications of this process."""


class ModuleNames:
    """Names modules ``application.lib.example.add``, the first part being the root's name.

    So classes can be pickled, and attrs, dataclasses and type hints find the names of their
    module. A second application with a root of the same name has ``application_2``.
    """

    def __init__(self, root: Path) -> None:
        self.root = real = root.resolve()
        name = real.name if real.name.isidentifier() else "application"
        number, self.prefix = 1, name
        while self.prefix in _TAKEN or _is_other(self.prefix, real):
            number += 1
            self.prefix = f"{name}_{number}"
        _TAKEN.add(self.prefix)
        self._installed: dict[str, ModuleType] = {}
        self._packages: dict[str, ModuleType] = {}

    def name_of(self, name: Name) -> str:
        return ".".join((self.prefix, *name))

    def put(self, module: ModuleType) -> None:
        """Make *module* importable, and the packages above it."""
        for name, package in self._packages_above([module.__name__]).items():
            if name not in self._installed:
                self._set(name, package)
        self._set(module.__name__, module)

    def install(self, modules: Mapping[str, ModuleType]) -> None:
        """Make *modules* importable, the packages above them, and no others of this
        application."""
        wanted = {**self._packages_above(modules), **modules}
        for name in self._installed.keys() - wanted.keys():
            self._remove(name)
        for name, module in wanted.items():
            self._set(name, module)
        self._packages = {name: p for name, p in self._packages.items() if wanted.get(name) is p}

    def clear(self) -> None:
        """Remove all entries, and free the prefix."""
        for name in tuple(self._installed):
            self._remove(name)
        _TAKEN.discard(self.prefix)

    def _packages_above(self, names: Iterable[str]) -> dict[str, ModuleType]:
        """Return the packages of folders. Those of places find nothing, so that only files that
        are loaded can be imported; the one of the root finds its other folders.

        A package that Python has imported from the root itself is left as it is.
        """
        found: dict[str, ModuleType] = {}
        for name in (*names, *(f"{self.prefix}.{place}.*" for place in PLACES)):
            package = name.rpartition(".")[0]
            while package and package not in found:
                if package in self._installed or package not in sys.modules:
                    found[package] = self._package(package)
                package = package.rpartition(".")[0]
        return found

    def _package(self, name: str) -> ModuleType:
        package = self._packages.get(name)
        if package is None:
            package = self._packages[name] = ModuleType(name)
            package.__path__ = [str(self.root)] if name == self.prefix else []
        return package

    def _set(self, name: str, module: ModuleType) -> None:
        self._installed[name] = module
        sys.modules[name] = module

    def _remove(self, name: str) -> None:
        module = self._installed.pop(name)
        if sys.modules.get(name) is module:
            del sys.modules[name]


def _is_other(name: str, root: Path) -> bool:
    """Whether *name* is a module that does not come from *root*."""
    module = sys.modules.get(name)
    return module is not None and str(root) not in map(str, getattr(module, "__path__", ()))
