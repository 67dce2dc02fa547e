"""`SqliteFile`: a file, a thread, a version, transactions and outages."""

import asyncio
import contextlib
import multiprocessing
import sqlite3
import stat
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import attrs
import pytest
import pytest_asyncio

from bundles.sqlite import Schema, SqliteFile, sqlite_file
from rxkernel import ConfigurationError, ServiceUnavailableException

SCHEMA = Schema(
    "boxes",
    version=1,
    script="""
CREATE TABLE box (
    name TEXT PRIMARY KEY  -- a comment; with a semicolon
) WITHOUT ROWID;
CREATE TABLE thing (box TEXT NOT NULL REFERENCES box, name TEXT NOT NULL);
""",
)


def file_at(path: Path, schema: Schema = SCHEMA) -> SqliteFile:
    return SqliteFile(path, schema, setting="boxes.file", unavailable=ServiceUnavailableException)


@contextlib.asynccontextmanager
async def opened(path: Path, schema: Schema = SCHEMA) -> AsyncIterator[SqliteFile]:
    file = file_at(path, schema)
    await file.open()
    try:
        yield file
    finally:
        await file.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "var" / "boxes.sqlite3"


@pytest_asyncio.fixture
async def file(path: Path) -> AsyncIterator[SqliteFile]:
    async with opened(path) as file:
        yield file


def add(database: sqlite3.Connection, name: str) -> None:
    database.execute("INSERT INTO box VALUES (?)", (name,))


def names(database: sqlite3.Connection) -> list[str]:
    return [name for (name,) in database.execute("SELECT name FROM box ORDER BY name")]


def execute(database: sqlite3.Connection, statement: str) -> None:
    database.execute(statement)


async def test_file_reopened_contains_its_rows_and_is_private(path: Path) -> None:
    async with opened(path) as file:
        await file.write(add, "a")
    async with opened(path) as file:
        assert await file.read(names) == ["a"]
        assert {stat.S_IMODE(one.stat().st_mode) for one in path.parent.iterdir()} == {0o600}


async def test_file_calls_run_one_by_one_in_one_thread(file: SqliteFile) -> None:
    def thread(_: sqlite3.Connection) -> str:
        return threading.current_thread().name

    found = await asyncio.gather(*(file.read(thread) for _ in range(8)))

    assert set(found) == {"rxkernel-boxes_0"}


async def test_file_write_that_raises_is_rolled_back(file: SqliteFile) -> None:
    def add_and_fail(database: sqlite3.Connection) -> None:
        add(database, "a")
        raise LookupError

    with pytest.raises(LookupError):
        await file.write(add_and_fail)
    await file.write(add, "b")

    assert await file.read(names) == ["b"]


async def test_file_broken_constraint_is_a_fault_and_no_outage(
    file: SqliteFile, caplog: pytest.LogCaptureFixture
) -> None:
    await file.write(add, "a")
    with pytest.raises(sqlite3.IntegrityError, match="UNIQUE"):
        await file.write(add, "a")
    with pytest.raises(sqlite3.IntegrityError, match="FOREIGN KEY"):
        await file.write(execute, "INSERT INTO thing VALUES ('b', 'spoon')")
    with pytest.raises(sqlite3.ProgrammingError):
        await file.write(execute, "INSERT INTO box VALUES (?)")

    assert caplog.text == ""


async def test_file_outage_is_503_and_logged_once_with_its_end(
    file: SqliteFile, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    with contextlib.closing(sqlite3.connect(path)) as other:
        other.execute("ALTER TABLE box RENAME TO gone")
        for _ in range(3):
            with pytest.raises(ServiceUnavailableException):
                await file.read(names)
        other.execute("ALTER TABLE gone RENAME TO box")
    for _ in range(3):
        await file.read(names)

    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        ("ERROR", f"the file '{path}' of boxes cannot be used: no such table: box"),
        ("INFO", f"the file '{path}' of boxes can be used again"),
    ]


async def test_file_locked_is_read_and_writes_are_503_within_the_timeout(
    path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The calls wait at the same time, not one after the other. A read between two failed
    writes does not end the outage in the log."""
    caplog.set_level("INFO")
    monkeypatch.setattr(sqlite_file, "_TIMEOUT", 0.2)
    monkeypatch.setattr(sqlite_file, "_BUSY", 600.0)
    async with opened(path) as file:
        with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
            for _ in range(2):
                other.execute("BEGIN IMMEDIATE")
                assert await file.read(names) == []
                calls = (file.write(execute, "DELETE FROM box") for _ in range(4))
                done = await asyncio.gather(*calls, return_exceptions=True)
                assert {type(one) for one in done} == {ServiceUnavailableException}
                other.execute("ROLLBACK")
                monkeypatch.setattr(sqlite_file, "_TIMEOUT", 60.0)
                assert await file.read(names) == []
                monkeypatch.setattr(sqlite_file, "_TIMEOUT", 0.2)
        monkeypatch.setattr(sqlite_file, "_TIMEOUT", 60.0)
        await file.write(add, "a")
        assert await file.read(names) == ["a"]

    texts = [record.getMessage() for record in caplog.records]
    assert [text.partition("boxes ")[2] for text in texts] == [
        "cannot be used: no result within 0.2 seconds",
        "can be used again",
    ]


async def test_file_after_a_failed_commit_works_again(file: SqliteFile) -> None:
    def deny_commit(action: int, first: str | None, *_: str | None) -> int:
        is_commit = action == sqlite3.SQLITE_TRANSACTION and first == "COMMIT"
        return sqlite3.SQLITE_DENY if is_commit else sqlite3.SQLITE_OK

    await file.read(lambda database: database.set_authorizer(deny_commit))
    with pytest.raises(ServiceUnavailableException):
        await file.write(add, "a")
    await file.read(lambda database: database.set_authorizer(None))

    assert await file.read(names) == []
    await file.write(add, "b")
    assert await file.read(names) == ["b"]


async def test_file_used_before_open_or_after_close_is_an_error(path: Path) -> None:
    file = file_at(path)
    with pytest.raises(RuntimeError, match="the file of boxes is not open"):
        await file.read(names)
    await file.open()
    await file.close()
    with pytest.raises(RuntimeError, match="the file of boxes is not open"):
        await file.write(add, "a")


async def test_file_that_cannot_be_opened_is_a_configuration_error(tmp_path: Path) -> None:
    text = tmp_path / "text"
    text.write_text("not a database " * 100)
    for path in (tmp_path, text, text / "below"):
        with pytest.raises(ConfigurationError, match=r"cannot be opened: .*; set boxes\.file to"):
            await file_at(path).open()


async def test_file_of_another_version_is_a_configuration_error(path: Path) -> None:
    async with opened(path):
        pass
    with pytest.raises(
        ConfigurationError, match=r"boxes have the version 1, .* uses the version 2"
    ):
        await file_at(path, attrs.evolve(SCHEMA, version=2)).open()


async def test_file_shared_by_two_schemas_has_the_tables_of_both(path: Path) -> None:
    cups = Schema("cups", version=7, script="CREATE TABLE cup (name TEXT);\n")
    for _ in range(2):
        async with opened(path) as boxes, opened(path, cups) as file:
            await boxes.write(add, str(len(await boxes.read(names))))
            await file.write(execute, "INSERT INTO cup VALUES ('a')")

            assert (await boxes.read(names))[0] == "0"


async def test_schema_that_fails_leaves_the_file_without_its_tables(path: Path) -> None:
    broken = attrs.evolve(SCHEMA, script=SCHEMA.script + "CREATE TABLE box (name TEXT);\n")
    with pytest.raises(ConfigurationError, match="table box already exists"):
        await file_at(path, broken).open()
    async with opened(path) as file:
        assert await file.read(names) == []


def open_once(path: Path, start: threading.Barrier) -> None:
    async def add_one() -> None:
        async with opened(path) as file:
            await file.write(add, multiprocessing.current_process().name)

    start.wait()
    asyncio.run(add_one())


async def test_file_new_is_opened_by_several_processes_at_once(path: Path) -> None:
    spawn = multiprocessing.get_context("spawn")
    start = spawn.Barrier(4)
    processes = [spawn.Process(target=open_once, args=(path, start)) for _ in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        await asyncio.to_thread(process.join)

    assert [process.exitcode for process in processes] == [0] * 4
    async with opened(path) as file:
        assert len(await file.read(names)) == 4
