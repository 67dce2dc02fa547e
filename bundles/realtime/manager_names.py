"""The managers of an application by name."""

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any

from rxkernel import ConfigurationError

RESERVED = ("send", "log", "verbose")
"""The names of the members of an `AppHandle`."""


class ManagerNames:
    """Finds the class of a manager by its name.

    Raises:
        ConfigurationError: a name is reserved, or cannot be an attribute.
    """

    def __init__(self, classes: Mapping[str, type[Any]]) -> None:
        problems = [*_problems(classes)]
        if problems:
            raise ConfigurationError(*problems)
        self._classes = dict(classes)

    def find(self, name: str) -> type[Any]:
        """Return the class of the manager *name*.

        Raises:
            AttributeError: the manager *name* does not exist.
        """
        found = self._classes.get(name)
        if found is None:
            close = get_close_matches(name, self._classes, 1)
            known = ", ".join(self._classes) or "none"
            hint = f"did you mean {close[0]!r}?" if close else f"the managers are: {known}"
            raise AttributeError(f"unknown manager {name!r}; {hint}")
        return found


def _problems(classes: Mapping[str, type[Any]]) -> Iterator[str]:
    for name, cls in classes.items():
        if (problem := name_problem(name)) is not None:
            yield f"the manager {cls.__qualname__} has the invalid name {name!r}; {problem}"


def name_problem(name: object) -> str | None:
    """Return the rule that the manager name *name* violates; None if it is valid."""
    if not isinstance(name, str) or len(name) < 2 or not name.isidentifier():
        return "it must be an identifier with two characters or more"
    if name.startswith("_"):
        return "it must not start with an underscore"
    if name in RESERVED:
        return f"{', '.join(RESERVED)} are reserved"
    return None
