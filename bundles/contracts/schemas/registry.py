"""The nodes and types of named schemas, which may refer to each other."""

from collections.abc import Callable, Iterable
from typing import Any

import attrs

from bundles.contracts.schemas.nodes import (
    Array,
    Dictionary,
    Node,
    Reference,
    Struct,
    Union,
)
from bundles.contracts.schemas.type_builder import TypeBuilder


@attrs.define(eq=False)
class Registry:
    """Implements `Scope`. All nodes must be added before the first type is built."""

    nodes: dict[str, Node] = attrs.field(factory=dict)
    builder: TypeBuilder = attrs.field(factory=TypeBuilder)
    _types: dict[str, Any] = attrs.field(factory=dict)

    def node_of(self, name: str) -> Node:
        return self.nodes[name]

    def type_of(self, name: str) -> Any:
        if name not in self._types:
            self._types[name] = self.builder.build(self.nodes[name], name)
        return self._types[name]

    def check_cycles(self) -> list[str]:
        """Return the errors of schemas that contain themselves, so that they have no finite value
        or no type."""
        return [
            problem
            for name, node in self.nodes.items()
            if (problem := self._check_cycle(name, node)) is not None
        ]

    def _check_cycle(self, name: str, node: Node) -> str | None:
        if self._reaches(name, node, _inside_containers):
            return f"{node.place}: refers to itself; write a struct in between"
        if self._reaches(name, node, _required_parts):
            hint = f"make one of the references optional: '?{name}'"
            return f"{node.place}: each value requires another one inside of it; {hint}"
        return None

    def _reaches(self, name: str, node: Node, parts_of: "PartsOf") -> bool:
        """Whether *node*, or one of its parts at any depth, is a reference to *name*."""
        todo, seen = [node], set[str]()
        while todo:
            part = todo.pop()
            if not isinstance(part, Reference):
                todo += parts_of(part)
            elif part.name == name:
                return True
            elif part.name not in seen:
                seen.add(part.name)
                todo.append(part.resolve())
        return False


PartsOf = Callable[[Node], Iterable[Node]]


def _inside_containers(node: Node) -> Iterable[Node]:
    """Return the parts whose types are contained in the type of *node*. The type of a struct
    refers to its parts, so it contains none."""
    if isinstance(node, Array):
        return (node.item,)
    if isinstance(node, Dictionary):
        return (node.value,)
    return node.alternatives if isinstance(node, Union) else ()


def _required_parts(node: Node) -> Iterable[Node]:
    """Return the parts that every value of *node* has."""
    if isinstance(node, Struct):
        return [field for field in node.fields.values() if field.is_required]
    is_filled = isinstance(node, Array | Dictionary) and node.shortest > 0
    return _inside_containers(node) if is_filled else ()
