"""The methods that clients can call, by name."""

from collections.abc import Iterator, Mapping
from typing import Self

import attrs

from bundles.metacom.names import MethodName
from bundles.metacom.transport import METACOM
from rxkernel import Compiled, ConfigurationError, Definition

OWN_INTROSPECTION = "metacom/introspect"
"""The name of the bundle's procedure that describes all methods."""

_SYSTEM, _INTROSPECT = "system", "introspect"
"""The unit and the method under which clients call it."""


@attrs.frozen(eq=False)
class Methods:
    """The procedures of an application by the names that clients may use for them.

    If all names of a unit have a version, the name without a version means the highest one. A unit
    that has only names without a version is also version 1. ``system/introspect`` is the procedure
    of the bundle, unless the application has a method of this name, which a reload may add or
    remove.

    Attributes:
        by_name: the definitions by ``unit/method``, where the unit may have a version.
        units: the definitions by the name of the unit, with or without its version, and by method.
    """

    by_name: Mapping[str, Definition]
    units: Mapping[str, Mapping[str, Definition]]

    @classmethod
    def of(cls, compiled: Compiled) -> Self:
        """Return the methods of *compiled*.

        Raises:
            ConfigurationError: names every invalid name.
        """
        problems: list[str] = []
        versions: dict[str, dict[int | None, dict[str, Definition]]] = {}
        for definition in compiled.definitions[METACOM]:
            if definition.name == OWN_INTROSPECTION:
                continue
            name = MethodName.read(definition.name)
            if name is None:
                problems.append(
                    f"procedure {definition.name!r} ({definition.metadata.place}) has an invalid "
                    f"name for Metacom; it must be like 'unit/method' or 'unit.2/method'"
                )
            else:
                unit = versions.setdefault(name.unit, {}).setdefault(name.version, {})
                unit[name.method] = definition
        if problems:
            raise ConfigurationError(*problems)
        units = dict(_units(versions))
        own = compiled.definitions[METACOM].get(OWN_INTROSPECTION)
        if own is not None:
            units[_SYSTEM] = {_INTROSPECT: own, **units.get(_SYSTEM, {})}
        by_name = {f"{unit}/{m}": one for unit, all_ in units.items() for m, one in all_.items()}
        return cls(by_name, units)

    def find(self, name: str) -> Definition | None:
        """Return the method *name* of a packet, whose version may be ``*``; None if it is
        unknown."""
        found = self.by_name.get(name)
        if found is None and ".*/" in name:
            unit, _, method = name.partition(".*/")
            found = self.by_name.get(f"{unit}/{method}")
        return found


def _units(
    versions: Mapping[str, Mapping[int | None, Mapping[str, Definition]]],
) -> Iterator[tuple[str, Mapping[str, Definition]]]:
    for unit, found in versions.items():
        numbers = [number for number in found if number is not None]
        yield unit, found[None] if None in found else found[max(numbers)]
        for number in numbers:
            yield f"{unit}.{number}", found[number]
        if not numbers:
            yield f"{unit}.1", found[None]
