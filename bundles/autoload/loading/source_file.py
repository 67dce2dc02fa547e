"""A file of the tree, with its content."""

import os
import stat
from hashlib import blake2b
from pathlib import Path
from typing import BinaryIO

import attrs

from bundles.autoload.loading.name_rules import Name

_ATTEMPTS = 5

_FLAGS = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)


class UnreadableFileError(Exception):
    """The file cannot be used. The message states the rule."""


class TooLargeError(Exception):
    """The file has *size* bytes, more than the limit."""

    def __init__(self, size: int) -> None:
        super().__init__(size)
        self.size = size


@attrs.frozen(eq=False)
class SourceFile:
    """One file, as it was read.

    Attributes:
        key: its path below the root, with slashes: ``lib/example/add.py``.
        path: its path, for errors and tracebacks.
        name: its name in the namespaces; for ``__init__.py``, the name of the folder.
        signature: attributes that change with the content, so that unchanged files are not read
            again.
        digest: the hash of its content.
        is_secret: whether its values may be secret, so that errors must not quote them.
    """

    key: str
    path: Path
    name: Name
    signature: tuple[int, ...] = attrs.field(repr=False)
    digest: bytes = attrs.field(repr=False)
    content: bytes = attrs.field(repr=False)
    is_secret: bool = False

    @property
    def place(self) -> str:
        return self.name[0]

    @property
    def stem(self) -> str:
        """The file's name without its suffix."""
        return self.key.rpartition("/")[2].rpartition(".")[0]


def signature_of(status: os.stat_result) -> tuple[int, ...]:
    return (
        status.st_dev,
        status.st_ino,
        status.st_size,
        status.st_mtime_ns,
        status.st_ctime_ns,
        status.st_mode,
    )


def read_file(path: Path, limit: int) -> tuple[bytes, tuple[int, ...]]:
    """Return the content of *path*, which is not a link, and its signature.

    A file that changes while it is read is read again.

    Raises:
        FileNotFoundError: it was deleted.
        TooLargeError: it has more than *limit* bytes.
        UnreadableFileError: it is not a regular file, can be written by all users, or changes each
            time that it is read.
    """
    for _ in range(_ATTEMPTS):
        with _open(path) as file:
            before = os.fstat(file.fileno())
            _check(before, limit)
            content = file.read(limit + 1)
            after = os.fstat(file.fileno())
        if signature_of(before) == signature_of(after) and len(content) == before.st_size:
            return content, signature_of(after)
    raise UnreadableFileError("changes while it is read; write it at once")


def _open(path: Path) -> BinaryIO:
    try:
        return os.fdopen(os.open(path, _FLAGS), "rb")
    except FileNotFoundError:
        raise
    except OSError as exc:
        raise UnreadableFileError(f"cannot be read: {exc.strerror}") from exc


def _check(status: os.stat_result, limit: int) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise UnreadableFileError("is not a regular file; remove it")
    if is_world_writable(status):
        raise UnreadableFileError("can be written by every user; run chmod o-w on it")
    if status.st_size > limit:
        raise TooLargeError(status.st_size)


def is_world_writable(status: os.stat_result) -> bool:
    """Whether users other than its owner and group can write; Windows has no such permission."""
    return os.name == "posix" and bool(status.st_mode & stat.S_IWOTH)


def digest_of(content: bytes) -> bytes:
    return blake2b(content, digest_size=16).digest()
