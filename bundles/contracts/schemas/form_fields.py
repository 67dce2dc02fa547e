"""Reads the fields of a form, whose names may be paths such as ``a[b]`` and ``a.b``."""

import re
from collections.abc import Mapping
from typing import Any

from bundles.contracts.schemas.nodes import (
    Array,
    Dictionary,
    Enumeration,
    Node,
    Scalar,
    Struct,
    Tuple,
    Union,
    resolved,
)
from bundles.contracts.schemas.texts import alternatives_of, is_text

_NAME = re.compile(r"([^.\[\]]+)((?:\[[^\[\]]*\]|\.[^.\[\]]+)+)")
_PART = re.compile(r"\[([^\[\]]*)\]|\.([^.\[\]]+)")
_INDEX = re.compile("[0-9]{1,3}")
_MAX_PARTS = 16


def without_empty(node: Node, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return *fields* of a form without empty inputs, unless *node* accepts an empty text there.

    Browsers send empty inputs too.
    """
    found = {}
    for name, value in fields.items():
        if ignores_empty(node, name):
            if isinstance(value, list):
                value = [each for each in value if each != ""] or ""
            if value == "":
                continue
        found[name] = value
    return found


def nest(node: Node, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return *fields* of a form with names that are paths, such as ``a[b]`` and ``a.b``, converted
    to objects and arrays. A name that is not a path in *node* is unchanged."""
    found: dict[str, Any] = {}
    for name, value in fields.items():
        parts = _path_in(node, name)
        if not (parts and _put(found, parts, value)):
            found[name] = value
    return {name: _with_arrays(_part_of(node, name), value) for name, value in found.items()}


def ignores_empty(node: Node, name: str) -> bool:
    """Whether an empty input *name* of a form counts as not sent: *node* does not accept an empty
    text there. The name may be a path."""
    part = _follow(node, _path_in(node, name) or [name])
    return part is not None and not _accepts_empty(part)


def _path_in(node: Node, name: str) -> list[str]:
    """Return the parts of *name*; empty if it is not a path in *node*."""
    match = _NAME.fullmatch(name)
    if match is None or name.count("[") + name.count(".") > _MAX_PARTS:
        return []
    root = resolved(node)
    if isinstance(root, Struct) and name in root.fields:
        return []
    parts = [match[1], *(bracket or dotted for bracket, dotted in _PART.findall(match[2]))]
    if parts[-1] == "":
        parts.pop()
    return [] if _follow(node, parts) is None else parts


def _follow(node: Node, parts: list[str]) -> Node | None:
    """Return the node at the path *parts* below *node*."""
    part: Node | None = node
    for each in parts:
        part = None if part is None else _part_of(part, each)
    return part


def _put(found: dict[str, Any], parts: list[str], value: Any) -> bool:
    """Set *value* at the path *parts* of *found*; False if there is another value."""
    *above, last = parts
    for part in above:
        found = found.setdefault(part, {})
        if not isinstance(found, dict):
            return False
    if last in found:
        return False
    found[last] = value
    return True


def _with_arrays(node: Node | None, value: Any) -> Any:
    """Return *value* with objects whose names are indexes converted to arrays."""
    if node is None or not isinstance(value, dict):
        return value
    node = resolved(node)
    parts = {name: _with_arrays(_part_of(node, name), each) for name, each in value.items()}
    is_array = any(isinstance(each, Array | Tuple) for each in alternatives_of(node))
    if is_array and parts and all(map(_INDEX.fullmatch, parts)):
        return [parts[name] for name in sorted(parts, key=int)]
    return parts


def _accepts_empty(node: Node) -> bool:
    """Whether an empty text is a valid value of *node*."""
    node = resolved(node)
    if isinstance(node, Scalar):
        return is_text(node)
    if isinstance(node, Enumeration):
        return "" in node.values
    if isinstance(node, Array):
        return _accepts_empty(node.item)
    if isinstance(node, Union):
        return any(map(_accepts_empty, node.alternatives))
    return True


def _part_of(node: Node, name: str) -> Node | None:
    """Return the node of the field or item *name* of values of *node*."""
    for each in alternatives_of(resolved(node)):
        if isinstance(each, Struct):
            part = each.fields.get(name, each.other)
        elif isinstance(each, Dictionary):
            part = each.value
        elif isinstance(each, Array) and _INDEX.fullmatch(name):
            part = each.item
        elif isinstance(each, Tuple) and _INDEX.fullmatch(name):
            part = each.items[int(name)][1] if int(name) < len(each.items) else None
        else:
            part = None
        if part is not None:
            return part
    return None
