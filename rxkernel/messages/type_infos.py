"""Searches the descriptions of types by `msgspec.inspect`."""

from collections.abc import Iterator
from typing import Any

from msgspec import inspect


def infos_in(info: Any, seen: set[int]) -> Iterator[Any]:
    """Yield msgspec's description of a type and of each part of it that is not in *seen*."""
    todo = [info]
    while todo:
        part = todo.pop()
        if isinstance(part, tuple):
            todo += reversed(part)
        elif isinstance(part, inspect.Type | inspect.Field) and id(part) not in seen:
            seen.add(id(part))
            yield part
            todo += (getattr(part, name) for name in reversed(part.__struct_fields__))
