"""Converts a value of a client to the type of a column."""

from typing import Any

from sqlalchemy import Column

from rxkernel import JsonSchemas, UnprocessableEntityException, Validator

ABSENT: Any = object()
"""Replaces a value that no row can have."""

_LARGEST = 2**63
"""The smallest positive integer that none of the databases can store."""


class ColumnValue:
    """Reads the values of one *column*. For a type without a Python class it accepts any value."""

    def __init__(self, column: Column[Any]) -> None:
        try:
            self._type: Any = column.type.python_type
        except NotImplementedError:
            self._type = Any
        self._validator = Validator(self._type)

    def read(self, raw: Any) -> Any:
        """Return *raw*, a text of a path or a JSON value, converted; or `ABSENT`."""
        try:
            value = self._validator.validate(raw, lenient=True)
        except UnprocessableEntityException:
            return ABSENT
        return value if is_storable(value) else ABSENT

    def schema(self) -> dict[str, Any]:
        """Return the JSON Schema of the values."""
        schemas = JsonSchemas()
        return dict(schemas.schema_of(schemas.input(self._type)))


def is_storable(value: Any) -> bool:
    """Whether all databases accept *value* in a comparison; PostgreSQL rejects a NUL."""
    if isinstance(value, int):
        return -_LARGEST <= value < _LARGEST
    if isinstance(value, str):
        return "\0" not in value and not any("\ud800" <= char <= "\udfff" for char in value)
    return True


def is_same(found: Any, sent: Any) -> bool:
    """Whether *found*, the value of a row that a database has found by *sent*, is equal to *sent*.

    MariaDB ignores case, accents and trailing spaces when it compares texts, so one row would have
    many keys. PostgreSQL returns texts of the type CHAR with trailing spaces.
    """
    if isinstance(found, str) and isinstance(sent, str):
        return sent in (found, found.rstrip(" "))
    return True
