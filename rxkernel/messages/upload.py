"""The files of a form."""

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path
from secrets import token_hex
from typing import Self

from rxkernel.messages.content_types import BYTES
from rxkernel.messages.spool import Spool, translate_disk_full

_PIECE = 262_144
"""Bytes that are copied at a time."""


class UploadedFile:
    """A file of a multipart form (RFC 7578 §4.2), which exists until its request has ended.

    Attributes:
        filename: as sent by the client, without a path; do not write to a file of this name.
        content_type: as sent by the client.
        size: in bytes.
    """

    def __init__(
        self,
        filename: str,
        content: bytes = b"",
        content_type: str = BYTES,
    ) -> None:
        self.filename = filename
        self.content_type = content_type
        self.size = len(content)
        self._spool, self._offset = Spool(content), 0

    @classmethod
    def kept(cls, filename: str, content_type: str, spool: Spool, offset: int) -> Self:
        """Return a file with the bytes of *spool* from *offset* to its current end."""
        file = cls(filename, content_type=content_type)
        file._spool, file._offset = spool, offset
        file.size = spool.size - offset
        return file

    @property
    def content(self) -> bytes:
        """All bytes. Blocks while it reads from disk: use `read` for a large file.

        Raises:
            ValueError: the request has ended, so the file is deleted. The other methods raise
                it too.
        """
        return self._spool.read(self._offset, self.size)

    async def read(self) -> bytes:
        """Return all bytes, without blocking."""
        return await self._read(0, self.size)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Yield pieces of 256 KiB."""
        for start in range(0, self.size, _PIECE):
            yield await self._read(start, min(_PIECE, self.size - start))

    async def _read(self, start: int, size: int) -> bytes:
        start += self._offset
        if start >= self._spool.on_disk:
            return self._spool.read(start, size)
        return await asyncio.to_thread(self._spool.read, start, size)

    async def save(self, path: str | os.PathLike[str]) -> None:
        """Copy it to *path*, in a thread. An existing file is replaced after the last byte.

        Raises:
            InsufficientStorageException: the disk is full (507).
            OSError: *path* cannot be written.
        """
        await asyncio.to_thread(self._copy, Path(path))

    def _copy(self, path: Path) -> None:
        part = path.with_name(f".{token_hex(8)}.part")
        try:
            with translate_disk_full(), part.open("xb") as out:
                for start in range(0, self.size, _PIECE):
                    size = min(_PIECE, self.size - start)
                    out.write(self._spool.read(self._offset + start, size))
            part.replace(path)
        except BaseException:
            part.unlink(missing_ok=True)
            raise

    def __repr__(self) -> str:
        return f"<UploadedFile {self.filename!r} {self.content_type}, {self.size} bytes>"
