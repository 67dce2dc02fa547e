"""Stores the records of set-up scripts."""

import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs

from bundles.autoload.settings import AutoloadSettings
from bundles.autoload.setup.setup_record import Result, SetupRecord
from bundles.sqlite import ProcessLock, Schema, SqliteFile, SqliteStore
from rxkernel import ServiceUnavailableException

_SCHEMA = Schema(
    "set-up scripts",
    version=1,
    script="""
CREATE TABLE setup (
    application TEXT NOT NULL,
    name TEXT NOT NULL,
    digest TEXT NOT NULL,
    begun REAL NOT NULL,
    result TEXT NOT NULL,
    seconds REAL,
    error TEXT,
    PRIMARY KEY (application, name)
) WITHOUT ROWID;
""",
)

_LOAD = "SELECT name, digest, begun, result, seconds, error FROM setup WHERE application = ?"
_SAVE = "INSERT OR REPLACE INTO setup VALUES (?, ?, ?, ?, ?, ?, ?)"
_FORGET = "DELETE FROM setup WHERE application = ? AND name = ?"


class SetupStore(SqliteStore):
    """The records of the application in *root*. Applications may share the file: its rows have the
    name of the folder, but not its path, which a deployment may change.

    Attributes:
        lock: the lock of the process that runs scripts.
    """

    def __init__(self, root: Path, settings: AutoloadSettings) -> None:
        path = settings.setup_file or root.parent / "var" / "setup.sqlite3"
        file = SqliteFile(
            path, _SCHEMA, setting="autoload.setup_file", unavailable=ServiceUnavailableException
        )
        super().__init__(file)
        self.lock = ProcessLock(path.with_name(f"{path.name}.lock"))
        self.root = root.resolve()
        self._path = path.resolve()
        self._application = root.name or self.root.name

    @property
    def key(self) -> tuple[Path, str]:
        """The file, and the name of the application in it."""
        return self._path, self._application

    @property
    def exists(self) -> bool:
        return self._path.exists()

    async def records(self) -> Mapping[str, SetupRecord]:
        """Return all records by name."""
        rows = await self._file.read(_fetch, (self._application,))
        return {row[0]: _record(row) for row in rows}

    async def save(self, record: SetupRecord) -> None:
        values = attrs.asdict(record)
        columns = ("name", "digest", "begun", "result", "seconds", "error")
        row = (self._application, *(values[column] for column in columns))
        await self._file.write(_execute, _SAVE, row)

    async def forget(self, name: str) -> None:
        """Remove the record of *name*, so that the script runs again."""
        await self._file.write(_execute, _FORGET, (self._application, name))

    def __str__(self) -> str:
        return str(self._file)


def _record(row: tuple[Any, ...]) -> SetupRecord:
    name, digest, begun, result, seconds, error = row
    return SetupRecord(
        name=name,
        digest=digest,
        begun=begun,
        result=Result(result),
        seconds=seconds,
        error=error,
    )


def _fetch(database: sqlite3.Connection, values: tuple[str]) -> list[tuple[Any, ...]]:
    return database.execute(_LOAD, values).fetchall()


def _execute(database: sqlite3.Connection, statement: str, values: tuple[Any, ...]) -> None:
    database.execute(statement, values)
