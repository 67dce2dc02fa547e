"""Errors of databases as responses, the same for all three databases."""

from typing import Any

import pytest
from sqlalchemy import (
    Column,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    column,
    delete,
    insert,
    table,
    text,
    update,
)
from sqlalchemy.ext.asyncio import AsyncSession

from rxkernel import both, http
from rxkernel.pytest_plugin import ClientOf
from tests.bundles.resources.articles import Article, Author, application, create_tables
from tests.bundles.resources.servers import TestDatabase


class Rows:
    """Executes statements as an application would."""

    @both("POST", "/articles", "add")
    async def add(
        self,
        slug: str | None,
        session: AsyncSession,
        id: int | None = None,
        title: str = "t",
        stars: int = 1,
        author_id: int = 1,
    ) -> None:
        session.add(Article(id=id, slug=slug, title=title, stars=stars, author_id=author_id))

    @http("POST", "/authors", "add_author")
    async def add_author(self, id: int, name: str, session: AsyncSession) -> None:
        session.add(Author(id=id, name=name))

    @http("POST", "/move", "move")
    async def move(self, id: int, author_id: int, session: AsyncSession) -> None:
        await session.execute(update(Article).where(Article.id == id).values(author_id=author_id))

    @http("DELETE", "/authors/{id}", "remove")
    async def remove(self, id: int, session: AsyncSession) -> None:
        await session.execute(delete(Author).where(Author.id == id))

    @http("POST", "/broken", "broken")
    async def broken(self, session: AsyncSession) -> None:
        await session.execute(text("SELECT nothing FROM nowhere"))


@pytest.fixture
async def call(client_of: ClientOf, any_database: TestDatabase) -> Any:
    client = client_of(await create_tables(application(any_database.url, Rows)))
    await client.http("add_author", params={"id": 1, "name": "ada"})
    await client.http("add", params={"slug": "a"})

    async def call(name: str, **params: Any) -> Any:
        response = await client.http(name, params=params)
        found = response.content
        entries = found.get("errors") or ()
        return response.status_code, found.get("code"), [(e["path"], e["code"]) for e in entries]

    return call


async def test_rejected_value_is_409_or_422_with_its_field(call: Any) -> None:
    assert await call("add", slug="a", title="x") == (409, "unique", [("slug", "unique")])
    assert await call("add", id=1, slug="b", title="x") == (409, "unique", [("id", "unique")])
    assert await call("add", slug="b") == (
        409,
        "unique",
        [("title", "unique"), ("author_id", "unique")],
    )
    assert await call("remove", id=1) == (409, "in_use", [])
    unknown = (422, "unknown_reference", [("author_id", "unknown_reference")])
    assert await call("add", slug="b", author_id=9) == unknown
    assert await call("move", id=1, author_id=9) == unknown
    assert await call("add", slug="b", title="x", stars=-1) == (
        422,
        "invalid",
        [("stars", "invalid")],
    )


async def test_missing_value_is_422(client_of: ClientOf, any_database: TestDatabase) -> None:
    client = client_of(await create_tables(application(any_database.url, Rows)))

    response = await client.websocket("add", params={"slug": None})

    assert response.status_code == 422
    assert response.content["errors"] == [
        {"path": "slug", "code": "missing", "message": "is missing"}
    ]


async def test_value_that_cannot_be_stored_is_422(call: Any, any_database: TestDatabase) -> None:
    assert (await call("add", slug="b", title="x", id=10**30))[:2] in (
        (422, "out_of_range"),  # rejected by the server
        (422, "invalid"),  # rejected by the driver
    )
    if any_database.dialect != "sqlite":  # it stores texts of any length
        assert (await call("add", slug="b" * 20, title="x"))[:2] == (422, "too_long")
        assert (await call("add", slug="b", title="x", stars=10**6))[:2] == (422, "out_of_range")


async def test_error_of_code_is_500_without_sql(call: Any) -> None:
    assert await call("broken") == (500, None, [])


@pytest.mark.parametrize("statement", ["SELECT 1 FROM nowhere", "SELECT age FROM author"])
async def test_missing_table_or_column_is_explained_in_the_log(
    client_of: ClientOf,
    any_database: TestDatabase,
    caplog: pytest.LogCaptureFixture,
    statement: str,
) -> None:
    class Broken:
        @http("GET", "/", "broken")
        async def broken(self, session: AsyncSession) -> None:
            await session.execute(text(statement))

    client = client_of(await create_tables(application(any_database.url, Broken)))

    assert (await client.http("broken")).status_code == 500
    assert "the tables of the database differ from the models" in caplog.text


def _tables(dialect: str) -> MetaData:
    """Tables without mapped classes. MariaDB has no constraints that the commit checks."""
    later: Any = {} if dialect == "mariadb" else {"deferrable": True, "initially": "DEFERRED"}
    metadata = MetaData()
    Table("parent", metadata, Column("id", Integer, primary_key=True))
    Table(
        "child",
        metadata,
        Column("id", Integer, primary_key=True),
        Column("code", Integer),
        Column("parent_id", ForeignKey("parent.id", **later)),
        Index("one_code", "code", unique=True),
    )
    return metadata


class Children:
    @http("POST", "/children", "add_child")
    async def add_child(
        self, session: AsyncSession, id: int, code: int = 1, parent_id: int | None = None
    ) -> None:
        child = table("child", column("id"), column("code"), column("parent_id"))
        await session.execute(insert(child).values(id=id, code=code, parent_id=parent_id))

    @http("POST", "/unknown", "unknown")
    async def unknown(self, session: AsyncSession) -> None:
        await session.execute(text("CREATE TABLE own (id INTEGER PRIMARY KEY, code INTEGER)"))
        await session.execute(text("CREATE UNIQUE INDEX own_code ON own (code)"))
        for id in (1, 2):
            await session.execute(text(f"INSERT INTO own VALUES ({id}, 5)"))


async def test_error_of_a_table_without_mapped_class_has_names_of_columns(
    client_of: ClientOf, any_database: TestDatabase
) -> None:
    base = _tables(any_database.dialect)
    site = application(any_database.url, Children, base=base)
    client = client_of(await create_tables(site))

    async def entries(name: str, **params: Any) -> tuple[int, list[str]]:
        response = await client.http(name, params=params)
        return response.status_code, [
            entry["path"] for entry in (response.content or {}).get("errors") or ()
        ]

    assert (await entries("add_child", id=1))[0] == 200
    assert await entries("add_child", id=2) == (409, ["code"])
    status, fields = await entries("add_child", id=2, code=2, parent_id=9)
    # SQLite does not name the constraint, and the error occurs at the commit
    assert (status, fields) == (422, [] if any_database.dialect == "sqlite" else ["parent_id"])
    status, fields = await entries("unknown")
    assert status == 409, "a table that the application does not declare"
    assert fields == ([] if any_database.dialect == "mariadb" else ["code"])
