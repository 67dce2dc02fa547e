"""The values that clients send for a column, and how they are bound to SQL."""

from datetime import UTC, datetime
from decimal import Decimal
from math import isinf
from typing import Annotated, Any, Literal

import attrs
import msgspec
from sqlalchemy import types as sql

from bundles.resources.database.utc_datetime import has_timezone
from rxkernel.messages.input_errors import (
    NOT_UTF8,
    OUT_OF_RANGE,
    ErrorEntry,
    invalid,
    wrong_length,
)
from rxkernel.messages.param_type import ParamType, param_type
from rxkernel.routing.annotations import SCALARS, bare

MAX_TEXT = 2_000
"""The maximum of characters of an operand. SQLite limits patterns to 50,000 bytes."""

INT64 = 2**63
_MAX_EXPONENT = 300
"""The maximum exponent of a decimal, since SQLite and MariaDB write it as a float."""


@attrs.frozen(eq=False)
class ValueType:
    """The type of a column.

    Attributes:
        wire: the annotation to which a value of a client is converted.
        base: its class; `object` for types that support only ``$null``.
        bound: the type of bound parameters. It has no size limit: by the type of the column, the
            database could shorten or reject a value.
        is_utc: whether a datetime is bound in UTC, for databases that do not store time zones.
    """

    wire: Any
    base: type
    bound: sql.TypeEngine[Any]
    is_utc: bool
    _reader: ParamType | None

    @property
    def choices(self) -> tuple[Any, ...]:
        """The allowed values, as a client sends them, if the type lists them."""
        return () if self._reader is None else self._reader.choices

    @classmethod
    def of(cls, column: sql.TypeEngine[Any], wire: Any = None) -> "ValueType":
        """Return the type for *column*; with *wire*, instead of the type of the column.

        Raises:
            TypeError: values of *wire* cannot be read from one parameter.
        """
        found = _wire_of(column) if wire is None else wire
        if found is None:
            return cls(None, object, column, False, None)
        is_utc = has_timezone(column) is True
        return cls(found, _class_of(found), _bound_of(column), is_utc, param_type(found))

    def read(self, raw: Any) -> tuple[Any, ErrorEntry | None]:
        """Convert *raw*, a value of a client. Return the value and None, or None and the error."""
        value, error = self._convert(raw)
        if error is None and isinstance(value, str):
            error = _text_error(value)
        return (None, error) if error is not None else (value, None)

    def read_stored(self, raw: Any) -> Any:
        """Convert *raw*, a result of `to_wire`.

        Raises:
            ValueError: it cannot be converted, since the client has changed it.
        """
        if self.base is float and raw in ("inf", "-inf"):
            return float(raw)
        value, error = self._convert(raw)
        if error is not None or value is None:
            raise ValueError("is not a value of the column")
        return value

    def to_wire(self, value: Any) -> Any:
        """Return *value* of a row in the form that `read_stored` reads, and that msgspec can
        encode as JSON."""
        if self.is_utc and isinstance(value, datetime) and value.tzinfo is None:
            return value.replace(tzinfo=UTC)  # from a database that does not store time zones
        if isinstance(value, float) and isinf(value):  # JSON cannot represent it
            return str(value)
        return value

    def _convert(self, raw: Any) -> tuple[Any, ErrorEntry | None]:
        assert self._reader is not None, "boot checks that the column has a type"
        value, error = self._reader.read(raw)
        if error is not None:
            return None, error
        if isinstance(value, int) and not -INT64 <= value < INT64:
            return None, OUT_OF_RANGE
        if isinstance(value, Decimal) and abs(value.adjusted()) > _MAX_EXPONENT:
            return None, OUT_OF_RANGE
        if self.is_utc and isinstance(value, datetime) and value.tzinfo is not None:
            try:
                return value.astimezone(UTC), None
            except OverflowError:  # in the first or last hours of the calendar
                return None, OUT_OF_RANGE
        return value, None


def _text_error(text: str) -> ErrorEntry | None:
    if "\0" in text:
        return invalid("contains a NUL character, which databases do not store")
    try:
        text.encode()
    except UnicodeEncodeError:  # JSON may have half of a surrogate pair
        return NOT_UTF8
    return wrong_length("str", len(text), 0, MAX_TEXT)


def _class_of(wire: Any) -> type:
    """Return the class of values of *wire*; for a literal, the class of its first value."""
    found = bare(wire)
    if isinstance(found, type):
        return found
    choices = param_type(wire).choices
    return type(choices[0]) if choices else object


def _wire_of(column: sql.TypeEngine[Any]) -> Any:
    """Return the annotation of values that a client sends for *column*; None for types that cannot
    be sent as one parameter."""
    if isinstance(column, sql.Enum):
        if column.enum_class is not None:
            return column.enum_class
        return Literal[tuple(column.enums)]
    if (timezone := has_timezone(column)) is not None:
        return Annotated[datetime, msgspec.Meta(tz=timezone)]
    try:
        found = column.python_type
    except NotImplementedError:  # raised by SQLAlchemy 2.0 for values of any class
        return None
    return found if found in SCALARS else None


def _bound_of(column: sql.TypeEngine[Any]) -> sql.TypeEngine[Any]:
    if isinstance(column, sql.Integer):
        return sql.BigInteger()
    if isinstance(column, sql.Float):
        return sql.Double()
    if isinstance(column, sql.Numeric):
        return sql.Numeric()
    return column
