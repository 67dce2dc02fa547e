"""The nodes to which both notations are parsed: one for each part of a schema.

A node does not have a Python type, error texts or a JSON Schema: `type_builder`, `error_texts` and
`json_schema` make these from nodes.
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
"""The ``validate`` of a notation; see `rules.checked_by` for its results."""


class Scope(Protocol):
    """The schemas to which a reference may refer."""

    def node_of(self, name: str) -> "Node":
        """Return the node of the schema *name*, which must exist."""

    def type_of(self, name: str) -> Any:
        """Return the type of the schema *name*, which must exist."""


@attrs.frozen(kw_only=True)
class ColumnRules:
    """The rules of a notation for the column of a field in a database.

    Attributes:
        index, unique: whether the column has an index, or a unique index.
        defaults_to_now: whether a missing datetime is set to the time of the insertion.
        on_delete, on_update: the action of SQL for rows that refer to a deleted or changed row.
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
        fields: the names of fields of the struct.
    """

    kind: str
    fields: tuple[str, ...]


@attrs.frozen(kw_only=True)
class StoredKind:
    """The kind of a schema: its first key and its value, such as ``{'Entity': {}}``."""

    name: str
    options: Mapping[str, Any]


@attrs.frozen(eq=False, kw_only=True)
class Node:
    """A part of a schema.

    Attributes:
        title: its type as the notation writes it, for messages.
        is_optional: whether the field may be missing.
        is_nullable: whether the value may be null.
        default: the value of a missing field.
        checks: functions that check the value.
        note: a description for documentation.
        place: the schema and the path where it is written, for errors at boot.
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
    """A field that the application computes; a value that a client sends is not checked."""


@attrs.frozen(eq=False, kw_only=True)
class Json(Node):
    """Any object or array."""


@attrs.frozen(eq=False, kw_only=True)
class Scalar(Node):
    """A text, number, boolean or date.

    ``shortest`` and ``longest`` are the bounds of ``length``: of the length of a text, or of the
    value of a number. ``minimum`` and ``maximum`` are the range of a number.
    """

    type: ScalarType
    shortest: float | None = None
    longest: float | None = None
    minimum: float | None = None
    maximum: float | None = None
    pattern: str | None = None


@attrs.frozen(eq=False, kw_only=True)
class Enumeration(Node):
    """One of ``values``, which are JSON scalars."""

    values: tuple[Any, ...]


@attrs.frozen(eq=False, kw_only=True)
class Struct(Node):
    """An object with the given fields. ``other`` is the node of the values of further names.

    ``kind`` and ``indexes``, the latter by name, are for the tables of a database.
    """

    fields: Mapping[str, Node]
    other: Node | None = None
    kind: StoredKind | None = None
    indexes: Mapping[str, IndexRules] = MappingProxyType({})


@attrs.frozen(eq=False, kw_only=True)
class Array(Node):
    """Any number of items; a set if they are ``unique``.

    Messages about an item of ``{many: 'Name'}`` do not have its index.
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
    """An array of scalars, each with its own type and an optional name; optional items are
    last."""

    items: tuple[tuple[str, Node], ...]

    @property
    def required_count(self) -> int:
        required = [n for n, (_, node) in enumerate(self.items, 1) if node.is_required]
        return max(required, default=0)


@attrs.frozen(eq=False, kw_only=True)
class Union(Node):
    """One of several types, which have different JSON types."""

    alternatives: tuple[Node, ...]


@attrs.frozen(eq=False, kw_only=True)
class Reference(Node):
    """A reference to the schema ``name`` of ``scope``."""

    name: str
    scope: Scope

    def resolve(self) -> Node:
        return self.scope.node_of(self.name)


def resolved(node: Node) -> Node:
    """Return the node to which *node* refers, or *node* itself."""
    while isinstance(node, Reference):
        node = node.resolve()
    return node


def parts_of(node: Node) -> list[Node]:
    """Return the nodes that *node* contains directly."""
    if isinstance(node, Struct):
        return [*node.fields.values(), *(() if node.other is None else (node.other,))]
    if isinstance(node, Array):
        return [node.item]
    if isinstance(node, Dictionary):
        return [node.key, node.value]
    if isinstance(node, Tuple):
        return [item for _, item in node.items]
    return list(node.alternatives) if isinstance(node, Union) else []
