"""Arguments that are loaded from a table."""

from typing import Annotated, Any
from uuid import UUID

import msgspec
import pytest
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import selectinload

from bundles.resources import Entity, transaction
from rxkernel import ConfigurationError, KernelClient, both, http, websocket
from rxkernel.pytest_plugin import ClientOf
from tests.bundles.resources.articles import Article
from tests.bundles.resources.entities.library import (
    Author,
    Book,
    BookView,
    FullBookView,
    Kind,
    created,
    library,
)
from tests.bundles.resources.servers import TestDatabase

ISBN = UUID("6ba7b810-9dad-11d1-80b4-00c04fd430c8")


class Books:
    @http("POST", "/books", "add")
    async def add(self, session: AsyncSession) -> None:
        session.add(Book(slug="emma", title="Emma", isbn=ISBN, author=Author(name="Jane")))

    @both("GET", "/books/{slug}", "show")
    async def show(self, book: Annotated[Book, Entity("slug")]) -> BookView:
        return book  # type: ignore[return-value]

    @both("GET", "/by-id/{id}", "by_id")
    async def by_id(self, book: Annotated[Book, Entity()]) -> str:
        return book.title

    @both("GET", "/by-isbn/{number}", "by_isbn")
    async def by_isbn(self, book: Annotated[Book, Entity("number", column="isbn")]) -> str:
        return book.title

    @both("GET", "/perhaps/{slug}", "perhaps")
    async def perhaps(self, book: Annotated[Book | None, Entity("slug")]) -> bool:
        return book is not None

    @both("GET", "/full/{slug}", "full")
    async def full(
        self, book: Annotated[Book, Entity("slug", options=[selectinload(Book.author)])]
    ) -> FullBookView:
        return book  # type: ignore[return-value]

    @both("PUT", "/books/{slug}", "rename")
    async def rename(
        self, book: Annotated[Book, Entity("slug", lock=True)], session: AsyncSession, title: str
    ) -> BookView:
        assert book in session
        book.title = title
        return book  # type: ignore[return-value]


async def _filled(client_of: ClientOf, database: TestDatabase) -> KernelClient:
    client = await created(client_of(library(database.url, Books)))
    assert (await client.http("add")).status_code == 200
    return client


async def test_entity_is_loaded_on_every_database(
    client_of: ClientOf, any_database: TestDatabase
) -> None:
    client = await _filled(client_of, any_database)
    shown: dict[str, Any] = {"id": 1, "slug": "emma", "title": "Emma"}

    found = await client.http("show", params={"slug": "emma"})
    assert msgspec.to_builtins(found.content) == shown
    over_socket = await client.websocket("show", params={"slug": "emma"})
    assert msgspec.to_builtins(over_socket.content) == shown
    assert (await client.http("by_id", params={"id": 1})).content == "Emma"
    assert (await client.websocket("by_id", params={"id": 1})).content == "Emma"
    assert (await client.http("by_isbn", params={"number": str(ISBN)})).content == "Emma"
    assert (await client.http("perhaps", params={"slug": "emma"})).content is True
    full = await client.http("full", params={"slug": "emma"})
    assert msgspec.to_builtins(full.content) == {"slug": "emma", "author": {"name": "Jane"}}
    renamed = await client.http("rename", params={"slug": "emma", "title": "E."})
    assert renamed.content == BookView(1, "emma", "E.")
    assert (await client.http("by_id", params={"id": 1})).content == "E."


ABSENT: list[tuple[str, dict[str, Any]]] = [
    ("show", {"slug": "none"}),
    ("show", {"slug": "EMMA"}),
    ("show", {"slug": "emma "}),
    ("show", {"slug": "a\0b"}),
    ("show", {"slug": "\ud800"}),
    ("by_id", {"id": "7"}),
    ("by_id", {"id": "x"}),
    ("by_id", {"id": "1.5"}),
    ("by_id", {"id": 2**63}),
    ("by_id", {"id": "9" * 5000}),
    ("by_isbn", {"number": "x"}),
]


async def test_entity_absent_is_404(client_of: ClientOf, any_database: TestDatabase) -> None:
    client = await _filled(client_of, any_database)

    for route, params in ABSENT:
        response = await client.websocket(route, params=params)
        assert (response.status_code, response.content.get("code")) == (404, "not_found"), params
    for route, params in (("show", {"slug": "none"}), ("by_id", {"id": "x"})):
        response = await client.http(route, params=params)
        assert (response.status_code, response.content.get("code")) == (404, "not_found"), params


async def test_entity_by_a_value_of_another_type_is_404(
    client_of: ClientOf, any_database: TestDatabase
) -> None:
    """Over a socket, the client chooses the type of the value."""
    client = await _filled(client_of, any_database)

    for sent in (True, None, [1], {"id": 1}, {"$ne": 1}, 1.5):
        for route, key in (("by_id", "id"), ("show", "slug")):
            response = await client.websocket(route, params={key: sent})
            assert response.status_code == 404, (route, sent)


async def test_entity_optional_is_none(client_of: ClientOf, sqlite_database: TestDatabase) -> None:
    client = await _filled(client_of, sqlite_database)

    assert (await client.http("perhaps", params={"slug": "none"})).content is False
    assert (await client.websocket("perhaps", params={"slug": "\0"})).content is False


async def test_entity_without_its_parameter_is_422(
    client_of: ClientOf, sqlite_database: TestDatabase
) -> None:
    client = await _filled(client_of, sqlite_database)

    response = await client.websocket("show")

    assert response.status_code == 422
    assert response.content["errors"][0]["path"] == "params.slug"
    assert response.content["errors"][0]["code"] == "missing"


class _Wrong:
    @http("GET", "/a/{slug}", "path")
    async def path(self, book: Annotated[Book, Entity("slugg", column="slug")]) -> None: ...

    @http("GET", "/b/{slugg}", "column")
    async def column(self, book: Annotated[Book, Entity("slugg")]) -> None: ...

    @http("GET", "/c/{title}", "unique")
    async def unique(self, book: Annotated[Book, Entity("title")]) -> None: ...

    @http("GET", "/d/{id}", "mapped")
    async def mapped(self, book: Annotated[Kind, Entity()]) -> None: ...

    @http("GET", "/e/{id}", "off")
    @transaction(None)
    async def off(self, book: Annotated[Book, Entity()]) -> None: ...

    @websocket("relation")
    async def relation(self, book: Annotated[Book, Entity("author")]) -> None: ...


async def test_invalid_entity_parameter_is_an_error_at_boot(
    client_of: ClientOf, sqlite_database: TestDatabase
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        await client_of(library(sqlite_database.url, _Wrong)).application.boot()

    text = "\n".join(caught.value.problems)
    assert "the path '/a/{slug}' has no parameter 'slugg'; did you mean 'slug'?" in text
    assert "Book has no column 'slugg'; did you mean 'slug'?" in text
    assert "Book.title is not unique" in text
    assert "Kind is not a mapped class" in text
    assert "@transaction(None)" in text
    assert "Book has no column 'author'" in text


async def test_entity_of_no_database_is_an_error_at_boot(
    client_of: ClientOf, sqlite_database: TestDatabase
) -> None:
    class Articles:
        @http("GET", "/{slug}", "show")
        async def show(self, article: Annotated[Article, Entity("slug")]) -> None: ...

    with pytest.raises(ConfigurationError, match="Article has no table in any database"):
        await client_of(library(sqlite_database.url, Articles)).application.boot()


async def test_entity_is_described_with_its_key_and_statuses(
    client_of: ClientOf, sqlite_database: TestDatabase
) -> None:
    client = client_of(library(sqlite_database.url, Books))
    await client.application.boot()
    definitions = client.application.kernel.http_definitions

    described = definitions["by_id"].signature.parameters[0].input_description
    assert described is not None
    assert described["inputs"][0]["schema"] == {"type": "integer"}
    assert described["statuses"] == [404, 503]
    assert definitions["perhaps"].signature.parameters[0].input_description["statuses"] == [503]  # type: ignore[index]
