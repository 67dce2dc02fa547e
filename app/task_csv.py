"""Tasks as comma-separated values (RFC 4180), line by line."""

import csv
from collections.abc import AsyncIterable, AsyncIterator

from app.tables import StoredTask

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


class _Echo:
    """A "file" whose ``write`` returns its text, so that ``writerow`` of `csv` returns a line."""

    def write(self, text: str) -> str:
        return text


async def csv_lines(tasks: AsyncIterable[StoredTask]) -> AsyncIterator[str]:
    """Yield a heading, then one line for each task."""
    line = csv.writer(_Echo()).writerow
    yield str(line(["id", "title", "done", "created"]))
    async for task in tasks:
        yield str(line([task.id, _text(task.title), task.done, task.created.isoformat()]))


def _text(title: str) -> str:
    """Put an apostrophe before a title such as ``=1+1``, so that a spreadsheet does not run it."""
    return f"'{title}" if title.startswith(_FORMULA) else title
