"""Notices changes of single files."""

import os
from pathlib import Path

FileStamp = tuple[int, int, int]


def stamp_of(path: Path) -> FileStamp | None:
    """What changes when the file *path* is written or replaced; None if it does not exist."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
