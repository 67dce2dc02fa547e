"""Searches the descriptions of types by `msgspec.inspect`."""

from collections.abc import Iterator
from typing import Any

from msgspec import inspect

_PARTS = (inspect.Type, inspect.Field)
_SEARCHED = (tuple, *_PARTS)


def infos_in(info: Any, seen: set[int]) -> Iterator[Any]:
    """Yield msgspec's description of a type and of each part of it that is not in *seen*."""
    todo = [info]
    while todo:
        part = todo.pop()
        if isinstance(part, tuple):
            todo += reversed(part)
        elif isinstance(part, _PARTS) and id(part) not in seen:
            seen.add(id(part))
            yield part
            values = [getattr(part, name) for name in reversed(part.__struct_fields__)]
            todo += (value for value in values if isinstance(value, _SEARCHED))
