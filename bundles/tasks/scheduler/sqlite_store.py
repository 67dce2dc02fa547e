"""Stores tasks in a SQLite file, which the processes of one machine share."""

import logging
import sqlite3
from collections.abc import Collection, Sequence
from types import TracebackType
from typing import Any

from injector import inject

from bundles.sqlite import ProcessLock, Schema, SqliteFile, SqliteStore
from bundles.tasks.exceptions import TasksUnavailableException
from bundles.tasks.scheduler.entry import TaskEntry, TaskRecord
from bundles.tasks.scheduler.plan import Plan
from bundles.tasks.scheduler.store import TaskStore
from bundles.tasks.settings import TasksSettings
from rxkernel import decode_json, encode_json

logger = logging.getLogger(__name__)

_SCHEMA = Schema(
    "tasks",
    version=1,
    script="""
CREATE TABLE task (
    id TEXT PRIMARY KEY,
    task TEXT NOT NULL,
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    given TEXT NOT NULL,
    timezone TEXT NOT NULL,
    jitter REAL NOT NULL,
    misfire TEXT NOT NULL,
    params BLOB NOT NULL,
    body BLOB NOT NULL,
    is_declared INTEGER NOT NULL,
    due REAL,
    runs INTEGER NOT NULL,
    failures INTEGER NOT NULL,
    skipped INTEGER NOT NULL,
    missed INTEGER NOT NULL,
    is_running INTEGER NOT NULL,
    last_start REAL,
    last_end REAL,
    result BLOB NOT NULL,
    error TEXT
) WITHOUT ROWID;
""",
)

_RECORD = (
    "runs",
    "failures",
    "skipped",
    "missed",
    "is_running",
    "last_start",
    "last_end",
    "result",
    "error",
)
_COLUMNS = (
    *("id", "task", "name", "kind", "given", "timezone", "jitter", "misfire"),
    *("params", "body", "is_declared", "due", *_RECORD),
)
_LOAD = f"SELECT {', '.join(_COLUMNS)} FROM task"
_ADD = (
    f"INSERT OR REPLACE INTO task ({', '.join(_COLUMNS)}) "
    f"VALUES ({', '.join('?' for _ in _COLUMNS)})"
)
_SAVE = f"UPDATE task SET {', '.join(f'{name} = ?' for name in _COLUMNS)} WHERE id = ?"
_SAVE_RECORD = f"UPDATE task SET {', '.join(f'{name} = ?' for name in _RECORD)} WHERE id = ?"
_ADD_RECORD = (
    f"INSERT INTO task ({', '.join(_COLUMNS)}) VALUES ({', '.join('?' for _ in _COLUMNS)}) "
    f"ON CONFLICT (id) DO UPDATE SET {', '.join(f'{name} = excluded.{name}' for name in _RECORD)}"
)


class SqliteTaskStore(SqliteStore, TaskStore):
    """Opens the file at boot; a file that cannot be opened is a `ConfigurationError`."""

    @inject
    def __init__(self, settings: TasksSettings) -> None:
        file = SqliteFile(
            settings.file, _SCHEMA, setting="tasks.file", unavailable=TasksUnavailableException
        )
        super().__init__(file)
        self._lock_file = settings.file.with_name(f"{settings.file.name}.lock")
        self._lock = ProcessLock(self._lock_file)
        self._is_lock_down = False
        self._waits_for_lock = False
        self._version: int | None = None

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        await self._lock.release()
        await super().__aexit__(kind, exc, tb)

    async def acquire(self) -> bool:
        try:
            is_acquired = await self._lock.acquire()
        except (OSError, sqlite3.Error) as exc:
            if not self._is_lock_down:
                self._is_lock_down = True
                logger.error("the file %r cannot be locked: %s", str(self._lock_file), exc)
            raise TasksUnavailableException from exc
        self._is_lock_down = False
        if not is_acquired and not self._waits_for_lock:
            logger.info("another process is running the tasks in %s", self._file)
        self._waits_for_lock = not is_acquired
        return is_acquired

    async def release(self) -> None:
        await self._lock.release()

    async def load(self) -> Sequence[TaskEntry]:
        rows = await self._file.read(_load)
        return [entry for row in rows if (entry := _entry(row)) is not None]

    async def has_changed(self) -> bool:
        before, self._version = self._version, await self._file.read(_version)
        return before != self._version

    async def add(self, entry: TaskEntry) -> None:
        await self._file.write(_execute, _ADD, _row(entry))

    async def save(self, entry: TaskEntry) -> bool:
        if entry.is_declared:
            await self._file.write(_execute, _ADD, _row(entry))
            return True
        return await self._file.write(_execute, _SAVE, (*_row(entry), entry.id)) == 1

    async def save_record(self, entry: TaskEntry) -> None:
        if entry.is_declared:
            await self._file.write(_execute, _ADD_RECORD, _row(entry))
        else:
            await self._file.write(_execute, _SAVE_RECORD, (*_record(entry.record), entry.id))

    async def remove(self, ids: Collection[str]) -> int:
        return await self._file.write(_remove, tuple(ids))


def _load(database: sqlite3.Connection) -> list[tuple[Any, ...]]:
    return database.execute(_LOAD).fetchall()


def _version(database: sqlite3.Connection) -> int:
    """Return a number that changes with each commit of another connection."""
    version: int = database.execute("PRAGMA data_version").fetchone()[0]
    return version


def _execute(database: sqlite3.Connection, statement: str, values: tuple[Any, ...]) -> int:
    """Return the number of rows that *statement* has changed."""
    return database.execute(statement, values).rowcount


def _remove(database: sqlite3.Connection, ids: tuple[str, ...]) -> int:
    return sum(database.execute("DELETE FROM task WHERE id = ?", (id,)).rowcount for id in ids)


def _row(entry: TaskEntry) -> tuple[Any, ...]:
    plan = entry.plan
    return (
        *(entry.id, entry.task, entry.name, plan.kind, plan.text(), plan.timezone, plan.jitter),
        *(plan.misfire, encode_json(entry.params), encode_json(entry.body), entry.is_declared),
        *(entry.record.due, *_record(entry.record)),
    )


def _record(record: TaskRecord) -> tuple[Any, ...]:
    return (
        *(record.runs, record.failures, record.skipped, record.missed, record.is_running),
        *(record.last_start, record.last_end, encode_json(record.result), record.error),
    )


def _entry(row: tuple[Any, ...]) -> TaskEntry | None:
    """Return the entry of *row*; None if it cannot be read any more."""
    found: dict[str, Any] = dict(zip(_COLUMNS, row, strict=True))
    plan = Plan(
        found["kind"], found["given"], found["timezone"], found["jitter"], found["misfire"]
    )
    record = {name: found[name] for name in ("due", *_RECORD)}
    record["is_running"] = bool(record["is_running"])
    try:
        record["result"] = decode_json(record["result"])
        return TaskEntry(
            id=found["id"],
            task=found["task"],
            name=found["name"],
            plan=plan,
            params=decode_json(found["params"]),
            body=decode_json(found["body"]),
            is_declared=bool(found["is_declared"]),
            record=TaskRecord(**record),
        )
    except ValueError as exc:
        logger.error("the stored task %s cannot be read, so it does not run: %s", found["id"], exc)
        return None
