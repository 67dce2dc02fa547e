"""The files whose changes restart the server of ``serve --reload``."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import attrs

_SUFFIXES = (
    *(".py", ".toml", ".html", ".template", ".jinja", ".js", ".css"),
    *(".yaml", ".yml", ".env", ".json", ".ini"),
)


_WRITTEN = "var"
"""The folder of files that the application writes itself, such as its keys and databases."""


def _resolved(directories: tuple[Path, ...]) -> tuple[Path, ...]:
    return tuple(dict.fromkeys(directory.resolve() for directory in directories))


@attrs.frozen
class WatchedFiles:
    """Files below *directories* with one of `_SUFFIXES`, or matching a glob pattern of *include*.

    A pattern, such as ``*.sql`` or ``queries/*.txt``, is compared with the end of the path. The
    folder ``var`` in each of the directories is left out: its files change while the server runs.

    Attributes:
        ignored: directories whose files are currently not watched.
    """

    directories: tuple[Path, ...] = attrs.field(converter=_resolved)
    include: tuple[str, ...] = ()
    ignored: set[Path] = attrs.field(factory=set, init=False, eq=False)

    def includes(self, path: Path) -> bool:
        """Whether a change of the file *path* restarts the server."""
        written = {directory / _WRITTEN for directory in self.directories}
        if any(map(path.is_relative_to, self.ignored | written)):
            return False
        return path.name.endswith(_SUFFIXES) or any(map(path.match, self.include))

    async def changes(self, done: asyncio.Event) -> AsyncGenerator[list[str], None]:
        """Yield the names of the changed files, for each change, until *done*."""
        watchfiles = import_module("watchfiles")
        is_relevant: Callable[[Any, str], bool] = watchfiles.DefaultFilter()

        def is_watched(change: Any, path: str) -> bool:
            return self.includes(Path(path)) and is_relevant(change, path)

        async for batch in watchfiles.awatch(
            *self.directories, watch_filter=is_watched, stop_event=done
        ):
            yield sorted({self._name(Path(path)) for _, path in batch})

    def _name(self, path: Path) -> str:
        """*path*, relative to the first directory if it is below it."""
        first = self.directories[0]
        return str(path.relative_to(first) if path.is_relative_to(first) else path)
