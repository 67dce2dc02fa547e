"""The store of uploads: a folder with two levels of a hundred folders, as in Impress.

Impress compressed texts of 1 MiB or more. This store does not: a compressed file has no ranges,
its size and checksum differ from those of the client, and it would have to be decompressed for
clients that do not accept gzip. A compressing file system is better.
"""

import asyncio
from collections.abc import Coroutine, Iterable, Iterator
from contextlib import contextmanager
from hashlib import file_digest
from pathlib import Path, PurePath
from secrets import randbelow, token_hex
from typing import Any

from bundles.web.files.stored_file import StoredFile
from bundles.web.files.upload_types import UploadTypes
from rxkernel import FileResponse, NotFoundException, UploadedFile
from rxkernel.messages.spool import translate_disk_full

_NO_NAME = "file"
"""The name of a file that the client has sent without a name."""


class Uploads:
    """Stores the files of forms.

    Attributes:
        folder: the absolute path of the folder, which is created with the first file.

    Args:
        types: the content types that are accepted, see `UploadTypes`.
    """

    def __init__(self, folder: Path, types: Iterable[str] = ("*/*",)) -> None:
        self.folder = folder.absolute()
        self._types = UploadTypes(types)

    async def store(self, files: Iterable[tuple[str, UploadedFile]]) -> list[StoredFile]:
        """Store *files*, each with its field, and return their records in the same order.

        All files are stored, or none. A file appears at its path only when its last byte is
        written.

        Raises:
            UnsupportedMediaTypeException: a type is not accepted (415); nothing is stored.
            InsufficientStorageException: the disk is full (507).
            OSError: a file cannot be written.
        """
        given = [*files]
        for _, file in given:
            self._types.check(file)
        written: list[Path] = []
        try:
            return [await self._store(field, file, written) for field, file in given]
        except BaseException:
            for path in written:
                path.unlink(missing_ok=True)
            raise

    @contextmanager
    def removed_on_failure(self, files: Iterable[StoredFile]) -> Iterator[None]:
        """Remove the stored *files* if the body of ``with`` fails."""
        try:
            yield
        except BaseException:
            for file in files:
                (self.folder / file.path).unlink(missing_ok=True)
            raise

    def download(self, path: str, name: str | None = None) -> FileResponse:
        """Return the file with the *path* of its record, which the browser saves as *name*.

        *path* may come from a client: a file outside of the folder, or a list (of a parameter that
        was sent several times), is not found.

        Raises:
            NotFoundException: *path* is not a file below the folder (404).
            ValueError: *name* has a path or a control character.
        """
        if not isinstance(path, str) or not self.folder.is_dir():
            raise NotFoundException
        filename = PurePath(path).name if name is None else name
        headers = {"X-Content-Type-Options": "nosniff"}
        return FileResponse(path, headers=headers, filename=filename, root=self.folder)

    async def _store(self, field: str, file: UploadedFile, written: list[Path]) -> StoredFile:
        relative = PurePath(f"{randbelow(100):02}", f"{randbelow(100):02}", token_hex(16))
        path = self.folder / relative
        await asyncio.to_thread(_make_folder, path.parent)
        written.append(path)
        await _run_to_its_end(file.save(path))
        return StoredFile(
            relative.as_posix(),
            field,
            file.filename or _NO_NAME,
            file.content_type,
            file.size,
            await asyncio.to_thread(_checksum, path),
        )


def _make_folder(folder: Path) -> None:
    with translate_disk_full():
        folder.mkdir(parents=True, exist_ok=True)


def _checksum(path: Path) -> str:
    with path.open("rb") as stored:
        return file_digest(stored, "sha256").hexdigest()


async def _run_to_its_end(work: Coroutine[Any, Any, None]) -> None:
    """Await *work*, which runs in a thread, even if the message is cancelled: otherwise the thread
    would create the file after its removal."""
    task = asyncio.ensure_future(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task})
        raise
