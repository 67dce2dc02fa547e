"""Opens files without waiting for a pipe and without following links out of a root (POSIX).

All functions block, so they are called in a thread.
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

_NOT_FOUND = {errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG, errno.ENXIO}


def open_file(path: Path, root: Path | None) -> FileIO:
    """Open the regular file at *path* for reading.

    Below *root* no symbolic link is followed, even if one is created meanwhile: each folder is
    opened relative to its parent. *root* itself may be a link. Without *root* every part of
    *path* may be one.

    Raises:
        NotFoundException: the file is missing, is a folder, a pipe or a device, or may not be
            read. Missing permissions are logged, since they are an error of the server.
        OSError: another error, such as too many open files, or *root* is missing.
    """
    if root is None:
        return _translate_errors(_open, path, path)
    at = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    try:
        return _translate_errors(_open_below, path, path.relative_to(root), at)
    finally:
        os.close(at)


def _translate_errors(open_: Callable[..., FileIO], path: Path, *arguments: Any) -> FileIO:
    """Call *open_* with *arguments*; errors that mean "not found" become a `NotFoundException`."""
    try:
        return open_(*arguments)
    except PermissionError as exc:
        logger.warning(
            "responded with 404 for %r: the permission to read it is missing", str(path)
        )
        raise NotFoundException from exc
    except OSError as exc:
        if exc.errno not in _NOT_FOUND:
            raise
        raise NotFoundException from exc
    except ValueError as exc:  # NUL, or a character that the system cannot encode
        raise NotFoundException from exc


def _open_below(path: Path, root: int) -> FileIO:
    *folders, name = path.parts or (".",)
    with ExitStack() as opened:
        at = root
        for folder in folders:
            at = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=at)
            opened.callback(os.close, at)
        return _open(Path(name), at, os.O_NOFOLLOW)


def _open(path: Path, at: int | None = None, flags: int = 0) -> FileIO:
    """Open a regular file. It is checked before, since opening may affect a pipe or a device, and
    after, since it may have been replaced."""
    _check(os.stat(path, dir_fd=at, follow_symlinks=not flags))
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | flags, dir_fd=at)
    file = FileIO(descriptor)
    try:
        _check(os.fstat(descriptor))
    except BaseException:
        file.close()
        raise
    return file


def _check(status: os.stat_result) -> None:
    if not S_ISREG(status.st_mode):
        raise NotFoundException
