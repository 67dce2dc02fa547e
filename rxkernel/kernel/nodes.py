"""The parts of a type, to walk a value with.

msgspec converts a value in C, and stops at the first misfit. What it does not do is done
here: ``is_clean`` finds what it lets pass, ``build`` makes the value while it collects every
misfit, and ``opened`` takes an instance apart so that it can be made anew.
"""

import math
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any, Protocol
from uuid import UUID

import attrs
import msgspec

from rxkernel.kernel.misfits import (
    UNFIT,
    Misfits,
    below,
    kind_of,
    place_in,
    said_by_msgspec,
)

ATOMS = (str, int, float, bytes, Decimal, date, datetime, time, timedelta, UUID, Enum)
ARRAYS = (list, tuple, set, frozenset)


class Node(Protocol):
    """A type, or a part of one.

    ``looks`` and ``looks_leniently`` say whether `is_clean` can be false of something that
    msgspec converted, from JSON and from text; ``is_flat`` that nothing in a value can hold
    more than is declared; ``by_hand`` that only `build` makes it right.
    """

    @property
    def title(self) -> str: ...
    @property
    def looks(self) -> bool: ...
    @property
    def looks_leniently(self) -> bool: ...
    @property
    def is_flat(self) -> bool: ...
    @property
    def by_hand(self) -> bool: ...

    def is_clean(self, raw: Any, lenient: bool) -> bool:
        """Whether all that *raw* holds, which msgspec converted, is wanted."""

    def build(self, raw: Any, path: str, misfits: Misfits, lenient: bool) -> Any:
        """The value of *raw*; `UNFIT` when there are misfits, which are noted."""

    def opened(self, value: Any) -> Any:
        """*value* with every instance that may hold more than is declared as its plain fields."""


@attrs.define(eq=False)
class Leaf:
    """A value without parts, which msgspec knows all of."""

    type: Any
    title: str
    choices: tuple[Any, ...] = ()
    looks: bool = False  # a decimal: "NaN" is one
    looks_leniently: bool = False
    is_flat: bool = True
    by_hand: bool = False

    def is_clean(self, raw: Any, lenient: bool) -> bool:
        if not (self.looks or (lenient and self.looks_leniently)):
            return True
        try:
            return not isinstance(raw, str | float | Decimal) or math.isfinite(float(raw))
        except (ValueError, OverflowError):  # a text that is something else, or too large
            return not isinstance(raw, Decimal)

    def build(self, raw: Any, path: str, misfits: Misfits, lenient: bool) -> Any:
        try:
            value = msgspec.convert(raw, self.type, strict=not lenient)
        except msgspec.ValidationError as exc:
            message = said_by_msgspec(exc, self.choices, lenient)
            return misfits.add(path + place_in(exc), message)
        if not self.is_clean(raw, lenient):
            return misfits.add(path, "expected a finite number")
        return value

    def opened(self, value: Any) -> Any:
        return value


@attrs.define(eq=False)
class Items:
    """Any number of one kind; ``make`` puts them together."""

    item: Node
    make: Callable[[list[Any]], Any]
    shortest: int = 0
    longest: int | None = None
    title: str = "array"

    @property
    def looks(self) -> bool:
        return self.item.looks

    @property
    def looks_leniently(self) -> bool:
        return self.item.looks_leniently

    @property
    def is_flat(self) -> bool:
        return self.item.is_flat

    @property
    def by_hand(self) -> bool:
        return self.item.by_hand

    def is_clean(self, raw: Any, lenient: bool) -> bool:
        is_clean = self.item.is_clean
        for each in raw:  # noqa: SIM110 - a generator would cost as much as the rest
            if not is_clean(each, lenient):
                return False
        return True

    def build(self, raw: Any, path: str, misfits: Misfits, lenient: bool) -> Any:
        if not isinstance(raw, ARRAYS):
            return misfits.add(path, f"expected array, got {kind_of(raw)}")
        if not self.shortest <= len(raw) <= (len(raw) if self.longest is None else self.longest):
            bounds = f">= {self.shortest}" if len(raw) < self.shortest else f"<= {self.longest}"
            return misfits.add(path, f"expected array of length {bounds}")
        built = []
        for place, each in enumerate(raw):
            built.append(self.item.build(each, f"{path}[{place}]", misfits, lenient))
            if misfits.is_full:
                break
        return UNFIT if any(each is UNFIT for each in built) else self.make(built)

    def opened(self, value: Any) -> Any:
        if isinstance(value, (*ATOMS, Mapping)) or not isinstance(value, Iterable):
            return value
        if self.item.is_flat:
            return value if isinstance(value, ARRAYS) else list(value)
        parts = list(value)
        opened = [self.item.opened(part) for part in parts]
        is_same = isinstance(value, ARRAYS) and all(map(same, opened, parts))
        return value if is_same else opened


@attrs.define(eq=False)
class Row:
    """A fixed number of places, each of its own kind: a tuple, or a named one."""

    items: tuple[Node, ...]
    make: Callable[[list[Any]], Any]
    cls: type
    names: tuple[str, ...] = ()
    shortest: int = 0
    title: str = "array"
    looks: bool = True
    looks_leniently: bool = True
    is_flat: bool = False
    by_hand: bool = False

    def is_clean(self, raw: Any, lenient: bool) -> bool:
        pairs = zip(self.items, raw, strict=False)
        return len(raw) <= len(self.items) and all(n.is_clean(r, lenient) for n, r in pairs)

    def build(self, raw: Any, path: str, misfits: Misfits, lenient: bool) -> Any:
        if not isinstance(raw, list | tuple):
            return misfits.add(path, f"expected array, got {kind_of(raw)}")
        if not self.shortest <= len(raw) <= len(self.items):
            return misfits.add(path, f"expected array of length {len(self.items)}")
        built = [
            node.build(each, f"{path}[{place}]", misfits, lenient)
            for place, (node, each) in enumerate(zip(self.items, raw, strict=False))
        ]
        return UNFIT if any(each is UNFIT for each in built) else self.make(built)

    def opened(self, value: Any) -> Any:
        if isinstance(value, list | tuple):
            parts = list(value)
        elif self.names and not isinstance(value, (*ATOMS, Mapping)):
            parts = [getattr(value, name) for name in self.names if hasattr(value, name)]
        else:
            return value
        opened = [node.opened(part) for node, part in zip(self.items, parts, strict=False)]
        is_same = len(opened) == len(parts) and all(map(same, opened, parts))
        return value if is_same and type(value) is self.cls else opened + parts[len(opened) :]


@attrs.define(eq=False)
class Table:
    """A mapping, whose keys are texts on the wire."""

    key: Node
    value: Node
    shortest: int = 0
    longest: int | None = None
    title: str = "object"

    @property
    def looks(self) -> bool:
        return self.value.looks or self.key.looks

    @property
    def looks_leniently(self) -> bool:
        return self.value.looks_leniently or self.key.looks_leniently

    @property
    def is_flat(self) -> bool:
        return self.value.is_flat

    @property
    def by_hand(self) -> bool:
        is_text = isinstance(self.key, Leaf) and self.key.type in (str, Any)
        return self.value.by_hand or not is_text

    def is_clean(self, raw: Any, lenient: bool) -> bool:
        return all(
            self.key.is_clean(key, True) and self.value.is_clean(each, lenient)
            for key, each in raw.items()
        )

    def build(self, raw: Any, path: str, misfits: Misfits, lenient: bool) -> Any:
        if not isinstance(raw, Mapping):
            return misfits.add(path, f"expected object, got {kind_of(raw)}")
        if not self.shortest <= len(raw) <= (len(raw) if self.longest is None else self.longest):
            bounds = f">= {self.shortest}" if len(raw) < self.shortest else f"<= {self.longest}"
            return misfits.add(path, f"expected object of length {bounds}")
        built, fits = {}, True
        for key, each in raw.items():
            place = below(path, key)
            made = self.value.build(each, place, misfits, lenient)
            name = self.key.build(key, place, misfits, True)
            if made is UNFIT or name is UNFIT:
                fits = False
            else:
                built[name] = made
            if misfits.is_full:
                break
        return built if fits else UNFIT

    def opened(self, value: Any) -> Any:
        if not isinstance(value, Mapping) or self.is_flat:
            return value
        opened = {key: self.value.opened(each) for key, each in value.items()}
        return value if all(opened[key] is value[key] for key in opened) else opened


def same(one: object, other: object) -> bool:
    return one is other
