"""The store of uploads, without a server."""

import asyncio
import errno
import re
import threading
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from bundles.web.files.stored_file import StoredFile
from bundles.web.files.uploads import Uploads
from rxkernel import (
    InsufficientStorageException,
    NotFoundException,
    UnsupportedMediaTypeException,
    UploadedFile,
)
from tests.waiting import until


def files_below(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


@pytest.fixture
def uploads(tmp_path: Path) -> Uploads:
    return Uploads(tmp_path / "files")


async def test_store_file_has_record_and_content(uploads: Uploads) -> None:
    file = UploadedFile("Report 1.txt", b"hello", "text/plain")

    [record] = await uploads.store([("document", file)])

    assert re.fullmatch(r"\d\d/\d\d/[0-9a-f]{32}", record.path)
    assert record == StoredFile(
        record.path,
        "document",
        "Report 1.txt",
        "text/plain",
        5,
        sha256(b"hello").hexdigest(),
    )
    assert files_below(uploads.folder) == [uploads.folder / record.path]
    assert (uploads.folder / record.path).read_bytes() == b"hello"


@pytest.mark.parametrize("error", [LookupError, asyncio.CancelledError])
async def test_stored_files_are_removed_on_failure(
    uploads: Uploads, error: type[BaseException]
) -> None:
    files = await uploads.store([("a", UploadedFile("a", b"x")), ("b", UploadedFile("b", b"y"))])
    (uploads.folder / files[0].path).unlink()  # its handler has moved it

    with pytest.raises(error), uploads.removed_on_failure(files):
        raise error

    assert files_below(uploads.folder) == []


async def test_stored_files_stay_without_failure(uploads: Uploads) -> None:
    files = await uploads.store([("a", UploadedFile("a", b"x"))])

    with uploads.removed_on_failure(files):
        pass

    assert len(files_below(uploads.folder)) == 1


async def test_store_same_file_twice_is_stored_twice(uploads: Uploads) -> None:
    records = await uploads.store([("a", UploadedFile("x", b"1")), ("a", UploadedFile("x", b"1"))])

    assert len({record.path for record in records}) == 2
    assert len({record.checksum for record in records}) == 1


async def test_store_without_files_creates_no_folder(uploads: Uploads) -> None:
    assert await uploads.store([]) == []
    assert not uploads.folder.exists()


async def test_store_file_without_name_gets_one(uploads: Uploads) -> None:
    [record] = await uploads.store([("a", UploadedFile("", b"1"))])

    assert record.name == "file"


@pytest.mark.parametrize(
    ("types", "name", "content_type", "is_accepted"),
    [
        (("*/*",), "x.exe", "application/x-msdownload", True),
        (("image/*",), "x.png", "image/png", True),
        (("image/*",), "X.PNG", "IMAGE/PNG; a=b", True),
        (("image/png", "text/plain"), "x.txt", "text/plain", True),
        (("image/*",), "x.html", "image/png", False),
        (("image/*",), "x.png", "text/html", False),
        (("image/*",), "x", "image/png", False),
        (("image/*",), "x.png.html", "image/png", False),
        (("image/png",), "x.png", "image/pngx", False),
        (("image/*",), "x.png", "imagex/png", False),
        (("image/*",), "x.png", "", False),
        ((), "x.png", "image/png", False),
    ],
)
async def test_store_type_that_is_not_accepted_is_415(
    tmp_path: Path, types: tuple[str, ...], name: str, content_type: str, is_accepted: bool
) -> None:
    """The type that the client has sent and the type of the name must both be accepted."""
    uploads = Uploads(tmp_path / "files", types)
    files = [("a", UploadedFile(name, b"x", content_type))]

    if is_accepted:
        assert len(await uploads.store(files)) == 1
    else:
        with pytest.raises(UnsupportedMediaTypeException, match="accepted types are"):
            await uploads.store([("b", UploadedFile("y.png", b"x", "image/png")), *files])
        assert not uploads.folder.exists()


@pytest.fixture
def full_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """The third file that is opened for writing cannot be written."""
    opened: list[Path] = []
    open_file = Path.open

    def limited(self: Path, mode: str = "r") -> Any:
        opened.append(self)
        written = [path for path in opened if path.suffix == ".part"]
        if mode == "xb" and len(written) > 2:
            return open_file(Path("/dev/full"), "r+b")
        return open_file(self, mode)

    monkeypatch.setattr(Path, "open", limited)


# G5
@pytest.mark.usefixtures("full_disk")
async def test_store_disk_full_is_507_and_keeps_no_file(uploads: Uploads) -> None:
    files = [("a", UploadedFile("x", b"1" * 100_000)) for _ in range(4)]

    with pytest.raises(InsufficientStorageException, match="no space left for the upload"):
        await uploads.store(files)

    assert files_below(uploads.folder) == []


@pytest.mark.parametrize(
    ("number", "error"),
    [(errno.ENOSPC, InsufficientStorageException), (errno.EACCES, PermissionError)],
)
async def test_store_folder_that_cannot_be_created_raises(
    uploads: Uploads, monkeypatch: pytest.MonkeyPatch, number: int, error: type[Exception]
) -> None:
    def mkdir(self: Path, **_: Any) -> None:
        raise OSError(number, "it failed")

    monkeypatch.setattr(Path, "mkdir", mkdir)

    with pytest.raises(error):
        await uploads.store([("a", UploadedFile("x", b"1"))])


@pytest.fixture
def slow_disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[threading.Event, list[Path]]]:
    """Renaming waits for the event; the list contains the waiting files."""
    event, waiting = threading.Event(), list[Path]()
    replace = Path.replace

    def slow(self: Path, target: Path) -> Path:
        waiting.append(self)
        assert event.wait(20)
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", slow)
    yield event, waiting
    event.set()


async def test_store_cancelled_keeps_no_file(
    uploads: Uploads, slow_disk: tuple[threading.Event, list[Path]]
) -> None:
    """The timeout of a message cancels a store in this way, while a thread writes."""
    event, waiting = slow_disk
    task = asyncio.create_task(uploads.store([("a", UploadedFile("x", b"1"))]))
    await until(lambda: waiting)

    task.cancel()
    await asyncio.sleep(0)  # the cancellation arrives before the thread ends
    event.set()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert files_below(uploads.folder) == []


async def test_download_is_an_attachment(uploads: Uploads) -> None:
    [record] = await uploads.store([("a", UploadedFile("Отчёт.html", b"1", "text/html"))])

    response = uploads.download(record.path, record.name)

    assert response.content == uploads.folder / record.path
    assert response.root == uploads.folder
    assert response.headers["Content-Type"] == "text/html; charset=utf-8"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Content-Disposition"].startswith("attachment; filename=")
    assert uploads.download(record.path).headers["Content-Disposition"] == (
        f'attachment; filename="{Path(record.path).name}"'
    )


# G1
@pytest.mark.parametrize(
    "path", ["../secret", "/etc/passwd", "07/../../secret", "", "a\0b", "07//a", "..\\secret"]
)
async def test_download_path_out_of_folder_is_404(uploads: Uploads, path: str) -> None:
    await uploads.store([("a", UploadedFile("x", b"1"))])

    with pytest.raises(NotFoundException):
        uploads.download(path, "x")


@pytest.mark.parametrize("path", [["a", "b"], None, 7, {"a": 1}])
async def test_download_path_that_is_not_a_text_is_404(uploads: Uploads, path: Any) -> None:
    """A parameter that was sent twice is a list."""
    await uploads.store([("a", UploadedFile("x", b"1"))])

    with pytest.raises(NotFoundException):
        uploads.download(path)


async def test_download_without_folder_is_404(uploads: Uploads) -> None:
    with pytest.raises(NotFoundException):
        uploads.download("07/42/x", "x")


async def test_download_name_with_path_raises(uploads: Uploads) -> None:
    [record] = await uploads.store([("a", UploadedFile("x", b"1"))])

    with pytest.raises(ValueError, match="without folders"):
        uploads.download(record.path, "../x")
