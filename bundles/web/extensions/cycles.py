"""Removes cycles from data that contains itself."""

import dataclasses
from collections.abc import Callable, Mapping, Set
from copy import copy
from typing import Any

import attrs
import msgspec

from rxkernel import Serializer

_MAX_CONTAINERS = 100_000
"""Most containers of a copy: objects that refer to each other are copied once for each path."""

_Cut = Callable[[Any], Any]
_VIEWS: tuple[type, ...] = (type({}.keys()), type({}.values()))


def plain_value(serializer: Serializer, data: Any) -> Any:
    """Return *data* as dicts, lists, str, numbers, bool and None, as in JSON, without cycles; see
    `without_cycles`.

    Raises:
        TypeError, ValueError, RecursionError: *data* cannot be converted.
    """
    try:
        return serializer.to_json_value(data)
    except RecursionError:
        return serializer.to_json_value(without_cycles(data))


def without_cycles(data: Any) -> Any:
    """Return a copy of *data*, in which a container inside itself is replaced by None.

    A container is a mapping, a list, a tuple, a set, or an object of attrs, a dataclass or
    msgspec. A container that occurs several times without a cycle is copied each time.

    Raises:
        ValueError: the copy would have more than 100 000 containers.
        RecursionError: it is nested too deep.
    """
    return _Cutter().cut(data)


class _Cutter:
    def __init__(self) -> None:
        self._open: set[int] = set()
        self._left = _MAX_CONTAINERS

    def cut(self, value: Any) -> Any:
        copy_of = _copy_of(type(value))
        if copy_of is None:
            return value
        if id(value) in self._open:
            return None
        self._left -= 1
        if self._left < 0:
            raise ValueError(
                f"the data contains itself, and has more than {_MAX_CONTAINERS} objects without "
                f"the cycles; return only the fields that the client needs"
            )
        self._open.add(id(value))
        copied = copy_of(value, self.cut)
        self._open.discard(id(value))
        return copied


def _copy_of(cls: type) -> Callable[[Any, _Cut], Any] | None:
    """Return the function that copies containers of *cls*; None for other values."""
    if issubclass(cls, Mapping):
        return _mapping
    if issubclass(cls, (list, tuple, Set, *_VIEWS)):
        return _items
    if issubclass(cls, msgspec.Struct):
        return _struct
    if attrs.has(cls):
        return _attrs_object
    return _dataclass_object if dataclasses.is_dataclass(cls) else None


def _mapping(value: Mapping[Any, Any], cut: _Cut) -> Any:
    return {key: cut(item) for key, item in value.items()}


def _items(value: Any, cut: _Cut) -> Any:
    return [cut(item) for item in value]


def _struct(value: msgspec.Struct, cut: _Cut) -> Any:
    return _object(value, value.__struct_fields__, msgspec.structs.force_setattr, cut)


def _attrs_object(value: Any, cut: _Cut) -> Any:
    names = (field.name for field in attrs.fields(type(value)))
    return _object(value, names, object.__setattr__, cut)


def _dataclass_object(value: Any, cut: _Cut) -> Any:
    names = (field.name for field in dataclasses.fields(value))
    return _object(value, names, object.__setattr__, cut)


def _object(value: Any, names: Any, set_field: Callable[[Any, str, Any], None], cut: _Cut) -> Any:
    """A copy of the same class, so that the serializer writes the same names and tags."""
    copied = copy(value)
    for name in names:
        set_field(copied, name, cut(getattr(value, name)))
    return copied
