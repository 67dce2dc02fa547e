"""The entries of an application in ``sys.modules``."""

import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType

from bundles.autoload.loading.names import Name

_TAKEN: set[str] = set()
"""The prefixes of the applications of this process."""


class ModuleNames:
    """Names modules ``application.lib.example.add``, the first part being the root's name.

    So classes can be pickled, and attrs, dataclasses and type hints find the names of their
    module. A second application with a root of the same name has ``application_2``.
    """

    def __init__(self, root: Path) -> None:
        real = root.resolve()
        name = real.name if real.name.isidentifier() else "application"
        number, self.prefix = 1, name
        while self.prefix in _TAKEN or _is_other(self.prefix, real):
            number += 1
            self.prefix = f"{name}_{number}"
        _TAKEN.add(self.prefix)
        self._installed: dict[str, ModuleType] = {}

    def name_of(self, name: Name) -> str:
        return ".".join((self.prefix, *name))

    def put(self, module: ModuleType) -> None:
        """Make *module* importable, and the packages above it."""
        names = module.__name__.split(".")
        for length in range(1, len(names)):
            package = ".".join(names[:length])
            if package not in sys.modules:
                self._set(_package(package))
        self._set(module)

    def install(self, modules: Mapping[str, ModuleType]) -> None:
        """Make *modules* importable, and no others of this application."""
        for name in self._installed.keys() - modules.keys():
            self._remove(name)
        for module in modules.values():
            self.put(module)

    def clear(self) -> None:
        """Remove all entries, and free the prefix."""
        self.install({})
        _TAKEN.discard(self.prefix)

    def _set(self, module: ModuleType) -> None:
        self._installed[module.__name__] = module
        sys.modules[module.__name__] = module

    def _remove(self, name: str) -> None:
        module = self._installed.pop(name)
        if sys.modules.get(name) is module:
            del sys.modules[name]


def _package(name: str) -> ModuleType:
    """A package that finds nothing: only files that are loaded can be imported."""
    package = ModuleType(name)
    package.__path__ = []
    return package


def _is_other(name: str, root: Path) -> bool:
    """Whether *name* is a module that does not come from *root*."""
    module = sys.modules.get(name)
    return module is not None and str(root) not in map(str, getattr(module, "__path__", ()))
