"""Attributes of attrs instances that are not fields, which msgspec would encode, too.

They are in the ``__dict__`` of a class without slots, and in slots of cached properties.
"""

from typing import Any

import attrs

_PYTHON_SLOTS = ("__weakref__", "__dict__")


class ExtraAttributes:
    """Finds and removes attributes of instances of *cls* that are not among the fields *names*."""

    def __init__(self, cls: Any, names: frozenset[str]) -> None:
        is_attrs = attrs.has(cls)
        self._names = names
        self._slots = tuple(_slots(cls) - names) if is_attrs else ()
        self._has_dict = is_attrs and getattr(cls, "__dictoffset__", 0) != 0
        self.are_possible = bool(self._slots or self._has_dict)
        self.are_set_by_class = self.are_possible and hasattr(cls, "__attrs_post_init__")

    def are_in(self, instance: Any) -> bool:
        if self._has_dict and not vars(instance).keys() <= self._names:
            return True
        return any(hasattr(instance, slot) for slot in self._slots)

    def remove_from(self, instance: Any) -> None:
        held = vars(instance) if self._has_dict else ()
        extra = [name for name in held if name not in self._names]
        for name in (*extra, *(slot for slot in self._slots if hasattr(instance, slot))):
            object.__delattr__(instance, name)


def _slots(cls: Any) -> set[str]:
    found: set[str] = set()
    for base in cls.__mro__:
        slots = vars(base).get("__slots__", ())
        found.update((slots,) if isinstance(slots, str) else slots)
    return found - set(_PYTHON_SLOTS)
