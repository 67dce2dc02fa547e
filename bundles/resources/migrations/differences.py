"""The differences between models and tables, as lines for the developer."""

from collections.abc import Iterable, Iterator
from typing import Any

from sqlalchemy import Index
from sqlalchemy.schema import ColumnCollectionConstraint


def described(differences: Iterable[Any]) -> list[str]:
    """Return the changes that a revision would make.

    Args:
        differences: the result of `alembic.autogenerate.compare_metadata`: tuples; or, for the
            changes of one column, a list of tuples.
    """
    return [line for difference in differences for line in _lines(difference)]


def _lines(difference: Any) -> Iterator[str]:
    if isinstance(difference, list):
        for kind, _, table, column, _, old, new in difference:
            yield f"change {kind.removeprefix('modify_')} of {table}.{column}: {old!r} to {new!r}"
    else:
        kind, *parts = difference
        yield f"{kind.replace('fk', 'foreign_key').replace('_', ' ')} {_name(parts)}"


def _name(parts: list[Any]) -> str:
    match parts:
        case [_, str() as table, column]:
            return f"{table}.{column.name}"
        case [Index() | ColumnCollectionConstraint() as item, *_]:
            columns = ", ".join(column.name for column in item.columns)
            name = f"{item.name} " if item.name else ""
            return f"{name}of {getattr(item.table, 'name', '')} ({columns})"
        case [item, *_]:
            return str(item.name)
    return ""
