"""SQLite: creates files, sets the pragmas of connections, and begins transactions explicitly."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, event
from sqlalchemy.engine import URL, AdaptedConnection
from sqlalchemy.exc import OperationalError

from bundles.resources.database.mode import Mode
from bundles.sqlite import use_wal
from rxkernel import ConfigurationError

_QUERY_ONLY = "rxkernel.query_only"
"""The key in ``Connection.info`` for the state of ``PRAGMA query_only``."""


def file_of(url: URL, setting: str) -> Path:
    """Return the file of *url*; *setting* is the name of its setting.

    Raises:
        ConfigurationError: *url* does not name a file.
    """
    if not url.database or ":memory:" in url.database or "mode=memory" in str(url):
        raise ConfigurationError(
            f"{setting} is a database in memory, which has one connection for all messages; name "
            f"a file, as in sqlite+aiosqlite:///var/app.sqlite3; in tests, write "
            f'client_of(application, database="memory")'
        )
    return Path(url.database.removeprefix("file:"))


def create(file: Path, timeout: float) -> None:
    """Create *file* with mode 600, and its folder, and switch it to WAL.

    Raises:
        OSError, sqlite3.Error: this has failed within *timeout* seconds.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    file.touch(mode=0o600)
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        use_wal(connection, timeout)


def prepare(engine: Engine, busy_timeout: float) -> None:
    """Set the pragmas of each new connection of *engine*, and begin its transactions.

    The driver does not begin them (``isolation_level`` is None): it would begin a transaction only
    at the first statement that writes, so that earlier statements could read another state.
    """

    @event.listens_for(engine, "connect")
    def _connect(connection: Any, _: Any) -> None:
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout = {int(busy_timeout * 1000)}")
        cursor.execute("PRAGMA synchronous = NORMAL")
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        mode: Mode = connection.get_execution_options().get("rxkernel_mode", Mode())
        if connection.info.get(_QUERY_ONLY, False) is not mode.readonly:
            _execute(connection, f"PRAGMA query_only = {int(mode.readonly)}")
            connection.info[_QUERY_ONLY] = mode.readonly
        _execute(connection, "BEGIN IMMEDIATE" if mode.may_write else "BEGIN")


def _execute(connection: Connection, statement: str) -> None:
    """Execute *statement* in one call of the driver's thread. A cursor of SQLAlchemy would take
    three calls, for each message."""
    driver = connection.connection.dbapi_connection
    assert isinstance(driver, AdaptedConnection)
    try:
        driver.run_async(lambda sqlite: sqlite.execute_fetchall(statement))
    except sqlite3.Error as exc:
        raise OperationalError(statement, None, exc, hide_parameters=True) from exc
    except BaseException:  # cancelled; the thread may still execute the statement
        connection.invalidate()
        raise
