"""The database, open between the start and the stop of the site."""

import asyncio
import sqlite3
from pathlib import Path
from typing import Any

from bundles.autoload import config, model

requires = ("config.database",)

_ADD = "insert into messages (name, text) values (?, ?)"
_LAST = "select name, text from messages order by id desc limit ?"
_REMOVE = "delete from messages where added < datetime('now', ?)"


def start() -> None:
    global connection
    Path(config.database.file).parent.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(config.database.file, check_same_thread=False)


def stop() -> None:
    connection.close()


async def add(message: Any) -> None:
    await asyncio.to_thread(execute, _ADD, message.name, message.text)


async def last(count: int) -> list[Any]:
    """Return the last messages, the oldest one first."""
    rows = await asyncio.to_thread(execute, _LAST, count)
    return [model.message.Message(name, text) for name, text in reversed(rows)]


def remove_older(days: int) -> None:
    execute(_REMOVE, f"-{days} days")


def execute(statement: str, *values: Any) -> list[Any]:
    """Execute *statement* in a transaction, and return its rows. Called in a thread."""
    with connection:
        return connection.execute(statement, values).fetchall()
