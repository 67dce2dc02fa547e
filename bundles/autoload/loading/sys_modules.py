"""The entries of an application in ``sys.modules``."""

import re
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import ModuleType

from bundles.autoload.loading.current_module import CurrentModule, set_default
from bundles.autoload.loading.name_rules import Name
from bundles.autoload.loading.place_names import PLACES, RANKS

_ENCODED = re.compile(r"\W|_(?=[0-9a-f]+_)")
"""The characters that are encoded in names of files that are not Python names. The second
alternative keeps the results of different names different."""

_TAKEN: set[str] = set()
"""The prefixes that are used by applications of this process."""


class SysModules:
    """Makes names of modules such as ``application.lib.example.add``. The first part is the name
    of the root.

    So classes can be pickled, and attrs, dataclasses and type hints find the names of their module
    in the current snapshot, see `CurrentModule`. A second application with a root of the same name
    has the prefix ``application_2``.
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
        """Return the module name of the file *name*. In a place of another bundle,
        ``app/a.json/get.py`` is ``application.app.a_2e_json.get``."""
        if name[0] not in RANKS:
            name = (*name[:-1], name[-1].removesuffix(".py"))
            name = tuple(_ENCODED.sub(lambda found: f"_{ord(found[0]):x}_", n) for n in name)
        return ".".join((self.prefix, *name))

    def put(self, module: ModuleType) -> None:
        """Make *module*, which is being executed, and the packages above it importable.

        If a module of this name is installed, only the load finds the new one, in its scope.
        """
        for name, package in self._packages_above([module.__name__]).items():
            if name not in self._installed:
                self._set(name, package)
        if not isinstance(self._installed.get(module.__name__), CurrentModule):
            self._set_current(module)

    def install(self, modules: Mapping[str, ModuleType]) -> None:
        """Make *modules* and the packages above them importable, and no other modules of this
        application."""
        packages = self._packages_above(modules)
        for name in self._installed.keys() - packages.keys() - modules.keys():
            self._remove(name)
        for name in packages.keys() - modules.keys():
            self._set(name, packages[name])
        for module in modules.values():
            self._set_current(module)
        self._packages = {
            name: package
            for name, package in self._packages.items()
            if self._installed.get(name) is package
        }

    def clear(self) -> None:
        """Remove all entries, and free the prefix."""
        for name in tuple(self._installed):
            self._remove(name)
        _TAKEN.discard(self.prefix)

    def _packages_above(self, names: Iterable[str]) -> dict[str, ModuleType]:
        """Return the packages of folders. The packages of places do not search files, so that only
        loaded files can be imported; the package of the root finds its other folders.

        A package that Python has imported from the root itself is not changed.
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

    def _set_current(self, module: ModuleType) -> None:
        name = module.__name__
        entry = self._installed.get(name)
        if isinstance(entry, CurrentModule):
            set_default(entry, module)
        else:
            entry = CurrentModule(module)
        self._set(name, entry)

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
