"""The write-ahead log: readers do not wait for writers."""

import sqlite3
import time


def use_wal(database: sqlite3.Connection, timeout: float) -> None:
    """Enable it for the file of *database*. Retry for up to *timeout* seconds, because SQLite does
    not wait for another process that opens a new file.

    Raises:
        sqlite3.OperationalError: it cannot be enabled.
    """
    deadline = time.monotonic() + timeout
    while True:
        try:
            database.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as exc:
            is_busy = exc.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
            if not is_busy or time.monotonic() > deadline:
                raise
            time.sleep(0.01)
