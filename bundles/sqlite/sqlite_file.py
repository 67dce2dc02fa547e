"""A SQLite file as a store, with one connection that is used in one thread."""

import asyncio
import logging
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

from bundles.sqlite.schema import Schema
from bundles.sqlite.transaction import transaction
from bundles.sqlite.wal import use_wal
from rxkernel import ConfigurationError, HttpException

logger = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")

_BUSY = 2.0
"""Seconds to wait for a lock of another process."""

_TIMEOUT = 5.0
"""Seconds within which a call must end, including the wait for earlier calls of this process."""

_FAULTS = (
    sqlite3.DataError,
    sqlite3.IntegrityError,
    sqlite3.InterfaceError,
    sqlite3.NotSupportedError,
    sqlite3.ProgrammingError,
)
"""Errors in the code that calls SQLite. All others are outages: the file is locked, damaged or
missing, or the disk is full."""


class SqliteFile:
    """A SQLite file, which the processes of one machine may share. It checks foreign keys.

    Usage::

        file = SqliteFile(path, SCHEMA, setting="sessions.file", unavailable=UnavailableException)
        await file.open()
        number = await file.read(count, "ada")  # calls count(database, "ada") in the thread
        await file.write(insert, "ada")         # the same, in a transaction
        await file.close()

    Args:
        path: the file. It is created with the mode 600, and its folder too.
        schema: the tables that `open` creates.
        setting: the setting with *path*, for errors.
        unavailable: makes the exception for an outage, with the status 503.
    """

    def __init__(
        self,
        path: Path,
        schema: Schema,
        *,
        setting: str,
        unavailable: Callable[[], HttpException],
    ) -> None:
        self._path = path
        self._schema = schema
        self._setting = setting
        self._unavailable = unavailable
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"rxkernel-{schema.name}")
        self._database: sqlite3.Connection | None = None
        self._is_down = False
        self._cannot_write = False

    async def open(self) -> None:
        """Open the file, and create the tables in a new one.

        Raises:
            ConfigurationError: it cannot be opened, or has tables of another version.
        """
        try:
            self._database = await self._in_thread(self._connect)
        except (OSError, sqlite3.Error, ValueError) as exc:
            self._thread.shutdown(wait=False)
            raise ConfigurationError(
                f"{self} cannot be opened: {exc}; set {self._setting} to a new file in a "
                f"writable folder"
            ) from exc

    async def close(self) -> None:
        """Wait for running calls, and close the file; does nothing if it is not open."""
        database, self._database = self._database, None
        if database is not None:
            await self._in_thread(database.close)
        self._thread.shutdown(wait=False)

    async def read(
        self,
        work: Callable[Concatenate[sqlite3.Connection, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Call *work* with the connection and the arguments, in the thread of this file. *work*
        must only read. The call does not wait for a process that writes, except if an earlier call
        of this process waits for it.

        Raises:
            HttpException: the exception of *unavailable*: SQLite cannot use the file, or *work*
                takes too long. The begin and the end of an outage are logged.
            sqlite3.Error: *work* is wrong; for example, it breaks a constraint.
        """
        database = self._opened()
        result = await self._guarded(partial(work, database, *args, **kwargs), writes=False)
        if not self._cannot_write:
            self._log_recovery()
        return result

    async def write(
        self,
        work: Callable[Concatenate[sqlite3.Connection, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Like `read`, but in a transaction, which is rolled back if *work* raises. A call that
        is cancelled or exceeds the timeout may still be committed."""
        database = self._opened()

        def transact() -> T:
            with transaction(database):
                return work(database, *args, **kwargs)

        result = await self._guarded(transact, writes=True)
        self._cannot_write = False
        self._log_recovery()
        return result

    def _opened(self) -> sqlite3.Connection:
        if self._database is None:
            raise RuntimeError(
                f"the file of {self._schema.name} is not open; boot the application"
            )
        return self._database

    async def _guarded(self, call: Callable[[], T], *, writes: bool) -> T:
        try:
            async with asyncio.timeout(_TIMEOUT):
                return await self._in_thread(call)
        except _FAULTS:
            raise
        except (sqlite3.Error, TimeoutError) as exc:
            self._cannot_write = self._cannot_write or writes
            if not self._is_down:
                self._is_down = True
                reason = str(exc) or f"no result within {_TIMEOUT} seconds"
                logger.error("%s cannot be used: %s", self, reason)
            raise self._unavailable() from exc

    def _log_recovery(self) -> None:
        if self._is_down:
            self._is_down = False
            logger.info("%s can be used again", self)

    async def _in_thread(self, call: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, call)

    def _connect(self) -> sqlite3.Connection:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._path.touch(mode=0o600)
        database = sqlite3.connect(
            self._path, timeout=_BUSY, isolation_level=None, check_same_thread=False
        )
        try:
            use_wal(database, _BUSY)
            database.execute("PRAGMA synchronous = NORMAL")
            database.execute("PRAGMA foreign_keys = ON")
            self._schema.apply(database)
        except BaseException:
            database.close()
            raise
        return database

    def __str__(self) -> str:
        return f"the file {str(self._path)!r} of {self._schema.name}"
