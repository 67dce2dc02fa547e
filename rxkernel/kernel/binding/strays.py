"""What an instance of attrs may hold besides its fields: msgspec writes all of it.

That is all of its ``__dict__`` (of a class without slots), and the slots of cached properties.
"""

from typing import Any

import attrs

_OF_PYTHON = ("__weakref__", "__dict__")


class Strays:
    """Finds and removes what instances of *cls* hold besides the fields *names*."""

    def __init__(self, cls: Any, names: frozenset[str]) -> None:
        is_written = attrs.has(cls)
        self._names = names
        self._slots = tuple(_slots(cls) - names) if is_written else ()
        self._has_dict = is_written and getattr(cls, "__dictoffset__", 0) != 0
        self.are_possible = bool(self._slots or self._has_dict)
        self.come_anew = self.are_possible and hasattr(cls, "__attrs_post_init__")

    def are_in(self, value: Any) -> bool:
        if self._has_dict and not vars(value).keys() <= self._names:
            return True
        return any(hasattr(value, slot) for slot in self._slots)

    def remove_from(self, value: Any) -> None:
        """For what ``__attrs_post_init__`` has set."""
        stray = [name for name in vars(value) if name not in self._names] if self._has_dict else []
        for name in (*stray, *(slot for slot in self._slots if hasattr(value, slot))):
            object.__delattr__(value, name)


def _slots(cls: Any) -> set[str]:
    found: set[str] = set()
    for base in cls.__mro__:
        slots = vars(base).get("__slots__", ())
        found.update((slots,) if isinstance(slots, str) else slots)
    return found - set(_OF_PYTHON)
