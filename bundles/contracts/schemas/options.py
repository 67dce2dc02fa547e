"""The options of a part of Metarhia's notation, such as ``required`` and ``length``."""

import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import attrs

from bundles.contracts.predicates import is_number, takes_one
from bundles.contracts.schemas.nodes import NO_DEFAULT, ColumnRules
from bundles.contracts.schemas.place import Place
from bundles.contracts.schemas.suggestion import suggestion

TEXT = ("length", "pattern")
NUMBER = ("length", "min", "max")
CONTAINER = ("length",)
NAMED = ("delete", "update")
"""Options for rows that refer to a deleted or changed row; see `ColumnRules`."""

_COMMON = ("required", "default", "validate", "note")
_DATABASE = ("index", "primary", "unique")

_ACTIONS = ("NO ACTION", "RESTRICT", "CASCADE", "SET NULL", "SET DEFAULT")

_LONGEST = 2**63 - 1
"""The largest length that msgspec supports."""


@attrs.frozen
class Options:
    """The options in *given*; `read` adds every error to *problems*."""

    problems: list[str]
    place: Place
    given: Mapping[str, Any] = attrs.field(factory=dict)
    is_optional: bool = False

    def optional_if(self, is_optional: bool) -> "Options":
        return attrs.evolve(self, is_optional=True) if is_optional else self

    def read(self, allowed: Iterable[str]) -> dict[str, Any]:
        """Return the attributes of a node; *allowed* are the options of its type."""
        self._check_names((*_COMMON, *_DATABASE, *allowed))
        is_optional = self.is_optional or self._flag("required", True) is False
        check = self.given.get("validate")
        checks = () if check is None else (check,)
        self.check_functions(checks)
        found: dict[str, Any] = {
            "is_optional": is_optional,
            "is_nullable": is_optional,
            "default": self.given.get("default", NO_DEFAULT),
            "checks": checks,
            "note": str(self.given.get("note", "")),
            "place": str(self.place),
            "column": self._column(),
        }
        if "length" in allowed:
            found |= self._length(is_number="min" in allowed)
        if "min" in allowed:
            found |= self._range()
        if "pattern" in allowed:
            found["pattern"] = self._pattern()
        return found

    def _column(self) -> ColumnRules:
        return ColumnRules(
            index=bool(self.given.get("index", False)),
            unique=bool(self.given.get("unique", False)),
            on_delete=self._action("delete"),
            on_update=self._action("update"),
        )

    def _action(self, name: str) -> str:
        """Return the action of SQL for the option *name* of `NAMED`, in capitals; empty without
        it."""
        written = self.given.get(name)
        if written is None:
            return ""
        action = " ".join(written.split()).upper() if isinstance(written, str) else ""
        if action not in _ACTIONS:
            self._report(f"{name} is {written!r}; write one of {', '.join(_ACTIONS).lower()}")
        return action

    def check_functions(self, functions: Iterable[Callable[..., Any]]) -> None:
        for function in functions:
            if not callable(function) or inspect.iscoroutinefunction(function):
                self._report(f"validate is {function!r}; it must be a function that is not async")
            elif not takes_one(function):
                self._report(f"validate is {function!r}; it must take one parameter, the value")

    def _report(self, problem: str) -> None:
        self.problems.append(f"{self.place}: {problem}")

    def _check_names(self, allowed: tuple[str, ...]) -> None:
        for name in self.given:
            if name not in allowed:
                self._report(
                    f"unknown option {name!r}{suggestion(name, allowed)}; a struct whose first "
                    f"field has the name of a type or of an option begins with its kind: "
                    f"{{'Struct': {{}}, …}}"
                )

    def _flag(self, name: str, default: bool) -> bool:
        value = self.given.get(name, default)
        if not isinstance(value, bool):
            self._report(f"{name} is {value!r}; write True or False")
        return bool(value)

    def _length(self, *, is_number: bool) -> dict[str, Any]:
        written = self.given.get("length")
        if written is None:
            return {}
        low, high = _bounds_of(written)
        valid = is_number or all(
            bound is None or (isinstance(bound, int) and 0 <= bound <= _LONGEST)
            for bound in (low, high)
        )
        if not (valid and self._is_range(low, high) and (low, high) != (None, None)):
            self._report(
                f"length is {written!r}; write the maximum, [minimum, maximum] or "
                f"{{'min': …, 'max': …}}, with minimum <= maximum"
            )
            return {}
        return {"shortest": low if is_number else low or 0, "longest": high}

    def _range(self) -> dict[str, Any]:
        low, high = self.given.get("min"), self.given.get("max")
        if not self._is_range(low, high):
            self._report(f"min is {low!r} and max is {high!r}; write numbers with min <= max")
            return {}
        return {"minimum": low, "maximum": high}

    def _is_range(self, low: Any, high: Any) -> bool:
        if not all(each is None or is_number(each) for each in (low, high)):
            return False
        return low is None or high is None or low <= high

    def _pattern(self) -> str | None:
        pattern = self.given.get("pattern")
        if pattern is None:
            return None
        try:
            if not isinstance(pattern, str):
                raise TypeError(f"it is a {type(pattern).__name__}, not a text")
            re.compile(pattern)
        except (re.error, TypeError) as exc:
            self._report(f"pattern is {pattern!r}; write a regular expression of Python: {exc}")
            return None
        return pattern


def _bounds_of(written: Any) -> tuple[Any, Any]:
    if isinstance(written, Mapping) and written.keys() <= {"min", "max"}:
        return written.get("min"), written.get("max")
    if isinstance(written, list | tuple) and len(written) == 2:
        return written[0], written[1]
    return None, None if isinstance(written, Mapping | list | tuple) else written
