"""Classifies errors of the drivers: outages, conflicts of transactions, missing tables."""

from typing import Any

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

_POSTGRESQL_CONFLICTS = ("40001", "40P01")
"""A serialization failure, a deadlock."""
_MARIADB_CONFLICTS = (1213, 1020)
"""A deadlock; a row has changed since the snapshot."""

_MARIADB_OUTAGES = (
    *(1040, 1041, 1053, 1077, 1203, 1226),  # too many connections, out of memory, shutting down
    *(1044, 1045, 1049),  # the user, the password or the database is wrong
    *(1021, 1114, 1205, 1290, 1836),  # disk full, table full, waited for a lock, read-only
    *(2002, 2003, 2005, 2006, 2013, 2055),  # not reachable, connection lost
)
_POSTGRESQL_OUTAGES = ("08", "28", "3D", "53", "57", "58")
"""Classes of states: connection, authorization, unknown database, resources, operator, system."""
_POSTGRESQL_LOCK = "55P03"
_SQLITE_OUTAGES = (
    *("SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_FULL", "SQLITE_IOERR", "SQLITE_CANTOPEN"),
    *("SQLITE_CORRUPT", "SQLITE_NOTADB", "SQLITE_NOMEM", "SQLITE_PROTOCOL", "SQLITE_PERM"),
)

_POSTGRESQL_MISSING = ("42P01", "42703")
_MARIADB_MISSING = (1146, 1054)
_SQLITE_MISSING = ("no such table", "no such column", "has no column named")
"""A table, a column."""


def is_conflict(exc: BaseException) -> bool:
    """Whether the transaction failed because of another one, and may succeed if it is repeated."""
    if not isinstance(exc, DBAPIError):
        return False
    original: Any = exc.orig
    if hasattr(original, "diag"):
        return bool(original.sqlstate in _POSTGRESQL_CONFLICTS)
    if name := getattr(original, "sqlite_errorname", None):
        # A transaction that has read tries to write, but another one is writing or has written. A
        # transaction that begins would wait for the lock until its timeout instead.
        return bool(name.startswith("SQLITE_BUSY") and not _begins(exc))
    return number_of(original) in _MARIADB_CONFLICTS


def is_outage(exc: BaseException) -> bool:
    """Whether the database cannot be used now: it is unreachable, locked or full, or no connection
    is free."""
    if isinstance(exc, PoolTimeoutError):
        return True
    if not isinstance(exc, DBAPIError) or is_conflict(exc):
        return False
    original: Any = exc.orig
    if exc.connection_invalidated:
        return True
    if hasattr(original, "diag"):
        state = original.sqlstate
        if state is None:  # not sent by the server: there is no connection, or it was misused
            return type(original).__name__ in ("OperationalError", "ConnectionTimeout")
        return bool(state == _POSTGRESQL_LOCK or state.startswith(_POSTGRESQL_OUTAGES))
    if name := getattr(original, "sqlite_errorname", None):
        # a file that is read-only: any other statement is that of a read-only transaction
        is_file = name.startswith("SQLITE_READONLY") and _begins(exc)
        return bool(is_file or name.startswith(_SQLITE_OUTAGES))
    return number_of(original) in _MARIADB_OUTAGES


def is_schema_mismatch(exc: BaseException) -> bool:
    """Whether a statement uses a table or a column that the database does not have."""
    if not isinstance(exc, DBAPIError):
        return False
    original: Any = exc.orig
    if hasattr(original, "diag"):
        return bool(original.sqlstate in _POSTGRESQL_MISSING)
    if hasattr(original, "sqlite_errorname"):
        return any(text in str(original) for text in _SQLITE_MISSING)
    return number_of(original) in _MARIADB_MISSING


def _begins(exc: DBAPIError) -> bool:
    return (exc.statement or "").startswith("BEGIN")


def number_of(original: BaseException | None) -> int | None:
    """Return the number of an error of MariaDB."""
    arguments = getattr(original, "args", ())
    return arguments[0] if arguments and type(arguments[0]) is int else None
