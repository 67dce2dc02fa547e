"""The operators of the query grammar, and the SQL of each.

A value that is missing, NULL, is never equal to, less than or greater than another; ``$ne`` and
``$nin`` are true for it. So every operator is true or false, as in Python, and never unknown.
"""

from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum, auto
from types import MappingProxyType
from typing import Any
from uuid import UUID

import attrs
from sqlalchemy import ColumnElement

Compare = Callable[[ColumnElement[Any], Any], ColumnElement[bool]]
"""The SQL for a column and a bound parameter; for ``$in`` and ``$nin`` an expanding one."""

_ESCAPE = "/"
_ORDERED = (int, float, Decimal, str, date, datetime, time, timedelta)
_PLAIN = (*_ORDERED, UUID, bool, Enum)


class Operand(Enum):
    """What a client sends with an operator."""

    VALUE = auto()
    VALUES = auto()
    PATTERN = auto()  # a text, of which `Operator.pattern` makes a pattern of SQL
    FLAG = auto()  # true or false


@attrs.frozen
class Operator:
    """One operator; it accepts columns whose values are of ``types``.

    *is_negative*: it is true where its opposite, ``compare``, is false.
    """

    name: str
    operand: Operand
    types: tuple[type, ...]
    needs: str
    compare: Compare
    is_negative: bool = False
    pattern: Callable[[str], str] = str

    @property
    def takes_null(self) -> bool:
        """Whether null is an operand: it stands for a value that is missing."""
        return self.name in ("$eq", "$ne", "$in", "$nin")

    def accepts(self, type_: type) -> bool:
        """Whether values of *type_* can be compared. A bool is not a number here."""
        if not self.types:
            return True
        if type_ is bool:
            return bool in self.types
        return issubclass(type_, self.types)


def escaped(text: str) -> str:
    """*text* as a part of a pattern that matches just this text."""
    for special in (_ESCAPE, "%", "_"):
        text = text.replace(special, _ESCAPE + special)
    return text


def _like(column: ColumnElement[Any], pattern: Any) -> ColumnElement[bool]:
    return column.ilike(pattern, escape=_ESCAPE)


_ANY = "a number, a text, a date, a time, a UUID, a bool or an enum"
_ORDER = "a number, a text, a date or a time"


def _value(name: str, types: tuple[type, ...], needs: str, compare: Compare) -> Operator:
    return Operator(name, Operand.VALUE, types, needs, compare)


def _text(name: str, pattern: Callable[[str], str]) -> Operator:
    return Operator(name, Operand.PATTERN, (str,), "a text", _like, pattern=pattern)


def _is_equal(column: ColumnElement[Any], value: Any) -> ColumnElement[bool]:
    found: ColumnElement[bool] = column == value
    return found


def _is_in(column: ColumnElement[Any], values: Any) -> ColumnElement[bool]:
    return column.in_(values)


OPERATORS: Mapping[str, Operator] = MappingProxyType(
    {
        operator.name: operator
        for operator in (
            _value("$eq", _PLAIN, _ANY, _is_equal),
            Operator("$ne", Operand.VALUE, _PLAIN, _ANY, _is_equal, is_negative=True),
            _value("$lt", _ORDERED, _ORDER, lambda column, value: column < value),
            _value("$lte", _ORDERED, _ORDER, lambda column, value: column <= value),
            _value("$gt", _ORDERED, _ORDER, lambda column, value: column > value),
            _value("$gte", _ORDERED, _ORDER, lambda column, value: column >= value),
            Operator("$in", Operand.VALUES, _PLAIN, _ANY, _is_in),
            Operator("$nin", Operand.VALUES, _PLAIN, _ANY, _is_in, is_negative=True),
            _text("$like", lambda text: text.replace(_ESCAPE, _ESCAPE * 2)),
            _text("$contains", lambda text: f"%{escaped(text)}%"),
            _text("$starts", lambda text: f"{escaped(text)}%"),
            Operator(
                "$null", Operand.FLAG, (), "any value", lambda column, _: column.is_not(None)
            ),
        )
    }
)
"""``$like`` has the wildcards ``%`` and ``_``. It, ``$contains`` and ``$starts`` ignore case."""
