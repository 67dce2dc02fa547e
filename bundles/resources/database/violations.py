"""Reads the error of a driver about a value that the database has rejected."""

import re
from enum import StrEnum
from typing import Any

import attrs
from sqlalchemy.exc import DataError, DBAPIError

from bundles.resources.database.error_kinds import number_of
from bundles.resources.database.tables import Tables


class Kind(StrEnum):
    """The reason of a rejection."""

    UNIQUE = "unique"
    IN_USE = "in_use"
    """A row to which others refer is removed, or its key is changed."""
    UNKNOWN_REFERENCE = "unknown_reference"
    MISSING = "missing"
    INVALID = "invalid"
    TOO_LONG = "too_long"
    OUT_OF_RANGE = "out_of_range"


@attrs.frozen
class Violation:
    """A rejected value; *fields* is empty if the driver does not name a column."""

    kind: Kind
    fields: tuple[str, ...] = ()


_STATEMENT = re.compile(r"\s*(INSERT\s+INTO|UPDATE|DELETE\s+FROM)\s+([^\s(]+)", re.IGNORECASE)

_POSTGRESQL = {
    "23505": Kind.UNIQUE,
    "23P01": Kind.UNIQUE,  # an exclusion constraint
    "23001": Kind.IN_USE,
    "23503": Kind.UNKNOWN_REFERENCE,  # or in use
    "23502": Kind.MISSING,
    "23514": Kind.INVALID,
    "22001": Kind.TOO_LONG,
    "22003": Kind.OUT_OF_RANGE,
    "22008": Kind.OUT_OF_RANGE,  # of a date or a time
}
_MARIADB = {
    1062: Kind.UNIQUE,
    1586: Kind.UNIQUE,
    1451: Kind.IN_USE,
    1452: Kind.UNKNOWN_REFERENCE,
    1048: Kind.MISSING,
    1364: Kind.MISSING,
    4025: Kind.INVALID,
    3819: Kind.INVALID,  # MySQL
    1366: Kind.INVALID,
    1292: Kind.INVALID,
    1406: Kind.TOO_LONG,
    1264: Kind.OUT_OF_RANGE,
}
_SQLITE = {
    "SQLITE_CONSTRAINT_UNIQUE": Kind.UNIQUE,
    "SQLITE_CONSTRAINT_PRIMARYKEY": Kind.UNIQUE,
    "SQLITE_CONSTRAINT_ROWID": Kind.UNIQUE,
    "SQLITE_CONSTRAINT_FOREIGNKEY": Kind.UNKNOWN_REFERENCE,  # or in use
    "SQLITE_CONSTRAINT_NOTNULL": Kind.MISSING,
    "SQLITE_CONSTRAINT_CHECK": Kind.INVALID,
    "SQLITE_CONSTRAINT_DATATYPE": Kind.INVALID,
    "SQLITE_MISMATCH": Kind.INVALID,
}


def violation_of(exc: DBAPIError, tables: Tables) -> Violation | None:
    """Return the violation that *exc* reports; None for other errors."""
    original: Any = exc.orig
    verb, table = _parsed(exc.statement)
    if hasattr(original, "diag"):  # of psycopg; pymysql has some states of SQL too
        state = original.sqlstate
        kind = _POSTGRESQL.get(state, Kind.INVALID if isinstance(exc, DataError) else None)
        return None if kind is None else _of_postgresql(kind, original, verb, tables)
    if (name := getattr(original, "sqlite_errorname", None)) in _SQLITE:
        return _of_sqlite(_SQLITE[name], str(original), verb, table, tables)
    if (number := number_of(original)) in _MARIADB:
        return _of_mariadb(_MARIADB[number], str(original.args[-1]), table, tables)
    return Violation(Kind.INVALID) if isinstance(exc, DataError) else None


def _parsed(statement: str | None) -> tuple[str, str | None]:
    """Return the verb and the table of *statement*; ``""`` and None for a commit."""
    found = None if statement is None else _STATEMENT.match(statement)
    if found is None:
        return "", None
    return found[1].split()[0].upper(), found[2].strip('`"').rpartition(".")[2].strip('`"')


def _of_postgresql(kind: Kind, original: Any, verb: str, tables: Tables) -> Violation:
    facts = original.diag
    table = facts.table_name
    # the language of the text depends on the server; the part in parentheses does not
    named = re.search(r"\(([^=]*)\)=\(", facts.message_detail or "")
    columns = _names(named[1]) if named else []
    if kind is Kind.UNKNOWN_REFERENCE and (verb == "DELETE" or not tables.refers(table, columns)):
        return Violation(Kind.IN_USE)
    if facts.column_name:
        columns = [facts.column_name]
    elif fields := tables.fields_of_constraint(table, facts.constraint_name):
        return Violation(kind, tuple(fields))
    return Violation(kind, tuple(tables.fields(table, columns)))


def _of_sqlite(kind: Kind, text: str, verb: str, table: str | None, tables: Tables) -> Violation:
    if kind is Kind.UNKNOWN_REFERENCE:  # the text names nothing
        if verb == "DELETE":
            return Violation(Kind.IN_USE)
        return Violation(kind, tuple(tables.only_reference(table)))
    names = text.partition(": ")[2]
    if kind is Kind.INVALID:
        return Violation(kind, tuple(tables.fields_of_constraint(table, names)))
    if names.startswith("index "):
        return Violation(kind, tuple(tables.fields_of_constraint(table, names[6:].strip("'"))))
    pairs = [name.rpartition(".") for name in _names(names)]
    return Violation(kind, tuple(f for t, _, column in pairs for f in tables.fields(t, [column])))


def _of_mariadb(kind: Kind, text: str, table: str | None, tables: Tables) -> Violation:
    match kind:
        case Kind.UNIQUE:
            key = text.rpartition(" for key ")[2].strip("'").rpartition(".")[2]
            # an unnamed constraint has the name of its first column
            fields = tables.fields_of_constraint(table, key) or tables.fields_if_known(table, key)
        case Kind.UNKNOWN_REFERENCE:
            named = re.search(r"FOREIGN KEY \(([^)]*)\)", text)
            fields = tables.fields(table, _names(named[1])) if named else []
        case Kind.INVALID if found := re.search(r"^C\w+ [`']([^`']*)", text):
            fields = tables.fields_of_constraint(table, found[1])
        case Kind.IN_USE:
            fields = []
        case _:
            column = re.search(r"(?:[Cc]olumn|Field) '([^']*)'", text)
            fields = tables.fields(table, [column[1]]) if column else []
    return Violation(kind, tuple(fields))


def _names(text: str) -> list[str]:
    return [name.strip(' `"') for name in text.split(",")]
