"""The storage of the files of a form until their request ends."""

import asyncio
import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from tempfile import TemporaryFile
from threading import Lock
from typing import IO

from rxkernel.exceptions import InsufficientStorageException

_FULL = (errno.ENOSPC, errno.EDQUOT)


class Spool:
    """Appended bytes: up to *held* bytes in memory, the rest in a file.

    The file has no name (``O_TMPFILE``, or it is deleted immediately), so it does not exist
    longer than the process. It is in the folder of `tempfile`: ``TMPDIR``, else ``/tmp``.
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
        """Append *data*; a thread writes to disk.

        Raises:
            InsufficientStorageException: the disk is full (507).
        """
        self._held += data
        self.size += len(data)
        if len(self._held) > self._limit:
            await asyncio.to_thread(self._roll_over)

    def _roll_over(self) -> None:
        with self._lock, translate_disk_full():
            self._check_open()
            if self._file is None:
                self._file = TemporaryFile()  # noqa: SIM115 - close() is its end
            self._file.seek(self.on_disk)
            self._file.write(self._held)
            self._file.flush()
            self.on_disk += len(self._held)
            self._held.clear()

    def read(self, offset: int, size: int) -> bytes:
        """The *size* bytes from *offset* on; blocks if some of them are ``on_disk``.

        Raises:
            ValueError: the spool is closed.
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
            raise ValueError(
                "the upload was deleted with its request; call save() before the request ends"
            )

    async def aclose(self) -> None:
        """Free the memory, and delete the file."""
        if self._file is None:
            self._close()
        else:
            await asyncio.to_thread(self._close)  # freeing the blocks takes a while

    def _close(self) -> None:
        with self._lock:
            self._is_closed = True
            self._held.clear()
            if self._file is not None:
                with suppress(OSError):  # a full disk raises again, but the file is closed
                    self._file.close()


@contextmanager
def translate_disk_full() -> Iterator[None]:
    """Raise 507 for a full disk, which is logged in one line, without a traceback."""
    try:
        yield
    except OSError as exc:
        if exc.errno not in _FULL:
            raise
        raise InsufficientStorageException(
            f"no space left for the upload: {os.strerror(exc.errno)}"
        ) from exc
