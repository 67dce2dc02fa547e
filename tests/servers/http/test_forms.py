"""Uploads over a real connection: where they are stored, and that they are deleted."""

import asyncio
import logging
import os
from io import BytesIO
from pathlib import Path
from typing import IO, Any

import aiohttp
import pytest

from rxkernel import (
    ForbiddenException,
    InsufficientStorageException,
    Request,
    TerminateEvent,
    UploadedFile,
    http,
    observe,
)
from rxkernel.messages import spool
from tests.servers.conftest import Serve, http_url
from tests.servers.raw_http import post, raw_http
from tests.servers.taking import Taker
from tests.waiting import until

LARGE = bytes(range(256)) * 12_000
"""Three megabytes: more than the limit for memory."""


def open_files() -> int:
    """Return the number of unnamed files that this process has open."""
    count = 0
    for link in Path("/proc/self/fd").iterdir():
        try:
            count += os.readlink(link).endswith("(deleted)")
        except FileNotFoundError:
            continue
    return count


class Uploads(Taker):
    """The files in ``kept`` outlive their requests."""

    folder = Path()

    def __init__(self) -> None:
        super().__init__()
        self.kept: list[UploadedFile] = []
        self.open = 0
        self.arrived = asyncio.Event()
        self.go_on = asyncio.Event()
        self.terminated: list[int] = []

    @http("POST", "/every-way", "every_way", body_limit=20_000_000)
    async def every_way(self, request: Request) -> list[bool]:
        file = request.files["f"]
        self.open = open_files()
        self.kept = list(request.files.values())
        await file.save(self.folder / "saved")
        return [
            file.content == LARGE,
            await file.read() == LARGE,
            b"".join([piece async for piece in file]) == LARGE,
            (self.folder / "saved").read_bytes() == LARGE,
            len(file.content) == file.size,
        ]

    @http("POST", "/in-thread", "in_thread", body_limit=20_000_000)
    def in_thread(self, request: Request) -> bool:
        return request.files["f"].content == LARGE

    @http("POST", "/fail", "fail", body_limit=20_000_000)
    async def fail(self, request: Request) -> None:
        self.open = open_files()
        raise ForbiddenException

    @http("POST", "/hold", "hold", body_limit=20_000_000)
    async def hold(self, request: Request) -> None:
        self.open = open_files()
        self.arrived.set()
        await self.go_on.wait()

    @observe("kernel.terminate", only=lambda definition: definition.name == "every_way")
    async def last(self, event: TerminateEvent) -> None:
        self.terminated = [len(file.content) for file in event.request.files.values()]


def form(*contents: bytes, name: str = "f") -> aiohttp.FormData:
    data = aiohttp.FormData()
    for number, content in enumerate(contents):
        data.add_field(name, BytesIO(content), filename=f"{number}.bin")
    return data


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(Uploads, "folder", tmp_path)
    return tmp_path


async def test_upload_is_readable_until_end_of_request(
    serve: Serve, session: aiohttp.ClientSession
) -> None:
    application = await serve(Uploads, listeners=[Uploads])
    uploads = application.injector.get(Uploads)
    before = open_files()

    async with session.post(http_url(application, "/every-way"), data=form(LARGE)) as response:
        assert await response.json() == [True] * 5
    assert uploads.open == before + 1
    await until(lambda: open_files() == before)

    with pytest.raises(ValueError, match="deleted with its request; call save"):
        uploads.kept[0].content  # noqa: B018
    with pytest.raises(ValueError, match="deleted with its request"):
        await uploads.kept[0].read()


async def test_upload_is_readable_in_terminate_listeners(
    serve: Serve, session: aiohttp.ClientSession
) -> None:
    application = await serve(Uploads, listeners=[Uploads])
    uploads = application.injector.get(Uploads)

    async with session.post(http_url(application, "/every-way"), data=form(LARGE, b"x")):
        await until(lambda: uploads.terminated)
    assert uploads.terminated == [len(LARGE), 1]


async def test_upload_is_readable_in_plain_def(
    serve: Serve, session: aiohttp.ClientSession
) -> None:
    application = await serve(Uploads)

    async with session.post(http_url(application, "/in-thread"), data=form(LARGE)) as response:
        assert await response.json() is True


async def test_uploads_of_request_share_one_file(
    serve: Serve, session: aiohttp.ClientSession
) -> None:
    """With one descriptor for each file, a form could use up the descriptors of the process."""
    application = await serve(Uploads)
    uploads = application.injector.get(Uploads)
    before = open_files()
    contents = [bytes([number % 256]) * 5000 for number in range(900)]

    async with session.post(
        http_url(application, "/every-way"), data=form(LARGE, *contents)
    ) as response:
        assert await response.json() == [True] * 5
    assert (uploads.open, len(uploads.kept)) == (before + 1, 901)


async def test_small_uploads_stay_in_memory(serve: Serve, session: aiohttp.ClientSession) -> None:
    application = await serve(Uploads)
    uploads = application.injector.get(Uploads)
    before = open_files()

    async with session.post(http_url(application, "/fail"), data=form(b"x" * 1_000_000)):
        assert uploads.open == before


async def test_uploads_of_failed_request_are_deleted(
    serve: Serve, session: aiohttp.ClientSession
) -> None:
    application = await serve(Uploads)
    uploads = application.injector.get(Uploads)
    before = open_files()

    async with session.post(http_url(application, "/fail"), data=form(LARGE)) as response:
        assert response.status == 403
    assert uploads.open == before + 1
    await until(lambda: open_files() == before)


HEAD = b'--x\r\nContent-Disposition: form-data; name="f"; filename="f"\r\n\r\n'
MULTIPART = "Content-Type: multipart/form-data; boundary=x"


@pytest.mark.parametrize("end", ["leaves", "exceeds", "breaks", "is slow"])
async def test_uploads_of_incomplete_form_are_deleted(serve: Serve, end: str) -> None:
    settings = {"upload_limit": 5_000_000, "body_timeout": 1.0, "min_body_rate": 10**9}
    application = await serve(Taker, http=settings)
    before = open_files()

    async with raw_http(application) as client:
        await client.send(post("/upload", MULTIPART, "Transfer-Encoding: chunked"))
        await client.send(b"%x\r\n%b\r\n" % (len(HEAD + LARGE), HEAD + LARGE))
        await until(lambda: open_files() == before + 1)
        if end == "exceeds":
            await client.send(b"%x\r\n%b\r\n" % (len(LARGE), LARGE))
        elif end == "breaks":
            await client.send(b"2\r\n\r\n\r\n0\r\n\r\n")
        if end != "leaves":
            statuses = {"exceeds": 413, "breaks": 400, "is slow": 408}
            assert (await client.answer()).status == statuses[end]
    await until(lambda: open_files() == before)


@pytest.mark.parametrize("path", ["/hold", "/upload"], ids=["in the action", "in the body"])
async def test_uploads_at_server_stop_are_deleted(
    serve: Serve, path: str, caplog: pytest.LogCaptureFixture
) -> None:
    application = await serve(Uploads, shutdown_timeout=0.1)
    before = open_files()
    whole = HEAD + LARGE + b"\r\n--x--\r\n"
    length = len(whole) if path == "/hold" else len(whole) + 1

    async with raw_http(application) as client:
        await client.send(post(path, MULTIPART, f"Content-Length: {length}"), whole)
        await until(lambda: open_files() == before + 1)
        await application.stop()
        await until(lambda: open_files() == before)
    assert [r for r in caplog.records if r.exc_info and r.levelno >= logging.ERROR] == []


@pytest.fixture
def full_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    def temporary_file() -> IO[bytes]:
        return Path("/dev/full").open("w+b")

    monkeypatch.setattr(spool, "TemporaryFile", temporary_file)


@pytest.mark.usefixtures("full_disk")
async def test_upload_on_full_disk_can_be_closed() -> None:
    """The rest of its buffer fails a second time on close."""
    full = spool.Spool(held=10)

    with pytest.raises(InsufficientStorageException):
        await full.append(b"x" * 11)
    await full.aclose()


@pytest.mark.usefixtures("full_disk")
async def test_upload_on_full_disk_is_507_and_logged(
    serve: Serve,
    session: aiohttp.ClientSession,
    caplog: pytest.LogCaptureFixture,
) -> None:
    application = await serve(Uploads)

    async with session.post(http_url(application, "/fail"), data=form(LARGE)) as response:
        assert response.status == 507
        assert (await response.json())["message"].startswith("no space left for the upload")
    async with session.post(http_url(application, "/fail"), data=form(b"x")) as response:
        assert response.status == 403
    await application.stop()
    [record] = caplog.records
    assert "No space left on device" in record.getMessage()
    assert record.exc_info is None


async def test_form_of_browser_is_read(serve: Serve, session: aiohttp.ClientSession) -> None:
    """Duplicates are kept; an unselected file is ignored; a part is a text, JSON or bytes."""
    application = await serve(Several)

    async with raw_http(application) as client:
        parts = [
            (b'name="t"', b"", b"1"),
            (b'name="t"', b"Content-Type: text/plain; charset=iso-8859-1\r\n", b"\xe9"),
            (b'name="j"', b"Content-Type: application/json\r\n", b"{}"),
            (b'name="i"', b"Content-Type: image/gif\r\n", b"GIF"),
            (b'name="f"; filename="a/b.txt"', b"Content-Type: text/csv; header=present\r\n", b"x"),
            (b'name="f"; filename="c"', b"", b""),
            (b'name="f"; filename=""', b"Content-Type: application/octet-stream\r\n", b""),
            (b'name="g"; filename=""', b"", b"nameless"),
        ]
        body = b"".join(
            b"--x\r\nContent-Disposition: form-data; %b\r\n%b\r\n%b\r\n" % part for part in parts
        )
        await client.send(post("/several", MULTIPART, body=body + b"--x--\r\n"))
        answer = await client.answer()
    assert answer.json == {
        "form": [["t", "1"], ["t", "é"], ["j", "{}"], ["i", "b'GIF'"]],
        "files": [
            ["f", "b.txt", "text/csv", "x"],
            ["f", "c", "application/octet-stream", ""],
            ["g", "", "application/octet-stream", "nameless"],
        ],
    }


class Several:
    @http("POST", "/several", "several")
    async def several(self, request: Request) -> dict[str, Any]:
        form = [[k, v if isinstance(v, str) else repr(v)] for k, v in request.body.items()]
        files = [
            [name, file.filename, file.content_type, file.content.decode()]
            for name, file in request.files.items()
        ]
        return {"form": form, "files": files}


async def test_form_text_invalid_in_charset_is_400(serve: Serve) -> None:
    application = await serve(Several)

    async with raw_http(application) as client:
        body = b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n\xff\r\n--x--\r\n'
        await client.send(post("/several", MULTIPART, body=body))
        assert (await client.answer()).json["message"] == (
            "the body is not valid utf-8: invalid start byte"
        )


async def test_save_replaces_file_completely(folder: Path) -> None:
    (folder / "there").write_text("old")
    file = UploadedFile("x", b"new")

    await file.save(folder / "there")
    assert (folder / "there").read_bytes() == b"new"
    with pytest.raises(FileNotFoundError):
        await file.save(folder / "nowhere" / "x")
    (folder / "taken").mkdir()
    with pytest.raises(IsADirectoryError):
        await file.save(folder / "taken")
    assert set(os.listdir(folder)) == {"there", "taken"}


async def test_uploaded_file_from_bytes_is_readable() -> None:
    file = UploadedFile("x.txt", b"hello", "text/plain")

    assert (file.filename, file.content_type, file.size) == ("x.txt", "text/plain", 5)
    assert file.content == await file.read() == b"hello"
    assert [piece async for piece in file] == [b"hello"]
    assert [piece async for piece in UploadedFile("empty")] == []
    assert repr(file) == "<UploadedFile 'x.txt' text/plain, 5 bytes>"
