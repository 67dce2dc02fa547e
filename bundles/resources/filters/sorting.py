"""The order of a list: the keys by which a client may sort, and their notation."""

from collections.abc import Iterable, Mapping, Sequence
from math import copysign, isinf
from sys import float_info
from types import MappingProxyType
from typing import Any

import attrs
from sqlalchemy import (
    ColumnElement,
    Select,
    and_,
    bindparam,
    cast,
    false,
    or_,
    true,
    type_coerce,
)
from sqlalchemy import types as sql

from bundles.resources.filters.conditions import unknown_choice
from bundles.resources.filters.double_precision import DoublePrecision
from bundles.resources.filters.targets import Target
from bundles.resources.filters.value_types import ValueType
from rxkernel.kernel.binding.validation_errors import INVALID, ValidationErrors
from rxkernel.messages.input_errors import below, invalid, kind_of, wrong_choice, wrong_type

_DIGITS = 60
"""The number of digits after the decimal point in a cursor."""

_DIRECTIONS: Mapping[str, bool] = MappingProxyType({"1": False, "-1": True})
"""Whether an order is descending, by the text of the direction that a client sends."""


@attrs.frozen(eq=False)
class SortKey:
    """A value by which rows can be sorted. Rows without the value come last, in both
    directions."""

    name: str
    target: Target
    type: ValueType

    @classmethod
    def of(cls, name: str, target: Target, type_: ValueType) -> "SortKey":
        """Return the key for *target*, whose values have the type *type_*.

        Enums are sorted by the text that is stored. PostgreSQL and MariaDB would sort them in the
        order of their declaration, but MariaDB compares their texts. Decimals are read with all
        digits that SQLite stores, which may be more than their type has.
        """
        column = target.expression
        if isinstance(column.type, sql.Enum):
            return cls._with(name, target, cast(column, sql.String()))
        if isinstance(column.type, sql.Float) and not isinstance(column.type, sql.Double):
            return cls._with(name, target, DoublePrecision(column))
        if isinstance(column.type, sql.Numeric) and column.type.asdecimal:
            exact = sql.Numeric[Any](decimal_return_scale=_DIGITS)
            return cls._with(name, target, type_coerce(column, exact))
        return cls(name, target, type_)

    @classmethod
    def _with(cls, name: str, target: Target, expression: ColumnElement[Any]) -> "SortKey":
        key = attrs.evolve(target, expression=expression)
        return cls(name, key, ValueType.of(expression.type))


@attrs.frozen(eq=False)
class Order:
    """One key of an order, with its direction."""

    key: SortKey
    is_descending: bool = False

    @property
    def text(self) -> str:
        """The key as in ``sort=-created,id``."""
        return f"-{self.key.name}" if self.is_descending else self.key.name

    @property
    def _column(self) -> ColumnElement[Any]:
        return self.key.target.expression

    def clauses(self) -> list[ColumnElement[Any]]:
        """The expressions for ORDER BY."""
        column = self._column
        found: list[ColumnElement[Any]] = [column.desc() if self.is_descending else column.asc()]
        return [column.is_(None), *found] if self.key.target.may_be_missing else found

    def is_after(self, value: Any) -> ColumnElement[bool]:
        """Return the condition that the value of the row comes after *value*; None: after the rows
        with a value."""
        if value is None:  # rows without a value are the last ones
            return false()
        if isinstance(value, float) and isinf(value):
            return self._or_missing(self._is_after_infinite(value))
        bound = self._bound(value)
        return self._or_missing(
            self._column < bound if self.is_descending else self._column > bound
        )

    def is_not_before(self, value: Any) -> ColumnElement[bool]:
        """Return the condition that the value of the row is *value*, or comes after it."""
        if value is None:
            return self._column.is_(None)
        if isinstance(value, float) and isinf(value):
            return self._or_missing(self._is_not_before_infinite(value))
        bound = self._bound(value)
        return self._or_missing(
            self._column <= bound if self.is_descending else self._column >= bound
        )

    # The driver of MariaDB sends no infinite float: the greatest finite ones are compared with.

    def _is_after_infinite(self, value: float) -> ColumnElement[bool]:
        if self._is_last(value):
            return false()
        limit = self._bound(copysign(float_info.max, value))
        return self._column <= limit if self.is_descending else self._column >= limit

    def _is_not_before_infinite(self, value: float) -> ColumnElement[bool]:
        if not self._is_last(value):
            return true()
        limit = self._bound(copysign(float_info.max, value))
        return self._column < limit if self.is_descending else self._column > limit

    def _is_last(self, infinite: float) -> bool:
        """Whether no value comes after *infinite*; otherwise no value comes before it."""
        return (infinite < 0) is self.is_descending

    def _bound(self, value: Any) -> ColumnElement[Any]:
        return bindparam(None, value, self.key.type.bound, unique=True)

    def _or_missing(self, condition: ColumnElement[bool]) -> ColumnElement[bool]:
        if not self.key.target.may_be_missing:
            return condition
        return or_(condition, self._column.is_(None))


def after(orders: Sequence[Order], values: Sequence[Any]) -> ColumnElement[bool]:
    """Return the condition that a row comes after the row with *values* in *orders*.

    Its form is ``a >= 1 AND (a > 1 OR b > 2)``, since an index can be used for the first
    comparison.
    """
    order, value, rest = orders[0], values[0], orders[1:]
    if not rest:
        return order.is_after(value)
    return and_(order.is_not_before(value), or_(order.is_after(value), after(rest, values[1:])))


def with_relations(select: Select[Any], orders: Iterable[Order]) -> Select[Any]:
    """Return *select* joined with the related rows that *orders* need, at most one for each
    row."""
    for order in orders:
        for step in order.key.target.steps:
            select = select.join(step.relation, isouter=True)
    return select


class SortReader:
    """Reads the order that a client sends: ``-created,id`` or ``{"created": -1, "id": 1}``."""

    def __init__(self, keys: Mapping[str, SortKey], default: Sequence[Order]) -> None:
        self._keys = keys
        self._default = default

    def read(self, given: Any, path: str, errors: ValidationErrors) -> Sequence[Order]:
        """Return the keys in the order *given*; the default for None, and after errors."""
        if given is None or given is INVALID:
            return self._default
        if isinstance(given, Mapping):
            pairs = [(name, given[name], below(path, name)) for name in given]
        else:
            texts = given if isinstance(given, list | tuple) else [given]
            if not all(isinstance(text, str) for text in texts):
                errors.add(path, wrong_type("str or object", kind_of(given)))
                return self._default
            words = [word.strip() for text in texts for word in text.split(",")]
            pairs = [
                (word.removeprefix("-"), -1 if word[:1] == "-" else 1, path) for word in words
            ]
        return self._orders(pairs, path, errors)

    def _orders(
        self, pairs: Sequence[tuple[Any, Any, str]], path: str, errors: ValidationErrors
    ) -> Sequence[Order]:
        found: dict[str, Order] = {}
        for name, direction, place in pairs[: len(self._keys) + 1]:
            if (key := self._keys.get(name)) is None:
                errors.add(place, unknown_choice(str(name), self._keys))
            elif (is_descending := _DIRECTIONS.get(str(direction))) is None:
                errors.add(place, wrong_choice([1, -1]))
            elif name in found:
                errors.add(place, invalid("is sorted by twice"))
            else:
                found[name] = Order(key, is_descending)
        return tuple(found.values()) or self._default
