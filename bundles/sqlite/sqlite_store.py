"""A store of a bundle in a SQLite file."""

from types import TracebackType
from typing import Self

from bundles.sqlite.sqlite_file import SqliteFile


class SqliteStore:
    """The base class of stores: *file* is opened at boot, and closed at shutdown."""

    def __init__(self, file: SqliteFile) -> None:
        self._file = file

    async def __aenter__(self) -> Self:
        await self._file.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        await self._file.close()
