"""Finds the field that distinguishes the classes of a union.

``Cat | Dog`` can be read if each class has a field such as ``kind: Literal["cat"]``. msgspec
itself supports only unions of Structs, by their ``tag``.
"""

import dataclasses
from collections.abc import Sequence
from typing import Any, get_origin

import attrs
from msgspec import inspect as msgspec_inspect

TagValue = str | int | bool


@attrs.frozen
class UnionTag:
    """The field that distinguishes classes, and the class for each of its values."""

    field: str
    classes: tuple[tuple[TagValue, Any], ...]


def tag_of_classes(infos: Sequence[msgspec_inspect.DataclassType]) -> UnionTag:
    """Return the tag of several classes of attrs or dataclasses: the first field, in the order of
    the first class, that is a ``Literal`` with different values in each class.

    Raises:
        TypeError: no field distinguishes them.
    """
    for name in _arguments_of(infos[0].cls):
        values = [_literal_values(info, name) for info in infos]
        if all(values) and _are_disjoint(values):
            pairs = zip(values, infos, strict=True)
            return UnionTag(name, tuple((value, i.cls) for found, i in pairs for value in found))
    names = [_name(info.cls) for info in infos]
    raise TypeError(
        f"the classes {' | '.join(names)} cannot be distinguished; add a field with the same name "
        f'and different values to each, as in kind: Literal["{names[0].lower()}"]'
    )


def _arguments_of(cls: Any) -> list[str]:
    """Return the fields that the constructor takes, as declared."""
    cls = get_origin(cls) or cls
    fields: Any = attrs.fields(cls) if attrs.has(cls) else dataclasses.fields(cls)
    return [field.name for field in fields if field.init]


def _literal_values(info: msgspec_inspect.DataclassType, name: str) -> tuple[TagValue, ...]:
    """Return the values of the Literal *name*; () for another type, or if it may be None."""
    if name not in _arguments_of(info.cls):
        return ()
    found: Any = next(field.type for field in info.fields if field.name == name)
    while isinstance(found, msgspec_inspect.Metadata):
        found = found.type
    if not isinstance(found, msgspec_inspect.LiteralType) or None in found.values:
        return ()
    return tuple(value for value in found.values if value is not None)


def _are_disjoint(values: Sequence[tuple[TagValue, ...]]) -> bool:
    keys = [key_of(value) for found in values for value in found]
    return len(set(keys)) == len(keys)


def key_of(value: Any) -> Any:
    """Return the dict key of a tag, in which True and 1 differ; None if *value* is not a tag."""
    cls = type(value)
    return (cls, value) if cls in (str, int, bool) else None


def _name(cls: Any) -> str:
    return getattr(cls, "__qualname__", str(cls)).rpartition(".")[2]
