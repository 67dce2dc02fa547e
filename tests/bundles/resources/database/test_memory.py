"""``client_of(application, database="memory")``: a new database for each client."""

from pathlib import Path

import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from bundles.resources import Database, ResourcesBundle
from rxkernel import RxKernelError, http
from rxkernel.pytest_plugin import ClientOf
from tests.bundles.resources.articles import Author, Base, application


class Authors:
    @http("POST", "/authors/{name}", "add")
    async def add(self, name: str, session: AsyncSession) -> int:
        session.add(Author(name=name))
        await session.flush()
        return await session.scalar(select(func.count(Author.id))) or 0


def _exists(file: Path) -> bool:
    return file.is_file()


async def test_memory_database_is_new_for_each_client(client_of: ClientOf) -> None:
    # the server is never connected to
    site = application("postgresql+psycopg://nobody@127.0.0.1:1/none", Authors)
    url = site.settings.bundles["resources"].url  # type: ignore[attr-defined]

    client = client_of(site, database="memory")
    assert (await client.http("add", params={"name": "ada"})).content == 1
    file = Path(str(client.application.injector.get(Database).engine.url.database))
    assert _exists(file)
    await client.close()
    assert not _exists(file)
    assert site.settings.bundles["resources"].url == url  # type: ignore[attr-defined]

    client = client_of(site, database="memory")
    assert (await client.http("add", params={"name": "ada"})).content == 1


async def test_memory_database_of_a_client_made_of_controllers_is_used(
    client_of: ClientOf,
) -> None:
    client = client_of(Authors, bundles=[ResourcesBundle(Base)], database="memory")

    assert (await client.http("add", params={"name": "ada"})).content == 1


async def test_memory_database_after_boot_is_refused(client_of: ClientOf, tmp_path: Path) -> None:
    site = application(f"sqlite+aiosqlite:///{tmp_path}/a.sqlite3", Authors)
    async with site:
        with pytest.raises(RxKernelError, match="set after boot"):
            client_of(site, database="memory")


def test_other_database_is_refused(client_of: ClientOf) -> None:
    site = application("sqlite+aiosqlite:///a.sqlite3", Authors)

    with pytest.raises(ValueError, match='write database="memory"'):
        client_of(site, database="sqlite+aiosqlite:///b.sqlite3")


def test_client_option_that_no_bundle_has_is_refused(client_of: ClientOf) -> None:
    site = application("sqlite+aiosqlite:///a.sqlite3", Authors)

    with pytest.raises(TypeError, match=r"has no argument databases: no bundle"):
        client_of(site, databases="memory")
