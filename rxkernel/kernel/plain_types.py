"""Converts instances of subclasses of plain types to the plain type.

msgspec encodes ``str``, ``int``, ``datetime`` and so on only if the class is exactly that one.
Template engines, ORMs and test tools return subclasses of them.
"""

from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from types import MappingProxyType
from typing import Any


def _date(cls: type[date], value: date) -> date:
    return cls.fromordinal(cls.toordinal(value))


def _datetime(cls: type[datetime], value: datetime) -> datetime:
    return cls.combine(cls.date(value), cls.timetz(value))


def _time(cls: type[time], value: time) -> time:
    parts = (value.hour, value.minute, value.second, value.microsecond, value.tzinfo)
    return cls(*parts, fold=value.fold)


# The methods of the plain types themselves return exactly these; a subclass may override them.
# They are looked up by class, and the class is passed on, because freezegun replaces the names
# `datetime` and `date` in every module.
_CONVERSIONS: MappingProxyType[type, Callable[[Any, Any], Any]] = MappingProxyType(
    {
        str: lambda cls, value: cls.__str__(value),
        int: lambda cls, value: cls.__int__(value),
        float: lambda cls, value: cls.__float__(value),
        bytes: lambda cls, value: cls(memoryview(value)),
        bytearray: lambda cls, value: cls(memoryview(value)),
        datetime: _datetime,
        date: _date,
        time: _time,
        timedelta: lambda cls, value: cls.__pos__(value),
        Decimal: lambda cls, value: cls(value),
    }
)
_EXACT = frozenset((*_CONVERSIONS, bool))


def to_plain_type(value: Any) -> Any:
    """Return *value* as an instance of the plain type that its class derives from.

    Values of other classes are returned unchanged, and so are members of enums, which msgspec
    encodes.
    """
    cls = type(value)
    if cls in _EXACT or isinstance(value, Enum):
        return value
    for base in cls.__mro__:
        if (convert := _CONVERSIONS.get(base)) is not None:
            return convert(base, value)
    return value


def with_plain_types(value: Any, convert: Callable[[Any], Any] = to_plain_type) -> Any:
    """Like `to_plain_type`, or *convert*, for all values in lists, tuples, sets and dicts."""
    if isinstance(value, dict):
        return {convert(key): with_plain_types(item, convert) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [with_plain_types(item, convert) for item in value]
    if isinstance(value, set | frozenset):
        return set(map(convert, value))
    return convert(value)
