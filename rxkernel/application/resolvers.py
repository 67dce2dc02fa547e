"""The resolvers of all enabled bundles, by marker."""

from collections.abc import Callable
from typing import Any

from rxkernel.application.entry_points import installed
from rxkernel.exceptions import ConfigurationError
from rxkernel.messages.request import Request
from rxkernel.nearest import nearest
from rxkernel.routing.definitions import Definition
from rxkernel.routing.markers import Marker
from rxkernel.routing.resolver import Resolver
from rxkernel.routing.signature import Parameter


class UnbuiltResolver:
    """Replaces a resolver that could not be built, so that boot reports only that error."""

    def bind(
        self, marker: Marker, parameter: Parameter, definition: Definition
    ) -> Callable[[Request], Any]:
        return lambda request: None  # never called: boot fails


class Resolvers:
    """Finds the resolver of a marker."""

    def __init__(self) -> None:
        self._found: dict[type[Marker], tuple[Resolver, str]] = {}
        self._defaults: dict[type[Any], tuple[Marker, str]] = {}

    def add(self, bundle: str, marker: type[Marker], resolver: Resolver) -> None:
        """Register *resolver* of *bundle* for parameters with *marker* or a subclass of it.

        Raises:
            ConfigurationError: another bundle has a resolver for *marker*.
        """
        if marker in self._found:
            other = self._found[marker][1]
            raise ConfigurationError(
                f"bundles {other!r} and {bundle!r} both resolve {marker.__qualname__}; enable one "
                f"of them, or derive another marker for one"
            )
        self._found[marker] = (resolver, bundle)

    def add_default(self, bundle: str, cls: type[Any], marker: Marker) -> None:
        """Register *marker* of *bundle* for parameters without a marker of *cls* or a subclass.

        Raises:
            ConfigurationError: another bundle has a marker for *cls*.
        """
        if cls in self._defaults:
            other = self._defaults[cls][1]
            raise ConfigurationError(
                f"bundles {other!r} and {bundle!r} both have a default marker for "
                f"{cls.__qualname__}; enable one of them"
            )
        self._defaults[cls] = (marker, bundle)

    def default_of(self, cls: type[Any]) -> Marker | None:
        """The marker of parameters of *cls*, or of the nearest class that it derives from; None if
        no bundle has one."""
        if not self._defaults:
            return None
        found = (self._defaults[base] for base in cls.__mro__ if base in self._defaults)
        return next(found, (None, ""))[0]

    def find(self, marker: type[Marker]) -> Resolver:
        """The resolver of *marker*, or of the nearest class that it derives from.

        Raises:
            ConfigurationError: no enabled bundle has one.
        """
        for cls in marker.__mro__:
            if cls in self._found:
                return self._found[cls][0]
        name = marker.__qualname__
        raise ConfigurationError(
            f"no enabled bundle resolves its marker {name}; {self._fix(marker)}"
        )

    def _fix(self, marker: type[Marker]) -> str:
        for bundle, entry in installed().items():
            if f"{marker.__module__}.".startswith(f"{entry.module}."):
                return f"enable its bundle: Application(bundles=[{bundle!r}])"
        name = marker.__qualname__
        known = [cls.__qualname__ for cls in self._found]
        if near := nearest(name, known):
            return f"did you mean {near}?"
        return (
            f"enable the bundle of {marker.__module__}, or write resolvers = {{{name}: …}} in one"
        )
