"""The operators of the query grammar, and the SQL of each.

A missing value (NULL) is never equal to, less than or greater than another value; ``$ne`` and
``$nin`` are true for it. So an operator is always true or false, as in Python, and never unknown.
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
"""Returns the SQL for a column and an operand."""

_ESCAPE = "/"
_ORDERED = (int, float, Decimal, str, date, datetime, time, timedelta)
_PLAIN = (*_ORDERED, UUID, bool, Enum)


class Operand(Enum):
    """The kind of the operand that a client sends."""

    VALUE = auto()
    VALUES = auto()
    FLAG = auto()  # true or false


@attrs.frozen
class Operator:
    """One operator. It accepts columns whose values have one of ``types``; all columns if empty.

    Attributes:
        needs: the types in words, for errors.
        compare: returns the SQL, for an operator that compares one value of a row. Other operators
            test all values of a row, and their operand may be None, which means no value.
        pattern: makes the pattern from an operand that is a text to search for.
    """

    name: str
    operand: Operand
    types: tuple[type, ...]
    needs: str
    compare: Compare | None = None
    pattern: Callable[[str], str] | None = None

    @property
    def is_negative(self) -> bool:
        """Whether it is true for a row without values."""
        return self.name in ("$ne", "$nin")

    @property
    def takes_null(self) -> bool:
        """Whether null, which means a missing value, is a valid operand."""
        return self.name in ("$eq", "$ne", "$in", "$nin")

    def accepts(self, type_: type) -> bool:
        """Whether values of *type_* can be compared. A bool is not a number here."""
        if not self.types:
            return True
        if type_ is bool:
            return bool in self.types
        return issubclass(type_, self.types)


def escaped(text: str) -> str:
    """Return *text* escaped, so that it matches only itself in a pattern."""
    for special in (_ESCAPE, "%", "_"):
        text = text.replace(special, _ESCAPE + special)
    return text


def _like(column: ColumnElement[Any], pattern: Any) -> ColumnElement[bool]:
    return column.ilike(pattern, escape=_ESCAPE)


_ANY = "a number, a text, a date, a time, a UUID, a bool or an enum"
_ORDER = "a number, a text, a date or a time"


def _order(name: str, compare: Compare) -> Operator:
    return Operator(name, Operand.VALUE, _ORDERED, _ORDER, compare)


def _text(name: str, pattern: Callable[[str], str]) -> Operator:
    return Operator(name, Operand.VALUE, (str,), "a text", _like, pattern)


OPERATORS: Mapping[str, Operator] = MappingProxyType(
    {
        operator.name: operator
        for operator in (
            Operator("$eq", Operand.VALUE, _PLAIN, _ANY, lambda column, value: column == value),
            Operator("$ne", Operand.VALUE, _PLAIN, _ANY),
            _order("$lt", lambda column, value: column < value),
            _order("$lte", lambda column, value: column <= value),
            _order("$gt", lambda column, value: column > value),
            _order("$gte", lambda column, value: column >= value),
            Operator("$in", Operand.VALUES, _PLAIN, _ANY),
            Operator("$nin", Operand.VALUES, _PLAIN, _ANY),
            _text("$like", lambda text: text.replace(_ESCAPE, _ESCAPE * 2)),
            _text("$contains", lambda text: f"%{escaped(text)}%"),
            _text("$starts", lambda text: f"{escaped(text)}%"),
            Operator("$null", Operand.FLAG, (), "any value"),
        )
    }
)
"""``$like`` has the wildcards ``%`` and ``_``. It, ``$contains`` and ``$starts`` ignore case."""
