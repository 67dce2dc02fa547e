"""Reads the table of one schema."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

import attrs
from sqlalchemy import (
    JSON,
    Column,
    DefaultClause,
    ForeignKeyConstraint,
    Identity,
    Index,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    func,
    literal,
)
from sqlalchemy.types import TypeEngine

from bundles.contracts.schemas.nodes import (
    NO_DEFAULT,
    Array,
    Computed,
    IndexRules,
    Node,
    Reference,
    Struct,
    resolved,
)
from bundles.contracts.schemas.suggestion import suggestion
from bundles.resources.metaschema.column_types import KEY, type_of
from bundles.resources.metaschema.names import IDENTIFIER, key_of, lower_camel, upper_camel
from rxkernel import encode_json

_MEMORY = ("Struct", "Scalar", "Form", "Projection", "View")
"""Kinds without a table. The rows of a view come from a query, which a schema does not have."""


def is_stored(node: Node) -> bool:
    """Whether a schema has a table: it has a kind, of Metarhia or another one, except those in
    memory."""
    kind = node.kind if isinstance(node, Struct) else None
    if kind is None:
        return False
    return kind.name not in _MEMORY and kind.options.get("store") != "memory"


def is_registry(node: Node) -> bool:
    return isinstance(node, Struct) and node.kind is not None and node.kind.name == "Registry"


@attrs.frozen
class CrossTable:
    """The table for ``{many: 'City'}``, with pairs of rows of *first* and *second*."""

    first: str
    second: str

    @property
    def name(self) -> str:
        return self.first + self.second


class TableBuilder:
    """Adds the table of each stored schema to *metadata*.

    Attributes:
        problems: the errors, which boot reports together.
    """

    def __init__(self, nodes: Mapping[str, Node], metadata: MetaData) -> None:
        self.problems: list[str] = []
        self._stored = {name: node for name, node in nodes.items() if is_stored(node)}
        self._metadata = metadata

    def build_all(self) -> dict[str, Table]:
        """Return the tables by the names of their schemas, and the cross tables by their own
        names."""
        found: dict[str, Table] = {}
        crossed: list[CrossTable] = []
        for name, node in self._stored.items():
            assert isinstance(node, Struct)
            columns = _Columns(name, node, self._stored, self.problems)
            found[name] = self._table(name, node, columns)
            crossed += columns.crossed
        for cross in crossed:
            if cross.name in found:
                self.problems.append(
                    f"schema {cross.first!r}: the pairs with {cross.second!r} are stored in the "
                    f"table {cross.name!r}, and there is another one of this name; rename a schema"
                )
            else:
                found[cross.name] = self._cross_table(cross)
        return found

    def _table(self, name: str, node: Struct, columns: "_Columns") -> Table:
        key = key_of(name, is_registry=is_registry(node))
        primary = [index for index in node.indexes.values() if index.kind == "primary"]
        parts: list[Any] = []
        if primary:
            keys = columns.names_of(primary[0])
        else:
            keys = (key,)
            parts += self._key(name, node, key)
        parts += [*columns.columns, *columns.keys]
        if set(keys) <= {part.name for part in parts if isinstance(part, Column)}:
            parts.append(PrimaryKeyConstraint(*keys, name=f"pk{name}"))
        table = Table(name, self._metadata, *parts)
        for index in columns.indexes():
            Index(index.name, *(table.c[each] for each in index.columns), unique=index.is_unique)
        return table

    def _key(self, name: str, node: Struct, key: str) -> Iterator[Any]:
        if not is_registry(node) or name == IDENTIFIER:
            yield Column(key, KEY, Identity(always=True), nullable=False, autoincrement=True)
            return
        yield Column(key, KEY, nullable=False, autoincrement=False)
        if IDENTIFIER not in self._stored:
            self.problems.append(
                f"{node.place}: the ids of a Registry are those of the schema {IDENTIFIER!r}, and "
                f"there is none; write a schema {IDENTIFIER!r} of the kind Entity"
            )
            return
        yield ForeignKeyConstraint([key], [f"{IDENTIFIER}.id"], name=f"fk{name}Id")

    def _cross_table(self, cross: CrossTable) -> Table:
        columns: list[str] = []
        parts: list[Any] = []
        for name in (cross.first, cross.second):
            column = f"{lower_camel(name)}Id"
            if column in columns:  # a schema with many of itself
                column = f"{lower_camel(name)}ToId"
            columns.append(column)
            key = key_of(name, is_registry=is_registry(self._stored[name]))
            parts.append(Column(column, KEY, nullable=False, autoincrement=False))
            parts.append(
                ForeignKeyConstraint(
                    [column],
                    [f"{name}.{key}"],
                    name=f"fk{cross.name}{upper_camel(column.removesuffix('Id'))}",
                    ondelete="CASCADE",
                )
            )
        parts.append(PrimaryKeyConstraint(*columns, name=f"pk{cross.name}"))
        return Table(cross.name, self._metadata, *parts)


@attrs.frozen
class _Index:
    name: str
    columns: tuple[str, ...]
    is_unique: bool


class _Columns:
    """The columns of the schema *name*, including those of nested structs."""

    def __init__(
        self, name: str, node: Struct, stored: Collection[str], problems: list[str]
    ) -> None:
        self.columns: list[Column[Any]] = []
        self.keys: list[ForeignKeyConstraint] = []
        self.crossed: list[CrossTable] = []
        self._name = name
        self._node = node
        self._stored = stored
        self._problems = problems
        self._fields: dict[str, tuple[str, Node]] = {}
        key = f"{lower_camel(name)}Id"
        self._add_fields({k: v for k, v in node.fields.items() if k != key}, "", False, ())

    def names_of(self, index: IndexRules) -> tuple[str, ...]:
        """Return the columns of *index*; add an error for a field that does not exist."""
        for field in index.fields:
            if field not in self._fields:
                near = suggestion(str(field), self._fields)
                self._report(
                    self._node,
                    f"{index.kind} names the field {field!r}, which has no column{near}",
                )
        return tuple(self._fields[each][0] for each in index.fields if each in self._fields)

    def indexes(self) -> Iterator[_Index]:
        """Yield the indexes of single fields, then those of several fields."""
        for field, (column, node) in self._fields.items():
            if node.column.unique or node.column.index:
                yield self._index(field, (column,), node.column.unique)
        for field, rules in self._node.indexes.items():
            if rules.kind != "primary" and (columns := self.names_of(rules)):
                yield self._index(field, columns, rules.kind == "unique")

    def _index(self, field: str, columns: tuple[str, ...], is_unique: bool) -> _Index:
        prefix = "ak" if is_unique else "idx"
        return _Index(f"{prefix}{self._name}{upper_camel(field)}", columns, is_unique)

    def _add_fields(
        self, fields: Mapping[str, Node], prefix: str, is_optional: bool, inside: tuple[Node, ...]
    ) -> None:
        for field, node in fields.items():
            name = prefix + upper_camel(field) if prefix else field
            self._add(name, node, is_optional or node.is_nullable or node.is_optional, inside)

    def _add(self, name: str, node: Node, is_optional: bool, inside: tuple[Node, ...]) -> None:
        if isinstance(node, Computed):
            return
        if isinstance(node, Array) and not node.has_index:
            self._add_many(node)
            return
        if isinstance(node, Reference) and node.name in self._stored:
            self._add_reference(name, node, is_optional)
            return
        found = resolved(node)
        if not isinstance(found, Struct) or found.other is not None:
            self._add_value(name, node, found, is_optional)
        elif found in inside or found is self._node:
            self._report(node, "a struct without a table contains itself; give it a kind: Entity")
        else:
            self._add_fields(found.fields, name, is_optional, (*inside, found))

    def _add_many(self, node: Array) -> None:
        item = node.item
        assert isinstance(item, Reference)
        if item.name in self._stored:
            self.crossed.append(CrossTable(self._name, item.name))
        else:
            self._report(
                node, f"'many' of {item.name!r}, which has no table; give it a kind: Entity"
            )

    def _add_reference(self, name: str, node: Reference, is_optional: bool) -> None:
        column, rules = f"{name}Id", node.column
        target = key_of(node.name, is_registry=is_registry(resolved(node)))
        if rules.on_delete == "SET NULL" and not is_optional:
            self._report(
                node, f"delete is 'set null', and the field is required; write '?{node.name}'"
            )
        self._put(name, Column(column, KEY, nullable=is_optional, autoincrement=False), node)
        self.keys.append(
            ForeignKeyConstraint(
                [column],
                [f"{node.name}.{target}"],
                name=f"fk{self._name}{upper_camel(name)}",
                ondelete=rules.on_delete or None,
                onupdate=rules.on_update or None,
                use_alter=True,
            )
        )

    def _add_value(self, name: str, node: Node, found: Node, is_optional: bool) -> None:
        is_key = node.column.unique or node.column.index or self._is_in_index(name)
        try:
            type_ = type_of(found, is_key=is_key)
        except ValueError as exc:
            self._report(node, str(exc))
            return
        default = (
            node.default if found is node or node.default is not NO_DEFAULT else found.default
        )
        # a field with a default may be missing, and is stored with the default
        has_default = default is not NO_DEFAULT or node.column.defaults_to_now
        column: Column[Any] = Column(
            name,
            type_,
            nullable=is_optional and not has_default,
            server_default=_server_default(node, default, type_),
        )
        self._put(name, column, node)

    def _is_in_index(self, name: str) -> bool:
        return any(name in index.fields for index in self._node.indexes.values())

    def _put(self, field: str, column: Column[Any], node: Node) -> None:
        if any(column.name == other.name for other in self.columns):
            self._report(node, f"two fields have the column {column.name!r}; rename one")
            return
        self._fields[field] = column.name, node
        self.columns.append(column)

    def _report(self, node: Node, problem: str) -> None:
        self._problems.append(f"{node.place or self._node.place}: {problem}")


def _server_default(node: Node, default: Any, type_: TypeEngine[Any]) -> Any:
    if node.column.defaults_to_now:
        return func.current_timestamp()
    if default is NO_DEFAULT:
        return None
    if isinstance(type_, JSON):
        return encode_json(default).decode()
    return DefaultClause(literal(default, type_))
