"""Files that a form brings, and what they are kept in until their request is over."""

import asyncio
import errno
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex
from tempfile import TemporaryFile
from threading import Lock
from typing import IO, Self

from rxkernel.exceptions import InsufficientStorageException

PIECE = 262_144
"""Bytes that are moved at a time."""

_FULL = (errno.ENOSPC, errno.EDQUOT)


class Spool:
    """Bytes that grow at their end: in memory up to *held* of them, the rest on disk.

    The file has no name (``O_TMPFILE``, or deleted at once), so nothing is left of it whatever
    happens to the process. `tempfile` says where it lies: ``TMPDIR``, else ``/tmp``.
    """

    def __init__(self, content: bytes = b"", *, held: int = 1_048_576) -> None:
        self.size = len(content)
        self.on_disk = 0
        self._limit = held
        self._held = bytearray(content)
        self._file: IO[bytes] | None = None
        self._is_closed = False
        self._lock = Lock()

    async def append(self, data: bytes) -> None:
        """Add *data*; what goes to disk goes there in a thread.

        Raises:
            InsufficientStorageException: the disk is full (507).
        """
        self._held += data
        self.size += len(data)
        if len(self._held) > self._limit:
            await asyncio.to_thread(self._roll_over)

    def _roll_over(self) -> None:
        with self._lock, _told_when_full():
            self._check_open()
            if self._file is None:
                self._file = TemporaryFile()  # noqa: SIM115 - close() is its end
            self._file.seek(self.on_disk)
            self._file.write(self._held)
            self._file.flush()
            self.on_disk += len(self._held)
            self._held.clear()

    def read(self, offset: int, size: int) -> bytes:
        """The *size* bytes from *offset* on; blocks where they are ``on_disk``.

        Raises:
            ValueError: it has been closed.
        """
        with self._lock:
            self._check_open()
            data = b""
            if self._file is not None and offset < self.on_disk:
                self._file.seek(offset)
                data = self._file.read(min(size, self.on_disk - offset))
            start = offset + len(data) - self.on_disk
            return data + self._held[start : start + size - len(data)]

    def _check_open(self) -> None:
        if self._is_closed:
            raise ValueError("the upload is gone with its request; save() it while that runs")

    async def aclose(self) -> None:
        """Let everything go."""
        if self._file is None:
            self._close()
        else:
            await asyncio.to_thread(self._close)  # giving the blocks back takes a while

    def _close(self) -> None:
        with self._lock:
            self._is_closed = True
            self._held.clear()
            if self._file is not None:
                self._file.close()


class UploadedFile:
    """A file of a multipart form (RFC 7578 §4.2), there until its request is over.

    Attributes:
        filename: what the client claims, without a path; never one to write to.
        content_type: what the client claims.
        size: in bytes.
    """

    def __init__(
        self,
        filename: str,
        content: bytes = b"",
        content_type: str = "application/octet-stream",
    ) -> None:
        self.filename = filename
        self.content_type = content_type
        self.size = len(content)
        self._spool, self._offset = Spool(content), 0

    @classmethod
    def kept(cls, filename: str, content_type: str, spool: Spool, offset: int) -> Self:
        """What lies in *spool* from *offset* to its present end."""
        file = cls(filename, content_type=content_type)
        file._spool, file._offset = spool, offset
        file.size = spool.size - offset
        return file

    @property
    def content(self) -> bytes:
        """All of it. Reads from the disk where it is there: use `read` for a large file."""
        return self._spool.read(self._offset, self.size)

    async def read(self) -> bytes:
        """All of it, without blocking."""
        return await self._read(0, self.size)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Its pieces, of 256 KiB."""
        for start in range(0, self.size, PIECE):
            yield await self._read(start, min(PIECE, self.size - start))

    async def _read(self, start: int, size: int) -> bytes:
        start += self._offset
        if start >= self._spool.on_disk:
            return self._spool.read(start, size)
        return await asyncio.to_thread(self._spool.read, start, size)

    async def save(self, path: str | os.PathLike[str]) -> None:
        """Copy it to *path*, in a thread; what was there is replaced when all has been written.

        Raises:
            InsufficientStorageException: the disk is full (507).
            OSError: *path* cannot be written.
        """
        await asyncio.to_thread(self._copy, Path(path))

    def _copy(self, path: Path) -> None:
        part = path.with_name(f".{token_hex(8)}.part")
        try:
            with _told_when_full(), part.open("xb") as out:
                for start in range(0, self.size, PIECE):
                    size = min(PIECE, self.size - start)
                    out.write(self._spool.read(self._offset + start, size))
            part.replace(path)
        except BaseException:
            part.unlink(missing_ok=True)
            raise

    def __repr__(self) -> str:
        return f"<UploadedFile {self.filename!r} {self.content_type}, {self.size} bytes>"


@contextmanager
def _told_when_full() -> Iterator[None]:
    """A disk that is full is no bug: 507, and one line in the log."""
    try:
        yield
    except OSError as exc:
        if exc.errno not in _FULL:
            raise
        raise InsufficientStorageException(
            f"there is no room for the upload: {os.strerror(exc.errno)}"
        ) from exc
