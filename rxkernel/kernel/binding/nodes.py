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
from operator import is_
from types import GenericAlias
from typing import Any, Protocol
from uuid import UUID

import attrs
import msgspec

from rxkernel.kernel.binding.misfits import (
    UNFIT,
    Misfits,
    below,
    kind_of,
    place_in,
    said_by_msgspec,
)

ATOMS = (str, int, float, bytes, Decimal, date, datetime, time, timedelta, UUID, Enum)
ARRAYS = (list, tuple, set, frozenset)

_PIECE = 200


class Node(Protocol):
    """A type, or a part of one.

    ``looks`` and ``looks_leniently`` say whether `is_clean` can be false of something that
    msgspec converted, from JSON and from text; ``is_flat`` that nothing in a value can hold
    more than is declared; ``by_hand`` that only `build` makes it right. ``in_c`` is the type for
    msgspec to make many of at once, or None.
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
    @property
    def in_c(self) -> Any: ...

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
    is_moment: bool = False  # a number as text would be a time of Unix: "2026" is in 1970

    @property
    def in_c(self) -> Any:
        return self.type

    def is_clean(self, raw: Any, lenient: bool) -> bool:
        if self.is_moment:
            return not (lenient and _is_number(raw))
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
            wanted = self.title if self.is_moment else "a finite number"
            return misfits.add(path, f"expected {wanted}")
        return value

    def opened(self, value: Any) -> Any:
        return value


def _is_number(raw: Any) -> bool:
    try:
        float(raw)
    except (TypeError, ValueError, OverflowError):
        return False
    return True


def build_many(
    node: Node,
    raws: list[Any],
    place: Callable[[str, int], str],
    path: str,
    misfits: Misfits,
    lenient: bool,
) -> Any:
    """All of *raws*, or `UNFIT`; ``place(path, n)`` is the path of one.

    What is right is left to msgspec, a piece at a time: the search for one misfit in a large
    body costs little more than the body itself.
    """
    built: list[Any] = []
    before = len(misfits.found)
    for begin in range(0, len(raws), _PIECE):
        piece = raws[begin : begin + _PIECE]
        if (made := _at_once(node, piece, lenient)) is None:
            made = [
                node.build(raw, place(path, n), misfits, lenient)
                for n, raw in enumerate(piece, begin)
            ]
        built += made
        if misfits.is_full:
            return UNFIT
    return built if len(misfits.found) == before else UNFIT


def _at_once(node: Node, raws: list[Any], lenient: bool) -> list[Any] | None:
    if node.in_c is None or len(raws) == 1:
        return None
    try:
        made: list[Any] = msgspec.convert(raws, GenericAlias(list, node.in_c), strict=not lenient)
    except (msgspec.ValidationError, RecursionError):
        return None
    is_right = not (node.looks_leniently if lenient else node.looks)
    return made if is_right or all(node.is_clean(raw, lenient) for raw in raws) else None


def _broken_length(length: int, shortest: int, longest: int | None) -> str:
    """The bound that *length* breaks, or nothing."""
    if length < shortest:
        return f">= {shortest}"
    return f"<= {longest}" if longest is not None and length > longest else ""


@attrs.define(eq=False)
class Items:
    """Any number of one kind; ``make`` puts them together."""

    item: Node
    make: Callable[[list[Any]], Any]
    shortest: int = 0
    longest: int | None = None
    title: str = "array"

    @property
    def in_c(self) -> Any:
        is_any_list = self.make is list and not self.shortest and self.longest is None
        part = self.item.in_c if is_any_list else None
        return None if part is None else GenericAlias(list, part)

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
        if rule := _broken_length(len(raw), self.shortest, self.longest):
            return misfits.add(path, f"expected array of length {rule}")
        made = build_many(self.item, list(raw), "{}[{}]".format, path, misfits, lenient)
        return UNFIT if made is UNFIT else self.make(made)

    def opened(self, value: Any) -> Any:
        if isinstance(value, (*ATOMS, Mapping)) or not isinstance(value, Iterable):
            return value
        if self.item.is_flat:
            return value if isinstance(value, ARRAYS) else list(value)
        parts = list(value)
        opened = [self.item.opened(part) for part in parts]
        is_same = isinstance(value, ARRAYS) and all(map(is_, opened, parts))
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
    in_c: Any = None

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
        is_same = len(opened) == len(parts) and all(map(is_, opened, parts))
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
    def in_c(self) -> Any:
        is_any_dict = self._has_text_keys and not self.shortest and self.longest is None
        part = self.value.in_c if is_any_dict else None
        return None if part is None else GenericAlias(dict, (str, part))

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
        return self.value.by_hand or not self._has_text_keys

    def is_clean(self, raw: Any, lenient: bool) -> bool:
        return all(
            self.key.is_clean(key, True) and self.value.is_clean(each, lenient)
            for key, each in raw.items()
        )

    def build(self, raw: Any, path: str, misfits: Misfits, lenient: bool) -> Any:
        if not isinstance(raw, Mapping):
            return misfits.add(path, f"expected object, got {kind_of(raw)}")
        if rule := _broken_length(len(raw), self.shortest, self.longest):
            return misfits.add(path, f"expected object of length {rule}")
        keys, parts = list(raw), list(raw.values())
        values = build_many(
            self.value, parts, lambda path, n: below(path, keys[n]), path, misfits, lenient
        )
        if not self._has_text_keys:
            keys = [self.key.build(key, below(path, key), misfits, True) for key in keys]
        fits = values is not UNFIT and not any(key is UNFIT for key in keys)
        return dict(zip(keys, values, strict=True)) if fits else UNFIT

    @property
    def _has_text_keys(self) -> bool:
        return isinstance(self.key, Leaf) and self.key.type in (str, Any)

    def opened(self, value: Any) -> Any:
        if not isinstance(value, Mapping) or self.is_flat:
            return value
        opened = {key: self.value.opened(each) for key, each in value.items()}
        return value if all(opened[key] is value[key] for key in opened) else opened
