"""Reads the keys of a file, and collects errors."""

from collections.abc import Collection, Mapping
from typing import Any

import attrs

from bundles.contracts.schemas.suggestion import suggestion
from rxkernel import Allowed, ConfigurationError

_MISSING = object()

MAPPING = Allowed(
    "a mapping of names, which are texts",
    (Mapping,),
    lambda table: all(isinstance(name, str) for name in table),
)


class FileKeys:
    """The keys of a file, or of the mapping *prefix* in it.

    Errors quote numbers, but not texts, which may be secret.

    Args:
        own: the names that must be keys; None: all. Other names are imports and functions.

    Attributes:
        problems: the errors with their keys, of all mappings of the file.
    """

    def __init__(
        self,
        values: Mapping[str, Any],
        *,
        own: Collection[str] | None = None,
        prefix: str = "",
        problems: list[str] | None = None,
    ) -> None:
        self._values = values
        self._own = values if own is None else own
        self._prefix = prefix
        self._known: list[str] = []
        self.problems: list[str] = [] if problems is None else problems

    def __contains__(self, key: str) -> bool:
        return key in self._values

    def reject(self, key: str, problem: str) -> None:
        """Report *problem* of *key*; it begins with a verb, such as "must be …"."""
        self.problems.append(f"{self._prefix}{key} {problem}")

    def report(self, error: ConfigurationError) -> None:
        """Report the errors in *error*, which already name their keys."""
        self.problems += error.problems

    def value(self, key: str) -> Any:
        """Return the unchecked value of *key*; None if it is missing."""
        value = self._take(key)
        return None if value is _MISSING else value

    def take(self, key: str, allowed: Allowed, default: Any = None) -> Any:
        """Return the value of *key*, or *default* if it is missing or invalid."""
        value = self._take(key)
        if value is _MISSING:
            return default
        if allowed.holds(value):
            return value
        is_shown = value is None or isinstance(value, int | float)
        shown = f"is {value}; it " if is_shown else ""
        self.reject(key, f"{shown}must be {allowed.text}")
        return default

    def require(self, key: str, allowed: Allowed) -> Any:
        """Do the same as `take`, but a missing key is an error."""
        if key not in self._values:
            self._known.append(key)
            self.reject(key, f"is missing; it must be {allowed.text}")
            return None
        return self.take(key, allowed)

    def table(self, key: str, example: str) -> "FileKeys":
        """Return the keys of the mapping *key*; without keys if it is missing or invalid."""
        allowed = attrs.evolve(MAPPING, text=f"a mapping such as {example}")
        return self.within(key, self.take(key, allowed, {}))

    def within(self, name: str, values: Mapping[str, Any]) -> "FileKeys":
        """Return the keys of *values*, a part of these; *name* is for errors."""
        prefix = f"{self._prefix}{name}."
        return FileKeys(values, prefix=prefix, problems=self.problems)

    def finish(self) -> None:
        """Report keys that were not taken."""
        for name in self._values:
            if name in self._own and name not in self._known:
                own = "" if self._prefix else "; begin the name with _ if it is not a key"
                self.reject(name, f"is not a known key{suggestion(name, self._known)}{own}")

    def _take(self, key: str) -> Any:
        self._known.append(key)
        return self._values.get(key, _MISSING)
