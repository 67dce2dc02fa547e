"""What both notations are parsed to: one node for each part of a schema.

A node knows no type of Python, no text and no JSON Schema: `type_builder`, `error_texts` and
`json_schema` make these of it.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Protocol

import attrs

from bundles.contracts.schemas.scalar_types import ScalarType


class _NoDefault:
    """The type of `NO_DEFAULT`."""


NO_DEFAULT: Any = _NoDefault()

Check = Callable[[Any], Any]
"""The ``validate`` of a notation: returns True or None, False, a text or a list of texts."""


class Scope(Protocol):
    """The schemas that a reference may name."""

    def node_of(self, name: str) -> "Node":
        """The node of the schema *name*, which exists."""

    def type_of(self, name: str) -> Any:
        """The type of the schema *name*; schemas may refer to each other."""


@attrs.frozen(kw_only=True)
class ColumnRules:
    """The rules of a notation for the column of a field in a database.

    Attributes:
        index, unique: whether the column has an index, or one that forbids equal values.
        defaults_to_now: whether a datetime that is left out is the time of the insert.
        on_delete, on_update: what happens to the rows that refer to a deleted or changed one.
    """

    index: bool = False
    unique: bool = False
    defaults_to_now: bool = False
    on_delete: str = ""
    on_update: str = ""


@attrs.frozen(kw_only=True)
class IndexRules:
    """An index of several fields: ``{'unique': ['name', 'city']}``.

    Attributes:
        kind: ``index``, ``unique`` or ``primary``.
        fields: names of fields of the struct.
    """

    kind: str
    fields: tuple[str, ...]


@attrs.frozen(kw_only=True)
class StoredKind:
    """The kind of a schema: its first key, such as ``{'Entity': {}}``, and the value of it."""

    name: str
    options: Mapping[str, Any]


@attrs.frozen(eq=False, kw_only=True)
class Node:
    """A part of a schema.

    Attributes:
        title: its type as the notation writes it, for texts.
        is_optional: whether a field may be left out.
        is_nullable: whether it may be null.
        default: the value of a field that is left out.
        checks: functions that check the value.
        note: a description for documentation.
        place: where it is written, for errors at boot.
        column: the rules for its column in a database.
    """

    title: str = ""
    is_optional: bool = False
    is_nullable: bool = False
    default: Any = NO_DEFAULT
    checks: tuple[Check, ...] = ()
    note: str = ""
    place: str = ""
    column: ColumnRules = ColumnRules()

    @property
    def is_required(self) -> bool:
        """Whether a field of this node must be sent."""
        return not self.is_optional and self.default is NO_DEFAULT


@attrs.frozen(eq=False, kw_only=True)
class Anything(Node):
    """Any value."""


@attrs.frozen(eq=False, kw_only=True)
class Computed(Node):
    """A field that the application computes; what a client sends for it is not checked."""


@attrs.frozen(eq=False, kw_only=True)
class Json(Node):
    """Any object or array."""


@attrs.frozen(eq=False, kw_only=True)
class Scalar(Node):
    """A text, number, boolean or date.

    ``shortest`` and ``longest`` are the length of a text, or the range of a number that is
    written as its ``length``. ``minimum`` and ``maximum`` are the range of a number.
    """

    type: ScalarType
    shortest: float | None = None
    longest: float | None = None
    minimum: float | None = None
    maximum: float | None = None
    pattern: str | None = None


@attrs.frozen(eq=False, kw_only=True)
class Enumeration(Node):
    """One of ``values``, which are scalars of JSON."""

    values: tuple[Any, ...]


@attrs.frozen(eq=False, kw_only=True)
class Struct(Node):
    """An object with the given fields; ``other`` are the values of any further names.

    ``kind`` and ``indexes``, by name, are for the tables of a database.
    """

    fields: Mapping[str, Node]
    other: Node | None = None
    kind: StoredKind | None = None
    indexes: Mapping[str, IndexRules] = MappingProxyType({})


@attrs.frozen(eq=False, kw_only=True)
class Array(Node):
    """Any number of items; a set if they are ``unique``.

    The items of ``{many: 'Name'}`` have no index in texts.
    """

    item: Node
    unique: bool = False
    shortest: int = 0
    longest: int | None = None
    has_index: bool = True


@attrs.frozen(eq=False, kw_only=True)
class Dictionary(Node):
    """An object with any names."""

    key: Node
    value: Node
    shortest: int = 0
    longest: int | None = None


@attrs.frozen(eq=False, kw_only=True)
class Tuple(Node):
    """An array of scalars, each with its own type and perhaps a name; optional ones are last."""

    items: tuple[tuple[str, Node], ...]

    @property
    def required_count(self) -> int:
        required = [n for n, (_, node) in enumerate(self.items, 1) if node.is_required]
        return max(required, default=0)


@attrs.frozen(eq=False, kw_only=True)
class Union(Node):
    """One of several types, which differ by their JSON type."""

    alternatives: tuple[Node, ...]


@attrs.frozen(eq=False, kw_only=True)
class Reference(Node):
    """The schema ``name`` of ``scope``."""

    name: str
    scope: Scope

    def resolve(self) -> Node:
        return self.scope.node_of(self.name)


def resolved(node: Node) -> Node:
    """The node that *node* refers to, or *node* itself."""
    while isinstance(node, Reference):
        node = node.resolve()
    return node


def parts_of(node: Node) -> list[Node]:
    """Return the nodes that *node* contains itself."""
    if isinstance(node, Struct):
        return [*node.fields.values(), *(() if node.other is None else (node.other,))]
    if isinstance(node, Array):
        return [node.item]
    if isinstance(node, Dictionary):
        return [node.key, node.value]
    if isinstance(node, Tuple):
        return [item for _, item in node.items]
    return list(node.alternatives) if isinstance(node, Union) else []
