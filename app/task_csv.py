"""Tasks as comma-separated values (RFC 4180), line by line."""

import csv
from collections.abc import AsyncIterable, AsyncIterator

from app.tasks import Task

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


class _Echo:
    """A "file" that hands what is written back: `csv` returns it from ``writerow``."""

    def write(self, text: str) -> str:
        return text


async def csv_lines(tasks: AsyncIterable[Task]) -> AsyncIterator[str]:
    """A heading, then a line for each of *tasks*."""
    line = csv.writer(_Echo()).writerow
    yield str(line(["id", "title", "done", "created"]))
    async for task in tasks:
        yield str(line([task.id, _text(task.title), task.done, task.created.isoformat()]))


def _text(title: str) -> str:
    """A spreadsheet would run a title like ``=1+1``; an apostrophe makes it a text."""
    return f"'{title}" if title.startswith(_FORMULA) else title
