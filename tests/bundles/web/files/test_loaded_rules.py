"""Files of directories whose access file is not loaded."""

import asyncio
from pathlib import Path

import pytest

from bundles.web.files.loaded_rules import LoadedRules
from rxkernel import ServiceUnavailableException
from tests.bundles.web.conftest import Site

CLOSED = "guests = False\n"


@pytest.mark.parametrize("reload", [False, True])
async def test_files_of_directory_with_new_access_file_are_not_sent(
    site: Site, reload: bool, caplog: pytest.LogCaptureFixture
) -> None:
    files = {
        "app/get.py": "async def get(client): return 'root'",
        "app/old/a.txt": "old",
        "app/open/a.txt": "open",
    }
    async with site.served(files, reload=reload) as session:

        async def status(path: str) -> int:
            async with session.get(path) as response:
                return response.status

        assert await status("/old/a.txt") == 200
        site.write({"app/broken/get.py": "async def get(client:\n"})
        site.write(
            {
                "app/new/access.py": CLOSED + "index = True\n",
                "app/new/deep/secret.txt": "secret",
                "app/new/secret.txt": "secret",
                "app/old/access.py": CLOSED,
            }
        )

        assert await status("/new/secret.txt") == 503
        assert await status("/new/deep/secret.txt") == 503
        async with asyncio.timeout(20):
            while await status("/old/a.txt") != 503:  # a copy in memory is sent for a second
                pass
        assert await status("/open/a.txt") == 200
        messages = [each.getMessage() for each in caplog.records if "is not loaded" in each.msg]
        assert len(messages) == 2
        assert messages[0].startswith(str(site.root / "app/new/access.py"))


async def test_files_are_sent_when_the_access_file_is_loaded(site: Site) -> None:
    client = await site.start({"app/a/b.txt": "b", "app/a/access.py": "guests = True\n"})
    file = {"path": "a/b.txt"}

    assert (await client.http("web_files", params=file)).status_code == 200
    site.write({"app/a/access.py": CLOSED, "app/c/access.py": "index = True\n"})
    assert (await client.http("web_files", params={"path": "c/"})).status_code == 404
    await site.change({})
    assert (await client.http("web_files", params=file)).status_code == 401
    assert (await client.http("web_files", params={"path": "c/"})).status_code == 200


async def test_file_of_virtual_directory_is_not_sent(site: Site) -> None:
    client = await site.start(
        {
            "app/access.py": "virtual = True\n",
            "app/get.py": "async def get(client): return 'root'",
        }
    )
    site.write({"app/new/access.py": CLOSED, "app/new/a.txt": "secret"})
    params = {"web_path": "new/a.txt"}

    assert (await client.http("GET /{web_path:path}", params=params)).status_code == 503


def test_access_file_that_cannot_be_read_is_not_loaded(tmp_path: Path) -> None:
    rules = LoadedRules(tmp_path)
    rules.check("a/b.txt")
    (tmp_path / "a" / "access.py").mkdir(parents=True)
    rules.load({})
    with pytest.raises(ServiceUnavailableException):
        rules.check("a/b.txt")


def test_access_file_that_is_a_broken_link_is_not_loaded(tmp_path: Path) -> None:
    (tmp_path / "access.py").symlink_to(tmp_path / "none")
    with pytest.raises(ServiceUnavailableException):
        LoadedRules(tmp_path).check("b.txt")
