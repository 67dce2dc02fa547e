"""Finds the node and the value to which the path of an error leads."""

import re
from collections.abc import Mapping
from typing import Any

import attrs

from bundles.contracts.schemas.nodes import (
    Array,
    Dictionary,
    Node,
    Struct,
    Tuple,
    Union,
    resolved,
)

_ABSENT: Any = object()
_END = re.compile(r"[.\[]|\Z")
_INDEX = re.compile("[0-9]{1,9}")
_NAME_LIMIT = 50
"""The length to which the kernel cuts names in a path that a client has chosen."""


@attrs.frozen
class ErrorPlace:
    """A part of a value: its node, its value, and its path in messages. ``node`` is None for a
    name that the schema does not have."""

    node: Node | None
    value: Any
    path: str

    @property
    def name(self) -> str:
        """The last name of the path."""
        return self.path.rpartition(".")[2]


def find_place(place: ErrorPlace, rest: str) -> ErrorPlace:
    """Return the part of *place* at the path *rest*."""
    while rest:
        found = _step(place, rest)
        if found is None:
            return ErrorPlace(None, _ABSENT, f"{place.path}{rest}".removeprefix("."))
        place, rest = found
    return attrs.evolve(place, node=None if place.node is None else resolved(place.node))


def _step(place: ErrorPlace, rest: str) -> tuple[ErrorPlace, str] | None:
    """Return the part of *place* at the first step of *rest*, and the remaining path."""
    node = place.node
    if node is None:
        return None
    node = resolved(node)
    if isinstance(node, Union):
        return _step(attrs.evolve(place, node=_chosen(node, rest)), rest)
    if isinstance(node, Struct) and (name := _name_in(rest, node.fields)) is not None:
        return _named(place, name, node.fields[name]), rest[len(name) + 1 :]
    other = node.other if isinstance(node, Struct) else None
    if isinstance(node, Dictionary):
        other = node.value
    if other is not None and rest.startswith("."):
        name = _name_in(rest, place.value)
        name = _cut_name(rest) if name is None else name
        return None if name is None else (_named(place, name, other), rest[len(name) + 1 :])
    if isinstance(node, Struct | Dictionary):
        return None
    return _item(node, place, rest)


def _chosen(node: Union, rest: str) -> Node | None:
    """Return the alternative of *node* that has the part at the first step of *rest*."""
    wanted = (Array, Tuple) if rest.startswith("[") else (Struct, Dictionary)
    return next(
        (each for each in map(resolved, node.alternatives) if isinstance(each, wanted)), None
    )


def _name_in(rest: str, names: Any) -> str | None:
    """Return the longest of *names* with which the path *rest* begins; names may have dots.

    The prefixes of *rest* are looked up in *names*, because a client may send many names.
    """
    if not isinstance(names, Mapping):
        return None
    ends = [match.start() for match in _END.finditer(rest, 1)]
    return next((rest[1:end] for end in reversed(ends) if rest[1:end] in names), None)


def _cut_name(rest: str) -> str | None:
    """Return the name at the begin of *rest* that the kernel has cut to `_NAME_LIMIT`
    characters."""
    return rest[1 : _NAME_LIMIT + 1] if _END.match(rest, _NAME_LIMIT + 1) else None


def _named(place: ErrorPlace, name: str, node: Node) -> ErrorPlace:
    value = place.value.get(name, _ABSENT) if isinstance(place.value, Mapping) else _ABSENT
    return ErrorPlace(node, value, f"{place.path}.{name}" if place.path else name)


def _item(node: Node, place: ErrorPlace, rest: str) -> tuple[ErrorPlace, str] | None:
    index, closed, after = rest.removeprefix("[").partition("]")
    if not (rest.startswith("[") and closed and _INDEX.fullmatch(index)):
        return None  # a name that a client has chosen
    items = place.value if isinstance(place.value, list | tuple) else []
    value = items[int(index)] if int(index) < len(items) else _ABSENT
    if isinstance(node, Tuple):
        has_item = int(index) < len(node.items)
        return (_tuple_item(node, place, int(index), value), after) if has_item else None
    if not isinstance(node, Array):
        return None
    path = f"{place.path}[{index}]" if node.has_index else place.path
    return ErrorPlace(node.item, value, path), after


def _tuple_item(node: Tuple, place: ErrorPlace, index: int, value: Any) -> ErrorPlace:
    name, item = node.items[index]
    return ErrorPlace(resolved(item), value, f"{place.path}({name or 'item'}{index})")


def first_missing(node: Tuple, place: ErrorPlace) -> ErrorPlace:
    """Return the first missing item of the tuple at *place*."""
    return _tuple_item(node, place, len(place.value), _ABSENT)
