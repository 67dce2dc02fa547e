"""Log files, one for each UTC day and each type of record, such as ``2026-11-30-error.log``."""

import errno
import os
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import attrs

TYPES = ("access", "error", "slow", "warning", "debug", "server")

_NAME = re.compile(rf"([0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}})-(?:{'|'.join(TYPES)})\.log")


@attrs.frozen
class FileKey:
    """Identifies a file: *type* is one of `TYPES`, *day* a UTC day such as ``2026-11-30``."""

    directory: Path
    day: str
    type: str

    @property
    def path(self) -> Path:
        return self.directory / f"{self.day}-{self.type}.log"


def day_of(created: float) -> str:
    """The UTC day of *created*, seconds since 1970."""
    return datetime.fromtimestamp(created, UTC).date().isoformat()


class DailyFiles:
    """Appends lines. Each batch opens its file, writes once and closes the file.

    This allows several processes to append to one file, and other programs to move it away. An
    error, such as a full disk, is reported to stderr once for each directory and type; its lines
    are lost.
    """

    def __init__(self) -> None:
        self._purged: dict[Path, str] = {}
        self._failing: set[tuple[Path, str]] = set()

    def append(self, batches: Mapping[FileKey, Sequence[str]], keep_days: int) -> None:
        """Write the lines of each file. The first line of a day in a directory removes files of
        this log there that are older than *keep_days* days."""
        for key, lines in batches.items():
            try:
                _append(key.path, "".join(f"{line}\n" for line in lines))
            except (OSError, ValueError) as exc:  # ValueError: a path with a NUL
                if not self._is_failing(key):
                    report(f"cannot write log files, lines are lost: {exc}")
                self._failing.add((key.directory, key.type))
            else:
                if self._is_failing(key):
                    report(f"log files are written again: {key.path}")
                self._failing.discard((key.directory, key.type))
            if self._purged.get(key.directory, "") < key.day:
                self._purged[key.directory] = key.day
                remove_old(key.directory, key.day, keep_days)

    def _is_failing(self, key: FileKey) -> bool:
        return (key.directory, key.type) in self._failing


def report(text: str) -> None:
    """Write a line to stderr, unless that fails: it may be on the same disk, or closed."""
    with suppress(OSError, ValueError):
        print(f"rxkernel: {text}", file=sys.stderr, flush=True)


def _append(path: Path, text: str) -> None:
    """Append *text*, in one call if the file system takes all of it.

    Raises:
        OSError: *text* was not written, or only a part of it.
    """
    data = text.encode(errors="backslashreplace")
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
    try:
        file = os.open(path, flags, 0o640)
    except FileNotFoundError:
        path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
        file = os.open(path, flags, 0o640)
    try:
        while data:
            written = os.write(file, data)
            if not written:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
            data = data[written:]
    finally:
        os.close(file)


def remove_old(directory: Path, day: str, keep_days: int) -> None:
    """Remove the files of this log, except those of the last *keep_days* days up to *day*.

    Files with other names, and files that cannot be removed, are kept.
    """
    first = (datetime.fromisoformat(day) - timedelta(days=keep_days - 1)).date().isoformat()
    for name in _names(directory):
        found = _NAME.fullmatch(name)
        if found is not None and found[1] < first:
            with suppress(OSError):
                (directory / name).unlink()


def _names(directory: Path) -> Iterable[str]:
    try:
        return os.listdir(directory)
    except OSError:
        return ()
