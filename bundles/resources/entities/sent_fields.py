"""The fields of input and view classes, and the fields that a client has sent."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import attrs
import msgspec

from bundles.contracts import UNSET

_UNSET = (msgspec.UNSET, UNSET)


def field_names(cls: Any) -> tuple[str, ...] | None:
    """Return the field names of an attrs class, a dataclass or a Struct; None for other
    classes."""
    if attrs.has(cls):
        return tuple(field.name for field in attrs.fields(cls))
    if isinstance(cls, type) and issubclass(cls, msgspec.Struct):
        return cls.__struct_fields__
    if isinstance(cls, type) and dataclasses.is_dataclass(cls):
        return tuple(field.name for field in dataclasses.fields(cls))
    return None


def sent_fields(sent: Any) -> dict[str, Any]:
    """Return the fields of *sent*, an instance of such a class or a mapping, by name. Fields that
    are `msgspec.UNSET` are omitted, since the client has not sent them."""
    if isinstance(sent, Mapping):
        given = dict(sent)
    else:
        given = {name: getattr(sent, name) for name in field_names(type(sent)) or ()}
    return {k: value for k, value in given.items() if not any(value is each for each in _UNSET)}
