"""``client.upload`` and ``client.download`` over a real server."""

import asyncio
from collections.abc import Iterator
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import IO, Any

import aiohttp
import pytest

from rxkernel.messages import spool
from tests.bundles.web.conftest import Site
from tests.servers.raw_http import chunk, post, raw_http
from tests.waiting import until

FILES = {
    "app/files.json/post.py": """
        body_limit = 5_000_000

        async def post(client):
            return await client.upload()
        """,
    "app/small.json/post.py": """
        async def post(client):
            return await client.upload()
        """,
    "app/file/access.py": "virtual = True",
    "app/file/get.py": """
        async def get(client):
            return client.download(client.path, client.query.get("name"))
        """,
}
LARGE = bytes(range(256)) * 12_000
HEAD = b'--x\r\nContent-Disposition: form-data; name="f"; filename="f"\r\n\r\n'
MULTIPART = "Content-Type: multipart/form-data; boundary=x"


def form(*files: tuple[str, bytes, str]) -> aiohttp.FormData:
    data = aiohttp.FormData({"text": "1"}, quote_fields=False)  # as browsers
    for name, content, content_type in files:
        data.add_field("file", BytesIO(content), filename=name, content_type=content_type)
    return data


def stored(site: Site) -> list[Path]:
    return [path for path in (site.root / "files").rglob("*") if path.is_file()]


async def uploaded(session: aiohttp.ClientSession, data: Any, path: str = "/files.json") -> Any:
    async with session.post(path, data=data) as response:
        assert response.status == 200, await response.text()
        return await response.json()


async def test_upload_stores_files_and_download_sends_them(site: Site) -> None:
    async with site.served(FILES) as session:
        files = [("a.txt", b"hello", "text/plain"), ("Звіт.bin", LARGE, "application/x-own")]
        small, large = await uploaded(session, form(*files))

        assert {**small, "path": ""} == {
            "path": "",
            "field": "file",
            "name": "a.txt",
            "content_type": "text/plain",
            "size": 5,
            "checksum": sha256(b"hello").hexdigest(),
        }
        assert (large["size"], large["checksum"]) == (len(LARGE), sha256(LARGE).hexdigest())
        assert {*stored(site)} == {site.root / "files" / one["path"] for one in (small, large)}

        url, params = f"/file/{large['path']}", {"name": large["name"]}
        async with session.get(url, params=params) as response:
            assert await response.read() == LARGE
            assert response.headers["X-Content-Type-Options"] == "nosniff"
            disposition = response.content_disposition
            assert disposition is not None
            assert (disposition.type, disposition.filename) == ("attachment", "Звіт.bin")
        async with session.get(url, params=params, headers={"Range": "bytes=0-9"}) as response:
            assert (response.status, await response.read()) == (206, LARGE[:10])


async def test_upload_without_files_is_empty(site: Site) -> None:
    async with site.served(FILES) as session:
        assert await uploaded(session, {"text": "1"}) == []
        assert not (site.root / "files").exists()


# G5
@pytest.mark.parametrize(
    ("sent", "name"),
    [
        ("../../x", "x"),
        ("..\\..\\x.txt", "x.txt"),
        ("/etc/passwd", "passwd"),
        ("C:\\x", "x"),
        ("..", "file"),
        ("a\u202etxt.exe", "atxt.exe"),
        ("get.py", "get.py"),
        ("x" * 1000, "x" * 1000),
    ],
)
async def test_upload_name_is_data_and_no_path(site: Site, sent: str, name: str) -> None:
    async with site.served(FILES) as session, raw_http(site.application) as client:
        head = HEAD.replace(b'filename="f"', b'filename="%b"' % sent.encode())
        body = head + b"content\r\n--x--\r\n"
        await client.send(post("/files.json", MULTIPART, body=body))
        [record] = (await client.answer()).json

        assert record["name"] == name
        assert stored(site) == [site.root / "files" / record["path"]]
        async with session.get(f"/files/{record['path']}") as response:
            assert response.status == 404, "the folder of uploads is not served"


# G5
async def test_upload_with_10000_parts_is_413_and_stores_nothing(site: Site) -> None:
    async with site.served(FILES), raw_http(site.application) as client:
        body = (HEAD + b"x\r\n") * 10_000 + b"--x--\r\n"
        await client.send(post("/files.json", MULTIPART, body=body))

        assert (await client.answer()).status == 413
    assert stored(site) == []


# G5
async def test_upload_with_endless_part_is_413_and_stores_nothing(site: Site) -> None:
    async with site.served(FILES), raw_http(site.application) as client:
        await client.send(post("/files.json", MULTIPART, "Transfer-Encoding: chunked"))
        await client.send(chunk(HEAD))
        answer = asyncio.create_task(client.answer())
        while not answer.done():
            try:
                await client.send(chunk(b"x" * 65_536))
            except ConnectionError:
                break

        assert (await answer).status == 413
    assert stored(site) == []


async def test_upload_larger_than_the_limit_of_its_handler_is_413(site: Site) -> None:
    async with site.served(FILES) as session:
        for path, size in (("/small.json", 1_100_000), ("/files.json", 5_100_000)):
            data = form(("a", b"x" * size, "text/plain"))
            async with session.post(path, data=data) as response:
                assert response.status == 413
    assert stored(site) == []


async def test_upload_of_other_type_is_415(site: Site) -> None:
    options = {"web.upload_types": ["image/*"], "web.uploads": "pictures"}
    async with site.served(FILES, options=options) as session:
        data = form(("a.png", b"1", "image/png"), ("a.html", b"1", "image/png"))
        async with session.post("/files.json", data=data) as response:
            assert response.status == 415
            assert (await response.json())["message"] == (
                "the file 'a.html' has the type 'text/html'; accepted types are image/*"
            )
        [record] = await uploaded(session, form(("a.png", b"1", "image/png")))
    assert (site.root / "pictures" / record["path"]).read_bytes() == b"1"


@pytest.fixture
def full_disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    def temporary_file() -> IO[bytes]:
        return Path("/dev/full").open("w+b")

    with monkeypatch.context() as patch:
        patch.setattr(spool, "TemporaryFile", temporary_file)
        yield


# G5
@pytest.mark.usefixtures("full_disk")
async def test_upload_on_full_disk_is_507(site: Site) -> None:
    """The disk is full while the form is received. For the store itself see `test_uploads`."""
    async with site.served(FILES) as session:
        async with session.post("/files.json", data=form(("a", LARGE, "a/b"))) as response:
            assert response.status == 507
        await uploaded(session, form(("a", b"x", "a/b")))


# G1
@pytest.mark.parametrize(
    "path",
    ["..%2fconfig%2fsecret", "%2e%2e/config/secret", "07//x", "..%5cx", "a%00", "07/42/x", "link"],
)
async def test_download_of_path_that_is_not_an_upload_is_404(site: Site, path: str) -> None:
    async with site.served(FILES) as session:
        await uploaded(session, form(("a", b"x", "a/b")))
        (site.root / "files" / "link").symlink_to("/etc/passwd")
        async with raw_http(site.application) as client:
            await client.send(f"GET /file/{path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())

            assert (await client.answer()).status in (400, 404)


async def test_upload_of_client_that_leaves_is_not_stored(site: Site) -> None:
    async with site.served(FILES) as session:
        async with raw_http(site.application) as client:
            await client.send(post("/files.json", MULTIPART, "Content-Length: 1000"), HEAD)
        await uploaded(session, form(("a", b"x", "a/b")))
        await until(lambda: len(stored(site)) == 1)


@pytest.mark.parametrize("limit", ["0", "-1", "'5mb'", "True"])
async def test_body_limit_invalid_is_reported(site: Site, limit: str) -> None:
    problems = await site.problems(
        {"app/x/post.py": f"body_limit = {limit}\nasync def post(client): return 'x'\n"}
    )

    assert "app/x/post.py" in problems
    assert "write a number of bytes, 1 or more" in problems


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"web.uploads": "app/files"}, "web.uploads is 'app/files', which is in app"),
        ({"web.uploads": ""}, "contains the application"),
        ({"web.upload_types": ["image"]}, "must be a list of types"),
        ({"web.page_cache_size": -1}, "must be bytes, a whole number, 0 or more"),
    ],
)
async def test_web_settings_invalid_are_reported(
    site: Site, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(Exception, match=message):
        async with site.served(FILES, options=options):
            pytest.fail("it was started")


FAILING = {
    "lib/gate.py": "import asyncio\n\nwaiting, ended = [], []\nopen = asyncio.Event()\n",
    "app/error.json/post.py": """
        async def post(client):
            await client.upload()
            client.error(400, "no")
        """,
    "app/crash.json/post.py": """
        async def post(client):
            await client.upload()
            await client.upload()
            raise LookupError
        """,
    "app/end.json/post.py": "async def post(client): return await client.upload()",
    "app/end.json/end.py": "async def end(client): raise LookupError",
    "app/result.json/post.py": """
        returns = {"x": "number"}

        async def post(client):
            await client.upload()
            return {"x": "text"}
        """,
    "app/handled.json/post.py": """
        async def post(client):
            await client.upload()
            raise LookupError
        """,
    "app/handled.json/error.py": "async def error(client): return 'sorry'",
    "app/slow.json/post.py": """
        timeout = 0.1

        from bundles.autoload import lib

        async def post(client):
            await client.upload()
            await lib.gate.open.wait()
        """,
    "app/waits.json/post.py": """
        from bundles.autoload import lib

        async def post(client):
            await client.upload()
            lib.gate.waiting.append(1)
            await lib.gate.open.wait()
            lib.gate.ended.append(1)
        """,
    "app/redirect.json/post.py": """
        async def post(client):
            await client.upload()
            client.redirect("/else", 303)
        """,
}


@pytest.mark.parametrize("name", ["error", "crash", "end", "result", "handled", "slow"])
async def test_upload_of_a_message_that_fails_is_removed(site: Site, name: str) -> None:
    async with site.served(FAILING) as session:
        data = form(("a", b"x", "a/b"), ("b", LARGE[:1000], "a/b"))
        async with session.post(f"/{name}.json", data=data) as response:
            assert response.status >= 400
        assert stored(site) == []


async def test_upload_of_client_that_leaves_during_the_handler_stays(site: Site) -> None:
    """The handler runs to its end, and may have stored the path."""
    async with site.served(FAILING) as session:
        gate: Any = site.snapshot.files["lib/gate.py"].module
        request = asyncio.create_task(
            uploaded(session, form(("a", b"x", "a/b")), path="/waits.json")
        )
        await until(lambda: gate.waiting)
        request.cancel()
        gate.open.set()
        await until(lambda: gate.ended)
        await site.application.stop()

        assert len(stored(site)) == 1


async def test_upload_of_a_message_that_ends_with_a_redirect_stays(site: Site) -> None:
    async with site.served(FAILING) as session:
        data = form(("a", b"x", "a/b"))
        async with session.post("/redirect.json", data=data, allow_redirects=False) as response:
            assert response.status == 303
        assert len(stored(site)) == 1


async def test_download_without_return_is_sent(site: Site) -> None:
    handler = """
        async def get(client):
            try:
                client.download(client.path, "a.txt")
            except Exception:
                return "not sent"
        """
    async with site.served({**FILES, "app/file/get.py": handler}) as session:
        [record] = await uploaded(session, form(("a.txt", b"hello", "text/plain")))

        async with session.get(f"/file/{record['path']}") as response:
            assert (response.status, await response.text()) == (200, "hello")
            assert "a.txt" in response.headers["Content-Disposition"]
