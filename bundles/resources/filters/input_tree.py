"""Converts parameters of a query string, or JSON of a socket, to the same structure.

``title=c&title[$in]=a&title[$in]=b&id[$gt]=1`` is the same as the object
``{"title": {"$eq": "c", "$in": ["a", "b"]}, "id": {"$gt": "1"}}``.
"""

import re
from collections.abc import Container, Mapping
from typing import Any

import attrs
from multidict import MultiDict, MultiDictProxy

from rxkernel.kernel.binding.validation_errors import ValidationErrors
from rxkernel.messages.input_errors import TOO_DEEP, below, invalid, wrong_length

MAX_PARTS = 6
"""The maximum of parts of a name. ``$or[0][title][$in][0]`` has five."""

MAX_NAMES = 1_000
"""The maximum of parameters of one request."""

_BAGS = (MultiDict, MultiDictProxy)
_NAME = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])+)")
_PART = re.compile(r"\[([^\[\]]*)\]")
_INDEX = re.compile(r"0|[1-9][0-9]{0,2}")
_CONFLICT = invalid("is sent as a value and by its parts; send one of them")
_TWO_EQ = invalid("is sent twice, with $eq and without an operator")


@attrs.define(eq=False)
class _Node:
    values: list[Any] = attrs.field(factory=list)
    children: dict[str, "_Node"] = attrs.field(factory=dict)
    is_list: bool = False

    def child(self, part: str) -> "_Node":
        return self.children.setdefault(part, _Node())

    def plain(self, path: str, errors: ValidationErrors) -> Any:
        if not self.children:
            return self.values if self.is_list or len(self.values) > 1 else self.values[0]
        if self.values:
            if self.is_list or not all(part[:1] == "$" for part in self.children):
                return errors.add(path, _CONFLICT)
            if "$eq" in self.children:
                return errors.add(path, _TWO_EQ)
            self.children["$eq"] = _Node(self.values)
        if all(map(_INDEX.fullmatch, self.children)):
            found = sorted(self.children.items(), key=lambda item: int(item[0]))
            return [
                node.plain(f"{path}[{place}]", errors) for place, (_, node) in enumerate(found)
            ]
        return {
            part: node.plain(below(path, part), errors) for part, node in self.children.items()
        }


def tree_of(
    params: Mapping[str, Any], ignored: Container[str], errors: ValidationErrors
) -> dict[str, Any]:
    """Return *params* as plain values by name, without those in *ignored*.

    The value of a name that is sent several times is a list. Names that are too deep, or exclude
    each other, add errors; the value of the latter is `INVALID`.
    """
    if (error := wrong_length("parameters", len(params), 0, MAX_NAMES)) is not None:
        errors.add("params", error)
        return {}
    nodes: dict[str, _Node] = {}
    for name in dict.fromkeys(params):
        root, parts = parts_of(str(name))
        if root in ignored:
            continue
        if len(parts) >= MAX_PARTS:
            errors.add(below("params", root), TOO_DEEP)
            continue
        is_list = parts[-1:] == [""]
        node = nodes.setdefault(root, _Node())
        for part in parts[:-1] if is_list else parts:
            node = node.child(part)
        node.values += params.getall(name) if isinstance(params, _BAGS) else [params[name]]
        node.is_list |= is_list
    return {name: node.plain(below("params", name), errors) for name, node in nodes.items()}


def parts_of(name: str) -> tuple[str, list[str]]:
    """Return the first part of *name* and the others; the whole *name* if its brackets do not
    match."""
    found = _NAME.fullmatch(name)
    return (name, []) if found is None else (found[1], _PART.findall(found[2]))
