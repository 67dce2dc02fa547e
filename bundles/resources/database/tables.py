"""Finds the fields that belong to columns and constraints, for error responses."""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import TypeAlias

import attrs
from sqlalchemy import CheckConstraint, Column, MetaData, Table
from sqlalchemy.orm import DeclarativeBase, Mapper

Base: TypeAlias = "type[DeclarativeBase] | MetaData"
"""A collection of the tables of a database."""


def metadata_of(base: Base) -> MetaData:
    return base if isinstance(base, MetaData) else base.metadata


def joined(bases: Sequence[Base]) -> MetaData:
    """Return the tables of all *bases* in one `MetaData`."""
    first, *others = [metadata_of(base) for base in bases] or [MetaData()]
    if not others:
        return first
    models = MetaData(schema=first.schema, naming_convention=first.naming_convention)
    for metadata in (first, *others):
        for table in metadata.tables.values():
            table.to_metadata(models)
    return models


@attrs.frozen
class Tables:
    """The tables of *bases*. The field of a column is the attribute of its mapped class; without a
    class, the name of the column."""

    bases: Sequence[Base]

    def fields(self, table: str | None, columns: Iterable[str]) -> list[str]:
        """Return the fields of *columns* of *table*; the column names if the table is unknown."""
        found = self.table(table)
        names = list(columns)
        return names if found is None else [self._field(found, name) for name in names]

    def fields_of_constraint(self, table: str | None, name: str | None) -> list[str]:
        """Return the fields in the constraint or the unique index *name*. Without *table*, that of
        the only table that has it. Empty if it is unknown."""
        given = self.table(table)
        for candidate in self._all() if given is None else [given]:
            columns = list(_columns_of(candidate, name))
            if columns:
                return [self._field(candidate, column.name) for column in columns]
        return []

    def fields_if_known(self, table: str | None, column: str) -> list[str]:
        """Return the field of *column*; empty if *table* or its column is unknown."""
        found = self.table(table)
        is_known = found is not None and any(c.name == column for c in found.columns)
        return self.fields(table, [column]) if is_known else []

    def refers(self, table: str | None, columns: Sequence[str]) -> bool:
        """Whether *columns* of *table* are a foreign key; True if the table is unknown."""
        found = self.table(table)
        return found is None or any(
            {column.name for column in constraint.columns} == set(columns)
            for constraint in found.foreign_key_constraints
        )

    def only_reference(self, table: str | None) -> list[str]:
        """Return the fields of the only foreign key of *table*; empty if it has several."""
        found = self.table(table)
        keys = [] if found is None else list(found.foreign_key_constraints)
        return self.fields(table, [c.name for c in keys[0].columns]) if len(keys) == 1 else []

    def table(self, name: str | None) -> Table | None:
        return next((table for table in self._all() if name in (table.name, table.fullname)), None)

    def _all(self) -> Iterator[Table]:
        for base in self.bases:
            yield from metadata_of(base).tables.values()

    def _field(self, table: Table, name: str) -> str:
        column = next((c for c in table.columns if c.name == name), None)
        if column is None:
            return name
        for mapper in self._mappers():
            if table in mapper.tables and mapper.columns.contains_column(column):
                return str(mapper.get_property_by_column(column).key)
        return name

    def _mappers(self) -> Iterator[Mapper[object]]:
        for base in self.bases:
            if not isinstance(base, MetaData):
                yield from base.registry.mappers


def _columns_of(table: Table, name: str | None) -> Iterator[Column[object]]:
    if name == "PRIMARY":  # MariaDB
        yield from table.primary_key.columns
    for index in table.indexes:
        if index.name == name:
            yield from index.columns
    for constraint in table.constraints:
        if constraint.name == name and name is not None:
            if isinstance(constraint, CheckConstraint):
                words = set(re.findall(r"\w+", str(constraint.sqltext)))
                yield from (column for column in table.columns if column.name in words)
            else:
                yield from getattr(constraint, "columns", ())
