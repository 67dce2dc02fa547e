"""The parts of a type, to walk a value with.

msgspec converts a value in C, and stops at the first misfit. What it does not do is done
here: ``unclean`` finds what it lets pass, ``build`` makes the value while it collects every
misfit, and ``opened`` takes an instance apart so that it can be made anew.
"""

import math
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from enum import Enum
from operator import is_
from types import GenericAlias
from typing import Any, Protocol
from uuid import UUID

import attrs
import msgspec

from rxkernel.kernel.binding.misfits import DOUBT, UNFIT, Misfits, Mode, at, misfit_of
from rxkernel.messages.conversion_errors import entry_of
from rxkernel.messages.input_errors import (
    NOT_FINITE,
    ErrorEntry,
    below,
    invalid,
    kind_of,
    wrong_format,
    wrong_length,
    wrong_type,
)

ATOMS = (str, int, float, bytes, Decimal, date, datetime, time, timedelta, UUID, Enum)
ARRAYS = (list, tuple, set, frozenset)


_MIN_EXPONENT, _MAX_EXPONENT, _MAX_DIGITS = -6176, 6144, 7000

_SETS = (set, frozenset)


class Node(Protocol):
    """A type, or a part of one.

    ``looks`` and ``looks_leniently`` say whether `unclean` can find something in what
    msgspec converted, from JSON and from text; ``is_flat`` that nothing in a value can hold
    more than is declared; ``by_hand`` that only `build` makes it right. ``in_c`` is the type for
    msgspec to make it of, or None.
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

    def unclean(self, raw: Any, lenient: bool) -> ErrorEntry | None:
        """The first thing in *raw*, which msgspec converted, that is not wanted.

        `DOUBT` when it is well, but only `build` makes it right.
        """

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

    def unclean(self, raw: Any, lenient: bool) -> ErrorEntry | None:
        if self.is_moment:
            return _not_a_moment(raw, self.title) if lenient and _is_number(raw) else None
        if not (self.looks or (lenient and self.looks_leniently)):
            return None
        is_wanted = _is_decimal if self.looks else _is_finite
        return None if is_wanted(raw) else NOT_FINITE

    def build(self, raw: Any, path: str, misfits: Misfits, lenient: bool) -> Any:
        try:
            value = msgspec.convert(raw, self.type, strict=not lenient)
        except msgspec.ValidationError as exc:
            return misfits.add(path, entry_of(exc, self.choices, lenient))
        if (found := self.unclean(raw, lenient)) is not None:
            return misfits.add(path, found)
        return value

    def opened(self, value: Any) -> Any:
        return value


def _not_a_moment(raw: Any, expected: str) -> ErrorEntry:
    if isinstance(raw, str):
        return wrong_format(expected, "RFC 3339")
    return wrong_type(expected, kind_of(raw))


def _is_finite(raw: Any) -> bool:
    try:
        return not isinstance(raw, str | float) or math.isfinite(float(raw))
    except ValueError:  # a text that is something else
        return True


def _is_decimal(raw: Any) -> bool:
    """Whether *raw* is a number that decimal128 has (IEEE 754): with ``1e-999999999`` each sum
    would take all of the memory."""
    if not isinstance(raw, str | float | Decimal):
        return True
    if isinstance(raw, str) and len(raw) > _MAX_DIGITS:
        return False
    try:
        value = Decimal(raw)
    except InvalidOperation:  # a text that is something else
        return True
    exponent = value.as_tuple().exponent
    return isinstance(exponent, int) and exponent >= _MIN_EXPONENT and _is_small(value)


def _is_small(value: Decimal) -> bool:
    return _MIN_EXPONENT <= value.adjusted() <= _MAX_EXPONENT


def _is_number(raw: Any) -> bool:
    try:
        float(raw)
    except (TypeError, ValueError, OverflowError):
        return False
    return True


def made(node: Node, raw: Any, path: str, misfits: Misfits, lenient: bool) -> Any:
    """The value of *raw*, a part of what is made by hand; or `UNFIT`.

    What msgspec can make is left to it: whole, and once. Below of what it was given, nothing is
    given to it again but leaves; else each level of a deep body would cost as much as all of it.
    """
    if misfits.mode is Mode.SEARCH:
        misfits.left -= 1
    if misfits.mode is not Mode.IN_C or node.in_c is None or isinstance(node, Leaf):
        return node.build(raw, path, misfits, lenient)
    try:
        value = msgspec.convert(raw, node.in_c, strict=not lenient)
    except msgspec.ValidationError as exc:
        failure: ErrorEntry | None = misfit_of(exc)
    except TypeError:  # a set of what has no hash
        failure = None
    else:
        looks = node.looks_leniently if lenient else node.looks
        if (failure := node.unclean(raw, lenient) if looks else None) is None:
            return value
    return build_after(failure, node, raw, path, misfits, lenient)


def build_after(
    failure: ErrorEntry | None, node: Node, raw: Any, path: str, misfits: Misfits, lenient: bool
) -> Any:
    """As `Node.build`, of what msgspec could not make, or not as it is wanted.

    With *failure* known there will be no value: more misfits are searched for as long as that
    costs little, and *failure* is told when none are found.
    """
    is_search = failure is not None and failure is not DOUBT
    before, mode = len(misfits.found), misfits.mode
    misfits.mode = Mode.SEARCH if is_search else Mode.BY_HAND
    try:
        value = node.build(raw, path, misfits, lenient)
    finally:
        misfits.mode = mode
    if failure is None or not is_search:
        return value
    if len(misfits.found) == before:
        misfits.add(path, failure)
    return UNFIT


def _unhashable(parts: list[Any]) -> list[int]:
    """The places of what has no hash: lists and objects, where anything may come."""
    places = []
    for place, part in enumerate(parts):
        try:
            hash(part)
        except TypeError:
            places.append(place)
    return places


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

    def unclean(self, raw: Any, lenient: bool) -> ErrorEntry | None:
        unclean = self.item.unclean
        for each in raw:
            if (found := unclean(each, lenient)) is not None:
                place = next(n for n, other in enumerate(raw) if other is each)
                return at(f"[{place}]", found)
        return None

    def build(self, raw: Any, path: str, misfits: Misfits, lenient: bool) -> Any:
        if not isinstance(raw, ARRAYS):
            return misfits.add(path, wrong_type("array", kind_of(raw)))
        if broken := wrong_length("array", len(raw), self.shortest, self.longest):
            return misfits.add(path, broken)
        parts, item = [], self.item
        for n, each in enumerate(raw):
            if misfits.is_done:
                return UNFIT
            parts.append(made(item, each, f"{path}[{n}]", misfits, lenient))
        if any(part is UNFIT for part in parts):
            return UNFIT
        if self.make in _SETS and (places := _unhashable(parts)):
            for place in places:
                misfits.add(f"{path}[{place}]", invalid("cannot be an item of a set"))
            return UNFIT
        return self.make(parts)

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

    def unclean(self, raw: Any, lenient: bool) -> ErrorEntry | None:
        if len(raw) > len(self.items):
            return wrong_length("array", len(raw), self.shortest, len(self.items))
        for place, (node, each) in enumerate(zip(self.items, raw, strict=False)):
            if (found := node.unclean(each, lenient)) is not None:
                return at(f"[{place}]", found)
        return None

    def build(self, raw: Any, path: str, misfits: Misfits, lenient: bool) -> Any:
        if not isinstance(raw, list | tuple):
            return misfits.add(path, wrong_type("array", kind_of(raw)))
        if broken := wrong_length("array", len(raw), self.shortest, len(self.items)):
            return misfits.add(path, broken)
        built = [
            made(node, each, f"{path}[{place}]", misfits, lenient)
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

    def unclean(self, raw: Any, lenient: bool) -> ErrorEntry | None:
        for key, each in raw.items():
            found = self.key.unclean(key, True) or self.value.unclean(each, lenient)
            if found is not None:
                return at(below("", key), found)
        return None

    def build(self, raw: Any, path: str, misfits: Misfits, lenient: bool) -> Any:
        if not isinstance(raw, Mapping):
            return misfits.add(path, wrong_type("object", kind_of(raw)))
        if broken := wrong_length("object", len(raw), self.shortest, self.longest):
            return misfits.add(path, broken)
        built, fits = {}, True
        for key, each in raw.items():
            if misfits.is_done:
                return UNFIT
            place = below(path, key)
            name = key if self._has_text_keys else self.key.build(key, place, misfits, True)
            value = made(self.value, each, place, misfits, lenient)
            fits = fits and value is not UNFIT and name is not UNFIT
            built[name] = value
        return built if fits else UNFIT

    @property
    def _has_text_keys(self) -> bool:
        return isinstance(self.key, Leaf) and self.key.type in (str, Any)

    def opened(self, value: Any) -> Any:
        if not isinstance(value, Mapping) or self.is_flat:
            return value
        opened = {key: self.value.opened(each) for key, each in value.items()}
        return value if all(opened[key] is value[key] for key in opened) else opened
