"""What leaves as it is: told by its class alone where that says all, else by a short look.

It passes only where `Node.opened` would give back the very instance and msgspec take it. What is
not told here (a subclass, a mapping for a class, a type within itself) is left to them.
"""

from collections.abc import Callable
from types import NoneType
from typing import Any

from rxkernel.kernel.binding.class_nodes import Choice, Object
from rxkernel.kernel.binding.nodes import ARRAYS, ATOMS, Items, Leaf, Node, Row, Table

Passes = Callable[[Any], bool]

Looks = dict[type, Passes | None]
"""The classes that may pass, each with a look at its instance; None where there is no need."""

_PASSING_ATOMS = (bool, int, float, str, bytes)


def passing(node: Node) -> Passes:
    """Whether a value of *node* may leave as it is."""
    return _told_by(_Reader().given(node))


def _told_by(looks: Looks) -> Passes:
    sure, unsure = _split(looks)
    if not unsure:
        return lambda value: type(value) in sure

    def passes(value: Any) -> bool:
        cls = type(value)
        return cls in sure or (cls in unsure and unsure[cls](value))

    return passes


def _split(looks: Looks) -> tuple[frozenset[type], dict[type, Passes]]:
    sure = frozenset(cls for cls, look in looks.items() if look is None)
    return sure, {cls: look for cls, look in looks.items() if look is not None}


class _Reader:
    """Keeps the classes it has met; none passes within itself."""

    def __init__(self) -> None:
        self._objects: dict[int, Looks] = {}

    def given(self, node: Node) -> Looks:
        """For what msgspec would look at: the whole, and parts that are in no instance."""
        if isinstance(node, Object):
            return self._object(node)
        if isinstance(node, Choice):
            return self._choice(node)
        if isinstance(node, Leaf):
            return {node.type: None} if node.type in _PASSING_ATOMS else {}
        return self._given_many(node) if isinstance(node, Items | Table) else {}

    def _given_many(self, node: Items | Table) -> Looks:
        kind = list if isinstance(node, Items) else dict
        part = node.item if isinstance(node, Items) else node.value
        if isinstance(part, Leaf) and part.type is Any:
            return {kind: None}
        if part.is_flat or node.shortest or node.longest is not None:
            return {}
        if isinstance(node, Table):
            return {dict: _each_value(self.given(part))} if _has_text_keys(node) else {}
        return {list: _each(self.given(part))} if node.make is list else {}

    def _choice(self, node: Choice) -> Looks:
        looks: Looks = {NoneType: None} if node.is_optional else {}
        tables = () if node.table is None or node.objects else (node.table,)
        leaves = () if node.leaf is None else (node.leaf,)
        for part in (*node.objects, *node.arrays, *tables, *leaves):
            looks |= self.given(part)
        return looks

    def _object(self, node: Object) -> Looks:
        if node.is_closed:
            return {node.cls: None}
        if id(node) not in self._objects:
            self._objects[id(node)] = {}
            self._objects[id(node)] = {node.cls: self._fields(node)}
        return self._objects[id(node)]

    def _fields(self, node: Object) -> Passes:
        parts = [(f.name, looks) for f in node.outputs if (looks := self.kept(f.node)) is not None]
        told = [(name, frozenset(looks)) for name, looks in parts if not any(looks.values())]
        looked_at = [(name, _told_by(looks)) for name, looks in parts if any(looks.values())]
        has_strays = node.strays.are_in if node.strays.are_possible else None

        def passes(value: Any) -> bool:
            try:
                for name, classes in told:
                    if type(getattr(value, name)) not in classes:
                        return False
                for name, part_passes in looked_at:
                    if not part_passes(getattr(value, name)):
                        return False
            except AttributeError:
                return False
            return has_strays is None or not has_strays(value)

        return passes

    def kept(self, node: Node) -> Looks | None:
        """For what is in an instance, where msgspec looks no more; None where nobody does."""
        if isinstance(node, Object):
            return self._object(node)
        if isinstance(node, Choice):
            return self._kept_choice(node)
        if isinstance(node, Items):
            item = None if node.item.is_flat else self.kept(node.item)
            return dict.fromkeys(ARRAYS, None if item is None else _each(item))
        if isinstance(node, Row):
            return {node.cls: self._row(node)}
        if isinstance(node, Table) and not node.is_flat:
            value = self.kept(node.value)
            return {dict: None if value is None else _each_value(value)}
        return None

    def _kept_choice(self, node: Choice) -> Looks | None:
        if node.is_flat and not node.arrays:
            return None
        looks: Looks = dict.fromkeys((NoneType, *ATOMS))
        tables = () if node.table is None or node.objects else (node.table,)
        for part in (*node.objects, *node.arrays, *tables):
            looks |= self.kept(part) or {}
        return looks

    def _row(self, node: Row) -> Passes:
        places = [None if (k := self.kept(i)) is None else _told_by(k) for i in node.items]

        def passes(value: Any) -> bool:
            return len(value) <= len(places) and all(
                place is None or place(part) for place, part in zip(places, value, strict=False)
            )

        return passes


def _has_text_keys(node: Table) -> bool:
    return isinstance(node.key, Leaf) and node.key.type is str


def _each(looks: Looks) -> Passes:
    sure, unsure = _split(looks)
    if not unsure:
        return lambda values: sure.issuperset(map(type, values))
    passes = _told_by(looks)
    return lambda values: all(map(passes, values))


def _each_value(looks: Looks) -> Passes:
    each = _each(looks)
    return lambda table: all(type(key) is str for key in table) and each(table.values())
