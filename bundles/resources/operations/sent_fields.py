"""The fields of the classes of inputs and views, and those that a client has sent."""

import dataclasses
from typing import Any

import attrs
import msgspec

from bundles.contracts import UNSET

_UNSET = (msgspec.UNSET, UNSET)


def field_names(cls: Any) -> tuple[str, ...] | None:
    """Return the names of the fields of an attrs class, a dataclass or a Struct; else None."""
    if attrs.has(cls):
        return tuple(field.name for field in attrs.fields(cls))
    if isinstance(cls, type) and issubclass(cls, msgspec.Struct):
        return cls.__struct_fields__
    if isinstance(cls, type) and dataclasses.is_dataclass(cls):
        return tuple(field.name for field in dataclasses.fields(cls))
    return None


def sent_fields(sent: Any) -> dict[str, Any]:
    """Return the fields of *sent* by name, without those that are `msgspec.UNSET`."""
    names = field_names(type(sent)) or ()
    values = ((name, getattr(sent, name)) for name in names)
    return {name: value for name, value in values if not any(value is each for each in _UNSET)}
