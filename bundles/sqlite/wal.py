"""The write-ahead log: readers do not wait for writers."""

import sqlite3
import time


def use_wal(database: sqlite3.Connection, timeout: float) -> None:
    """Have the file of *database* use it from now on; wait up to *timeout* seconds, since SQLite
    does not wait for the lock of another process that opens a new file.

    Raises:
        sqlite3.OperationalError: that is not possible.
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
