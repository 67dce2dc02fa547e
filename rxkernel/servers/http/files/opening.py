"""Opens files without waiting for a pipe and without following links out of a root (POSIX).

All functions block, so they are called in a thread.
"""

import errno
import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from io import FileIO
from pathlib import Path
from stat import S_ISREG

from rxkernel.exceptions import NotFoundException

logger = logging.getLogger(__name__)

_NOT_FOUND = {errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG, errno.ENXIO}


def open_file(path: Path, root: Path | None) -> FileIO:
    """Open the regular file at *path* for reading.

    Below *root* no symbolic link is followed, even if one is created meanwhile: each folder is
    opened relative to its parent. *root* itself may be a link. Without *root* every part of *path*
    may be a link.

    Raises:
        NotFoundException: the file is missing, is a folder, a pipe or a device, or may not be
            read. Missing permissions are logged, because they are an error of the server.
        OSError: another error, such as too many open files or a missing *root*.
    """
    if root is None:
        with _translated_errors(path):
            return _open(path)
    *folders, name = path.relative_to(root).parts or (".",)
    with open_folder(root, folders) as folder, _translated_errors(path):
        return open_at(name, folder)


@contextmanager
def open_folder(root: Path, parts: Sequence[str]) -> Iterator[int]:
    """Open the folder with the names *parts* below *root*, and yield its descriptor.

    It follows no link below *root*. Neither do `stat_at` and `open_at`, which take the descriptor.

    Raises:
        NotFoundException, OSError: see `open_file`; also for an `OSError` within the context.
    """
    with ExitStack() as opened:
        at = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
        opened.callback(os.close, at)
        with _translated_errors(root.joinpath(*parts)):
            for folder in parts:
                at = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=at)
                opened.callback(os.close, at)
            yield at


def stat_at(name: str, folder: int) -> os.stat_result:
    """Return the status of *name* in *folder*, a descriptor. Links are not followed."""
    return os.stat(name, dir_fd=folder, follow_symlinks=False)


def open_at(name: str, folder: int) -> FileIO:
    """Open the regular file *name* in *folder*, a descriptor."""
    return _open(Path(name), folder, os.O_NOFOLLOW)


@contextmanager
def _translated_errors(path: Path) -> Iterator[None]:
    """Raise a `NotFoundException` for errors that mean "not found"."""
    try:
        yield
    except PermissionError as exc:
        logger.warning("responded with 404 for %r: no permission to read it", str(path))
        raise NotFoundException from exc
    except OSError as exc:
        if exc.errno not in _NOT_FOUND:
            raise
        raise NotFoundException from exc
    except ValueError as exc:  # NUL, or a character that the system cannot encode
        raise NotFoundException from exc


def _open(path: Path, at: int | None = None, flags: int = 0) -> FileIO:
    """Open a regular file. It is checked before, because opening may affect a pipe or a device,
    and after, because it may have been replaced."""
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
