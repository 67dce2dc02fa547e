"""Reads mapped classes of SQLAlchemy."""

from collections.abc import Iterator, Sequence
from typing import Any, TypeVar, get_args, get_origin

from sqlalchemy import Column, ColumnElement, Index, Table, UniqueConstraint
from sqlalchemy import inspect as sqlalchemy_inspect
from sqlalchemy.orm import Mapper

from rxkernel import ConfigurationError
from rxkernel.nearest import nearest


def mapper_of(cls: Any) -> Mapper[Any]:
    """Return the mapper of *cls*.

    Raises:
        ConfigurationError: it is not a mapped class.
    """
    mapper = sqlalchemy_inspect(cls, raiseerr=False) if isinstance(cls, type) else None
    if not isinstance(mapper, Mapper):
        name = getattr(cls, "__qualname__", cls)
        raise ConfigurationError(
            f"{name} is not a mapped class of SQLAlchemy; write a class with a table, derived "
            f"from the declarative base"
        )
    return mapper


def entity_of(cls: type[Any], base: type[Any]) -> type[Any] | None:
    """Return the mapped class with which *cls* is derived from the generic *base*: `Article` of
    ``class Articles(Repository[Article])``. None without such a class.

    Raises:
        ConfigurationError: it is not a mapped class.
    """
    for generic in getattr(cls, "__orig_bases__", ()):
        origin, given = get_origin(generic), get_args(generic)
        is_base = isinstance(origin, type) and issubclass(origin, base)
        if is_base and given and not isinstance(given[0], TypeVar):
            found: type[Any] = mapper_of(given[0]).class_
            return found
    return None


def column_of(cls: type[Any], name: str) -> Column[Any]:
    """Return the column of the attribute *name* of the mapped *cls*.

    Raises:
        ConfigurationError: *cls* has no such column.
    """
    attributes = mapper_of(cls).column_attrs
    if name not in attributes:
        raise ConfigurationError(
            f"{cls.__qualname__} has no column {name!r}; {_hint(name, list(attributes.keys()))}"
        )
    column = attributes[name].columns[0]
    if not isinstance(column, Column):
        raise ConfigurationError(
            f"{cls.__qualname__}.{name} is an expression, not a column of a table; name a column"
        )
    return column


def _hint(name: str, known: Sequence[str]) -> str:
    if near := nearest(name, known):
        return f"did you mean {near!r}?"
    return f"it has {', '.join(known)}"


def is_unique(column: ColumnElement[Any]) -> bool:
    """Whether two rows cannot have the same value in *column*; False for other expressions."""
    table = column.table if isinstance(column, Column) else None
    return isinstance(table, Table) and any(
        columns == [column] for columns in _unique_columns(table)
    )


def _unique_columns(table: Table) -> Iterator[list[Column[Any]]]:
    yield list(table.primary_key.columns)
    yield from ([column] for column in table.columns if column.unique)
    for constraint in table.constraints:
        if isinstance(constraint, UniqueConstraint):
            yield list(constraint.columns)
    for index in table.indexes:
        if isinstance(index, Index) and index.unique:
            yield list(index.columns)
