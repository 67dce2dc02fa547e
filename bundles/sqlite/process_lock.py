"""A lock among the processes of one machine."""

import asyncio
import sqlite3
from pathlib import Path


class ProcessLock:
    """An exclusive lock of SQLite on its own file, whose folder must exist. The operating system
    releases it when the process ends, even after ``kill -9``."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._database: sqlite3.Connection | None = None

    async def acquire(self) -> bool:
        """Take the lock; return False if another process has it.

        Raises:
            OSError, sqlite3.Error: the file cannot be used.
        """
        if self._database is None:
            self._database = await asyncio.to_thread(self._lock)
        return self._database is not None

    async def release(self) -> None:
        database, self._database = self._database, None
        if database is not None:
            await asyncio.to_thread(database.close)

    def _lock(self) -> sqlite3.Connection | None:
        self._path.touch(mode=0o600)
        database = sqlite3.connect(
            self._path, timeout=0, isolation_level=None, check_same_thread=False
        )
        try:
            database.execute("BEGIN EXCLUSIVE")
        except sqlite3.Error as exc:
            database.close()
            if exc.sqlite_errorcode == sqlite3.SQLITE_BUSY:
                return None
            raise
        return database
