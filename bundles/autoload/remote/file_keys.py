"""Reads the keys of a file, and collects what is wrong with them."""

from collections.abc import Mapping
from typing import Any

from bundles.contracts.schemas.suggestion import suggestion
from rxkernel import Allowed, ConfigurationError

_SHOWN = 80
_PLAIN = (str, bytes, int, float, list, tuple, set, frozenset, dict)
_MISSING = object()

MAPPING = Allowed(
    "a mapping of names, which are texts",
    (Mapping,),
    lambda table: all(isinstance(name, str) for name in table),
)


class FileKeys:
    """The keys of a file, or of the mapping *prefix* in it.

    Attributes:
        problems: a sentence for each error, with the key; those of all mappings of the file.
    """

    def __init__(
        self,
        values: Mapping[str, Any],
        *,
        prefix: str = "",
        problems: list[str] | None = None,
    ) -> None:
        self._values = values
        self._prefix = prefix
        self._known: list[str] = []
        self.problems: list[str] = [] if problems is None else problems

    def __contains__(self, key: str) -> bool:
        return key in self._values

    def reject(self, key: str, problem: str) -> None:
        """Report *problem* of *key*; it begins with a verb, such as "must be …"."""
        self.problems.append(f"{self._prefix}{key} {problem}")

    def report(self, error: ConfigurationError) -> None:
        """Report the problems of *error*, which name their keys."""
        self.problems += error.problems

    def value(self, key: str) -> Any:
        """Return the unchecked value of *key*; None if it is missing."""
        value = self._take(key)
        return None if value is _MISSING else value

    def take(
        self, key: str, allowed: Allowed, default: Any = None, *, secret: bool = False
    ) -> Any:
        """Return the value of *key*, or *default* if it is missing or invalid."""
        value = self._take(key)
        if value is _MISSING:
            return default
        if allowed.holds(value):
            return value
        is_value = "" if secret else f"is {_cut(value)}; it "
        self.reject(key, f"{is_value}must be {allowed.text}")
        return default

    def require(self, key: str, allowed: Allowed, *, secret: bool = False) -> Any:
        """As `take`; a missing key is an error."""
        if key not in self._values:
            self._known.append(key)
            self.reject(key, f"is missing; it must be {allowed.text}")
            return None
        return self.take(key, allowed, secret=secret)

    def table(self, key: str) -> "FileKeys":
        """The keys of the mapping *key*; one without keys if it is missing or invalid."""
        return self.within(key, self.take(key, MAPPING, {}))

    def within(self, name: str, values: Mapping[str, Any]) -> "FileKeys":
        """The keys of *values*, which are a part of these; *name* is for errors."""
        prefix = f"{self._prefix}{name}."
        return FileKeys(values, prefix=prefix, problems=self.problems)

    def finish(self) -> None:
        """Report keys that were not taken.

        In the file itself, a name that begins with a small letter and has plain data is reported:
        others are imports, functions, classes and constants.
        """
        for name, value in self._values.items():
            if name in self._known or (not self._prefix and not _looks_like_key(name, value)):
                continue
            own = "" if self._prefix else "; begin the name with _ if it is not a key"
            self.reject(name, f"is not a known key{suggestion(name, self._known)}{own}")

    def _take(self, key: str) -> Any:
        self._known.append(key)
        return self._values.get(key, _MISSING)


def _looks_like_key(name: str, value: object) -> bool:
    is_plain = value is None or isinstance(value, _PLAIN)
    return is_plain and not name.startswith("_") and name[:1].islower()


def _cut(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
