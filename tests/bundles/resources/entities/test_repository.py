"""Queries of one entity, in the session of the message or another one."""

from typing import Annotated, Any

import pytest
from injector import inject, singleton
from sqlalchemy import event, select, update
from sqlalchemy.exc import MultipleResultsFound
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased, contains_eager

from bundles.resources import Database, Db, Page, Repository, unit_of_work
from rxkernel import ConfigurationError, Inject, KernelClient, Request, both, http, request_scope
from rxkernel.pytest_plugin import ClientOf
from tests.bundles.resources.entities.library import (
    Author,
    Book,
    Books,
    Report,
    Reports,
    created,
    library,
)
from tests.bundles.resources.servers import TestDatabase


@request_scope
class Librarian:
    """A service with a repository."""

    @inject
    def __init__(self, books: Books) -> None:
        self.books = books


class Desk:
    @both("POST", "/books/{slug}", "add")
    async def add(self, slug: str, books: Books) -> int:
        return (await books.add(Book(slug=slug))).id

    @http("GET", "/same", "same")
    async def same(
        self,
        books: Books,
        librarian: Annotated[Librarian, Inject()],
        session: AsyncSession,
        request: Request,
    ) -> bool:
        found = await request.get(Books)
        return books is librarian.books is found and books.session is session

    @http("GET", "/books/{id}", "title")
    async def title(self, id: int, books: Books) -> str:
        return (await books.get(id)).title


async def test_repository_is_injected_without_a_binding(
    client_of: ClientOf, sqlite_database: TestDatabase
) -> None:
    client = client_of(library(sqlite_database.url, Desk))

    assert (await client.http("same")).content is True
    assert (await client.http("add", params={"slug": "a"})).content == 1
    assert (await client.websocket("add", params={"slug": "b"})).content == 2
    assert (await client.http("title", params={"id": 1})).content == "Untitled"
    missing = await client.http("title", params={"id": 9})
    assert (missing.status_code, missing.content["code"]) == (404, "not_found")
    beyond = await client.http("title", params={"id": 2**80})
    assert beyond.status_code == 404


async def _database(client_of: ClientOf, database: TestDatabase) -> KernelClient:
    return await created(client_of(library(database.url)))


async def test_repository_finds_counts_streams_and_removes_entities(
    client_of: ClientOf, any_database: TestDatabase
) -> None:
    client = await _database(client_of, any_database)
    database = client.application.injector.get(Database)
    async with database.unit_of_work() as work:
        books = Books(work.session)
        jane = Author(name="Jane")
        for slug in ("emma", "persuasion"):
            await books.add(Book(slug=slug, author=jane))
        other = await books.add(Book(slug="other", title="Other"))

        assert await books.find((other.id,)) is other
        assert await books.find(99) is None
        assert await books.find_by(slug="other", title="Other") is other
        assert await books.find_by(slug="none") is None
        assert await books.find_by(slug="\0") is None
        assert [b.slug for b in await books.by_author("Jane")] == ["emma", "persuasion"]
        assert (await books.all(order_by=[Book.slug.desc()]))[0].slug == "persuasion"
        assert await books.count() == 3
        assert await books.count(Book.title == "Other") == 1
        assert sorted([b.slug async for b in books.stream()]) == ["emma", "other", "persuasion"]
        with pytest.raises(MultipleResultsFound):
            await books.find_by(title="Untitled")

        other.title = "New"
        await work.session.execute(
            update(Book).values(pages=7), execution_options={"synchronize_session": False}
        )
        assert await books.refresh(other) is other
        assert (other.title, other.pages) == ("New", 7)

        await books.remove(other)
        assert await books.count() == 2


async def test_repository_pages_have_a_total_order(
    client_of: ClientOf, any_database: TestDatabase
) -> None:
    """All titles are equal, so only the primary key orders the rows."""
    client = await _database(client_of, any_database)
    database = client.application.injector.get(Database)
    async with database.unit_of_work() as work:
        books = Books(work.session)
        for number in range(7):
            await books.add(Book(slug=f"b{number}"))

        found: list[str] = []
        for skip in range(0, 7, 2):
            part = await books.page(books.select().order_by(Book.title), Page(2, skip))
            assert (part.total, part.has_more) == (7, skip < 6)
            found += [book.slug for book in part.items]

    assert found == [f"b{number}" for number in range(7)]


async def test_repository_of_another_database_uses_its_session(
    client_of: ClientOf, sqlite_database: TestDatabase, tmp_path: Any
) -> None:
    class OwnReports(Repository[Report]):
        @inject
        def __init__(self, session: Annotated[AsyncSession, Db("reports")]) -> None:
            super().__init__(session)

    class Office:
        @http("POST", "/reports", "add")
        async def add(
            self,
            reports: Reports,
            same: OwnReports,
            books: Books,
            session: Annotated[AsyncSession, Db("reports")],
        ) -> int:
            assert reports.session is session is same.session is not books.session
            return (await reports.add(Report(text="a"))).id

    url = f"sqlite+aiosqlite:///{tmp_path}/reports.sqlite3"
    client = client_of(library(sqlite_database.url, Office, reports=url))

    assert (await client.http("add")).content == 1
    assert (await client.http("add")).content == 2


async def test_page_counts_rows_of_statement_without_their_columns(
    client_of: ClientOf, any_database: TestDatabase
) -> None:
    """A computed column is a subquery for each row."""
    client = await _database(client_of, any_database)
    database = client.application.injector.get(Database)
    sent: list[str] = []
    async with database.unit_of_work() as work:
        books, jane, alias = Books(work.session), Author(name="Jane"), aliased(Book)
        for slug in ("a", "b", "c"):
            await books.add(Book(slug=slug, author=jane))
        await books.add(Book(slug="d"))
        pairs = books.select(Book.slug != "c").join(alias, alias.author_id == Book.author_id)
        event.listen(
            database.engine.sync_engine,
            "before_cursor_execute",
            lambda *call: sent.append(call[2]),
        )
        for statement, total in (
            (books.select().join(Book.author).options(contains_eager(Book.author)), 3),
            (select(alias).where(alias.slug > "a"), 3),
            (pairs, 6),
            (pairs.distinct(), 2),
            (books.select().limit(2), 2),
        ):
            assert (await books.page(statement, Page(1, 0))).total == total

    counts = [each for each in sent if "count(" in each]
    assert len(counts) == 5
    assert not any("secret" in each for each in counts)


async def test_repository_in_a_unit_of_work(
    client_of: ClientOf, sqlite_database: TestDatabase
) -> None:
    class Job:
        @http("POST", "/job", "job")
        async def run(self) -> int:
            async with unit_of_work() as work:
                return (await Books(work.session).add(Book(slug="a"))).id

    client = client_of(library(sqlite_database.url, Job))

    assert (await client.http("job")).content == 1


def test_repository_find_by_an_unknown_column_is_an_error() -> None:
    books = Books(AsyncSession())

    with pytest.raises(TypeError, match="Book has no column 'slugg'; did you mean 'slug'"):
        books.find_by(slugg="a").send(None)


def test_repository_without_an_entity_is_an_error() -> None:
    with pytest.raises(ConfigurationError, match="does not name its entity"):

        class Nothing(Repository):  # type: ignore[type-arg]
            pass

    with pytest.raises(ConfigurationError, match="int is not a mapped class"):

        class Numbers(Repository[int]):
            pass


async def test_repository_that_cannot_be_built_is_an_error_at_boot(
    client_of: ClientOf, sqlite_database: TestDatabase
) -> None:
    class Clock:
        pass

    class Timed(Repository[Book]):
        @inject
        def __init__(self, session: AsyncSession, clock: Clock) -> None:
            super().__init__(session)

    class Desk:
        @http("GET", "/", "timed")
        async def act(self, timed: Timed) -> None: ...

    with pytest.raises(ConfigurationError, match=r"Timed asks for .*Clock, which nothing binds"):
        await client_of(library(sqlite_database.url, Desk)).application.boot()

    def clock(binder: Any) -> None:
        binder.bind(Clock, scope=singleton)

    client = client_of(library(sqlite_database.url, Desk, modules=[clock]))
    assert (await client.http("timed")).status_code == 200
