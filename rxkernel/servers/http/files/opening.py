"""Files are opened once, in a way that neither waits nor can be led astray (POSIX).

Everything here blocks: it is called in a thread.
"""

import errno
import logging
import os
from collections.abc import Callable
from contextlib import ExitStack
from io import FileIO
from pathlib import Path
from stat import S_ISREG
from typing import Any

from rxkernel.exceptions import NotFoundException

logger = logging.getLogger(__name__)

_NOT_THERE = {errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG, errno.ENXIO}


def open_file(path: Path, root: Path | None) -> FileIO:
    """Open the regular file at *path* to be read.

    Below *root* no symbolic link is followed, whoever puts one there and when: each part of
    the way is opened from the one before. *root* itself may be one, and without a *root* so
    may any part of *path*.

    Raises:
        NotFoundException: there is no such file, it is a folder, a pipe or a device, or may
            not be read; that last is a mistake on this side, so it is logged.
        OSError: it cannot be told, as when too many files are open, or *root* is missing.
    """
    if root is None:
        return _found(_open, path, path)
    at = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    try:
        return _found(_open_below, path, path.relative_to(root), at)
    finally:
        os.close(at)


def _found(opened: Callable[..., FileIO], path: Path, *way: Any) -> FileIO:
    try:
        return opened(*way)
    except PermissionError as exc:
        logger.warning("%r is answered 404: it may not be read", str(path))
        raise NotFoundException from exc
    except OSError as exc:
        if exc.errno not in _NOT_THERE:
            raise
        raise NotFoundException from exc
    except ValueError as exc:  # NUL, or what the system cannot encode
        raise NotFoundException from exc


def _open_below(path: Path, root: int) -> FileIO:
    *folders, name = path.parts or (".",)
    with ExitStack() as passed:
        at = root
        for folder in folders:
            at = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=at)
            passed.callback(os.close, at)
        return _open(Path(name), at, os.O_NOFOLLOW)


def _open(path: Path, at: int | None = None, flags: int = 0) -> FileIO:
    """Looked at before, as opening is not without effect on a pipe or a device, and after."""
    _check(os.stat(path, dir_fd=at, follow_symlinks=not flags))
    found = os.open(path, os.O_RDONLY | os.O_NONBLOCK | flags, dir_fd=at)
    file = FileIO(found)
    try:
        _check(os.fstat(found))
    except BaseException:
        file.close()
        raise
    return file


def _check(what: os.stat_result) -> None:
    if not S_ISREG(what.st_mode):
        raise NotFoundException
