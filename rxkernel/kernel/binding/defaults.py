"""What msgspec leaves out of a dataclass: the fields whose default is an attribute of the class.

`msgspec.convert` does not put such a default into the instance, and msgspec encodes a dataclass
from what is in the instance: the field would be there for the action and lost on the wire.
"""

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any, is_typeddict

import attrs

from rxkernel.kernel.binding.class_nodes import Choice, Object
from rxkernel.kernel.binding.constructors import hides_absence
from rxkernel.kernel.binding.nodes import Items, Node, Row, Table

Fill = Callable[[Any], None]
"""Puts into a value, at every depth, the defaults that msgspec left out."""

_Default = tuple[str, Callable[[], Any]]


def fill_of(node: Node) -> Fill | None:
    """How to fill a value of *node*; None, nearly always, when nothing can be left out of it."""
    return _Fills().of(node)


def _left_out(cls: Any) -> list[_Default]:
    if not dataclasses.is_dataclass(cls):
        return []
    return [
        (field.name, _maker(field))
        for field in dataclasses.fields(cls)
        if field.init and hides_absence(cls, field.name) and _has_default(field)
    ]


def _has_default(field: "dataclasses.Field[Any]") -> bool:
    missing = dataclasses.MISSING
    return field.default is not missing or field.default_factory is not missing


def _maker(field: "dataclasses.Field[Any]") -> Callable[[], Any]:
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory
    return lambda: field.default


def _below(node: Node) -> Iterator[Node]:
    if isinstance(node, Object):
        yield from (field.node for field in node.outputs)
    elif isinstance(node, Choice):
        yield from (n for n in (*node.arrays, node.table, *node.objects) if n is not None)
    elif isinstance(node, Items | Table):
        yield node.item if isinstance(node, Items) else node.value
    elif isinstance(node, Row):
        yield from node.items


def _is_concerned(node: Node, seen: set[int]) -> bool:
    """Whether *node*, or anything below it, is a class that something is left out of."""
    if id(node) in seen:
        return False
    seen.add(id(node))
    if isinstance(node, Object) and _left_out(node.cls):
        return True
    return any(_is_concerned(part, seen) for part in _below(node))


class _Fills:
    """Keeps those of the classes it has met: one may have itself among its fields."""

    def __init__(self) -> None:
        self._objects: dict[int, _ObjectFill | _MappingFill] = {}

    def of(self, node: Node) -> Fill | None:
        if not _is_concerned(node, set()):
            return None
        if isinstance(node, Object):
            return self._objects.get(id(node)) or self._object(node)
        if isinstance(node, Items | Table):
            part = self.of(node.item if isinstance(node, Items) else node.value)
            return None if part is None else _each(part, of_values=isinstance(node, Table))
        if isinstance(node, Row):
            return _row([(n, fill) for n, i in enumerate(node.items) if (fill := self.of(i))])
        return self._choice(node)

    def _object(self, node: Object) -> Fill:
        is_mapping = is_typeddict(node.cls)
        made = _MappingFill() if is_mapping else _ObjectFill(tuple(_left_out(node.cls)))
        self._objects[id(node)] = made
        made.parts = tuple((f.name, fill) for f in node.outputs if (fill := self.of(f.node)))
        return made

    def _choice(self, node: Node) -> Fill:
        by_class = {
            cls: fill
            for part in _below(node)
            if (fill := self.of(part)) is not None
            for cls in _classes_of(part)
        }

        def fill_one(value: Any) -> None:
            if (fill := by_class.get(type(value))) is not None:
                fill(value)

        return fill_one


def _classes_of(node: Node) -> tuple[type, ...]:
    """The classes of the values that msgspec makes of *node*."""
    if isinstance(node, Object):
        return (dict if is_typeddict(node.cls) else node.cls,)
    if isinstance(node, Row):
        return (node.cls,)
    return (dict,) if isinstance(node, Table) else (list, tuple, set, frozenset)


@attrs.define(eq=False)
class _ObjectFill:
    defaults: tuple[_Default, ...]
    parts: tuple[tuple[str, Fill], ...] = ()

    def __call__(self, value: Any) -> None:
        if self.defaults:
            held = value.__dict__
            for name, make in self.defaults:
                if name not in held:
                    held[name] = make()
        for name, fill in self.parts:
            if (part := getattr(value, name, None)) is not None:
                fill(part)


@attrs.define(eq=False)
class _MappingFill:
    parts: tuple[tuple[str, Fill], ...] = ()

    def __call__(self, value: Any) -> None:
        for name, fill in self.parts:
            if name in value:
                fill(value[name])


def _each(part: Fill, *, of_values: bool) -> Fill:
    def fill(value: Any) -> None:
        for one in value.values() if of_values else value:
            part(one)

    return fill


def _row(parts: list[tuple[int, Fill]]) -> Fill:
    def fill(value: Any) -> None:
        for place, part in parts:
            part(value[place])

    return fill
