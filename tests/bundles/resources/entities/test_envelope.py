"""Responses below a name, and parts of lists."""

from collections.abc import Sequence
from typing import Annotated, Any

import msgspec
import pytest
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import defer

from bundles.apidocs import ApidocsBundle, Documents
from bundles.resources import Database, Envelope, Page, Paging, Slice, View
from rxkernel import (
    Application,
    ConfigurationError,
    KernelClient,
    NotFoundException,
    Response,
    RxKernelError,
    both,
    http,
)
from rxkernel.pytest_plugin import ClientOf
from tests.bundles.resources.entities.library import (
    Author,
    Book,
    Books,
    BookView,
    FullBookView,
    created,
    library,
)
from tests.bundles.resources.servers import TestDatabase


class Shelf:
    @http("POST", "/books", "add")
    async def add(self, books: Books, author: str | None = None) -> None:
        by = None if author is None else Author(name=author)
        for number in range(1, 6):
            await books.add(Book(slug=f"b{number}", title=f"B{number}", author=by))

    @both("GET", "/book", "one")
    async def one(self, books: Books) -> Annotated[BookView, Envelope("book")]:
        return await books.get(1)  # type: ignore[return-value]

    @both("GET", "/books", "listed")
    async def listed(self, books: Books, page: Page) -> Slice[BookView]:
        return await books.page(books.select(), page)  # type: ignore[return-value]

    @both("GET", "/enveloped", "enveloped")
    async def enveloped(
        self, books: Books, page: Annotated[Page, Paging(2, at_most=3)]
    ) -> Annotated[Slice[BookView], Envelope("books")]:
        return await books.page(books.select(), page)  # type: ignore[return-value]

    @both("GET", "/uncounted", "uncounted")
    async def uncounted(self, books: Books, page: Page) -> Slice[BookView]:
        return await books.page(books.select(), page, has_total=False)  # type: ignore[return-value]

    @both("GET", "/viewed", "viewed")
    async def viewed(self, books: Books) -> Annotated[Book, View(BookView), Envelope("book")]:
        return await books.get(1)

    @both("GET", "/viewed-list", "viewed_list")
    async def viewed_list(self, books: Books) -> Annotated[Sequence[Book], View(BookView)]:
        return await books.all(order_by=Book.id)

    @both("GET", "/viewed-slice", "viewed_slice")
    async def viewed_slice(
        self, books: Books, page: Page
    ) -> Annotated[Slice[Book], View(BookView)]:
        return await books.page(books.select(), page)

    @both("GET", "/viewed-optional", "viewed_optional")
    async def viewed_optional(
        self, books: Books, id: int
    ) -> Annotated[Book | None, View(BookView)]:
        return await books.find(id)

    @both("GET", "/none", "none")
    async def none(self) -> Annotated[BookView, Envelope("book")] | NotFoundException:
        return NotFoundException()

    @both("GET", "/unloaded", "unloaded")
    async def unloaded(self, books: Books) -> FullBookView:
        return await books.get(1)  # type: ignore[return-value]


async def _filled(
    client_of: ClientOf, database: TestDatabase, author: str | None = None
) -> KernelClient:
    client = await created(client_of(library(database.url, Shelf)))
    await client.http("add", params={} if author is None else {"author": author})
    return client


def _slugs(response: Response) -> list[str]:
    return [book["slug"] for book in msgspec.to_builtins(response.content)]


async def test_envelope_wraps_the_declared_fields_only(
    client_of: ClientOf, sqlite_database: TestDatabase
) -> None:
    client = await _filled(client_of, sqlite_database)
    shown = {"book": {"id": 1, "slug": "b1", "title": "B1"}}

    assert msgspec.to_builtins((await client.http("one")).content) == shown
    assert msgspec.to_builtins((await client.websocket("one")).content) == shown
    assert (await client.http("none")).status_code == 404


async def test_view_replaces_the_class_of_the_entity(
    client_of: ClientOf, sqlite_database: TestDatabase
) -> None:
    client = await _filled(client_of, sqlite_database)
    first = BookView(1, "b1", "B1")

    assert (await client.http("viewed")).content == {"book": first}
    assert (await client.websocket("viewed_list")).content[0] == first
    part = await client.http("viewed_slice", params={"limit": 1})
    assert (part.content, part.headers["X-Total"]) == ([first], "5")
    assert (await client.http("viewed_optional", params={"id": 1})).content == first
    assert (await client.http("viewed_optional", params={"id": 9})).content is None


async def test_slice_sends_items_and_headers(
    client_of: ClientOf, any_database: TestDatabase
) -> None:
    client = await _filled(client_of, any_database)

    first = await client.http("listed", params={"limit": 2, "q": "x y"})
    assert _slugs(first) == ["b1", "b2"]
    headers = {key: first.headers[key] for key in ("X-Total", "X-Limit", "X-Skip")}
    assert headers == {"X-Total": "5", "X-Limit": "2", "X-Skip": "0"}
    last = await client.websocket("listed", params={"limit": 2, "offset": 4})
    assert _slugs(last) == ["b5"]
    assert last.headers["X-Skip"] == "4"
    assert "Link" not in last.headers
    beyond = await client.http("listed", params={"skip": 2**63 - 1})
    assert _slugs(beyond) == []


async def test_slice_links_keep_the_other_parameters(
    client_of: ClientOf, sqlite_database: TestDatabase
) -> None:
    client = await _filled(client_of, sqlite_database)

    first = await client.http("listed", params={"limit": 2, "q": "x y"})
    assert first.headers["Link"] == '<?limit=2&q=x+y&skip=2>; rel="next"'
    second = await client.http("listed", params={"limit": 2, "offset": 1})
    assert second.headers["Link"] == (
        '<?limit=2&offset=3>; rel="next", <?limit=2&offset=0>; rel="prev"'
    )
    last = await client.http("listed", params={"limit": 2, "skip": 4})
    assert last.headers["Link"] == '<?limit=2&skip=2>; rel="prev"'
    uncounted = await client.http("uncounted", params={"limit": 5})
    assert "X-Total" not in uncounted.headers
    assert uncounted.headers["Link"] == '<?limit=5&skip=5>; rel="next"'


async def test_slice_in_an_envelope_is_wrapped_and_has_headers(
    client_of: ClientOf, sqlite_database: TestDatabase
) -> None:
    client = await _filled(client_of, sqlite_database)

    response = await client.http("enveloped", params={"limit": 100})
    content = msgspec.to_builtins(response.content)

    assert [book["slug"] for book in content["books"]] == ["b1", "b2", "b3"]
    assert (response.headers["X-Limit"], response.headers["X-Total"]) == ("3", "5")
    default = await client.http("enveloped")
    assert len(msgspec.to_builtins(default.content)["books"]) == 2


@pytest.mark.parametrize(
    ("params", "paths"),
    [
        ({"limit": "0"}, ["params.limit"]),
        ({"limit": "-1", "skip": "-1"}, ["params.limit", "params.skip"]),
        ({"limit": "x"}, ["params.limit"]),
        ({"skip": str(2**63)}, ["params.skip"]),
        ({"skip": "1", "offset": "1"}, ["params.offset"]),
    ],
)
async def test_page_that_is_invalid_is_422(
    client_of: ClientOf, sqlite_database: TestDatabase, params: dict[str, Any], paths: list[str]
) -> None:
    client = client_of(library(sqlite_database.url, Shelf))

    response = await client.http("listed", params=params)

    assert response.status_code == 422
    assert [error["path"] for error in response.content["errors"]] == paths


async def test_page_with_empty_values_in_query_has_the_defaults(
    client_of: ClientOf, sqlite_database: TestDatabase
) -> None:
    client = await _filled(client_of, sqlite_database)

    response = await client.http("enveloped", params={"limit": "", "skip": ""})

    assert response.headers["X-Limit"] == "2"
    assert len(msgspec.to_builtins(response.content)["books"]) == 2
    response = await client.http(
        "enveloped", params={"limit": ["", "1"], "skip": "", "offset": "2"}
    )
    assert (response.headers["X-Limit"], response.headers["X-Skip"]) == ("1", "2")
    over_socket = await client.websocket("enveloped", params={"limit": ""})
    assert over_socket.status_code == 422


async def test_envelope_and_slice_are_documented(
    client_of: ClientOf, sqlite_database: TestDatabase
) -> None:
    client = client_of(library(sqlite_database.url, Shelf, bundles=[ApidocsBundle]))

    await client.application.boot()
    document = client.application.injector.get(Documents).openapi

    def schema(path: str) -> Any:
        content = document["paths"][path]["get"]["responses"]["200"]["content"]
        return content["application/json"]["schema"]

    view = {"$ref": "#/components/schemas/BookView"}
    assert schema("/book")["properties"] == {"book": view}
    assert schema("/books") == {"type": "array", "items": view}
    assert schema("/enveloped")["properties"] == {"books": {"type": "array", "items": view}}
    assert schema("/viewed-list") == {"type": "array", "items": view}
    inputs = document["paths"]["/books"]["get"]["parameters"]
    assert [each["name"] for each in inputs] == ["limit", "skip", "offset"]


def _with_return(annotation: Any) -> Application:
    async def act(self: object) -> Any: ...

    act.__annotations__["return"] = annotation
    controller = type("Wrong", (), {"act": http("GET", "/", "wrong")(act)})
    return Application(controllers=[controller])


async def test_slice_without_a_type_is_an_error_at_boot(client_of: ClientOf) -> None:
    with pytest.raises(ConfigurationError, match="Slice has no type of its items"):
        await client_of(_with_return(Slice)).application.boot()


def test_envelope_without_a_name_is_an_error() -> None:
    with pytest.raises(ConfigurationError, match="write the name of the field"):
        Envelope("")


def test_paging_beyond_its_maximum_is_an_error() -> None:
    with pytest.raises(ConfigurationError, match="not between 1 and at_most"):
        Paging(300)


async def test_view_of_a_relation_that_is_not_loaded_is_explained(
    client_of: ClientOf, sqlite_database: TestDatabase, caplog: pytest.LogCaptureFixture
) -> None:
    client = await _filled(client_of, sqlite_database, author="Jane")

    assert (await client.http("unloaded")).status_code == 500
    assert "Book.author was read, which is not loaded" in caplog.text
    assert "options(selectinload(Book.author))" in caplog.text


async def test_new_entity_is_flushed_before_it_becomes_a_view(
    client_of: ClientOf, any_database: TestDatabase
) -> None:
    class Desk:
        @both("POST", "/books/{slug}", "add")
        async def add(
            self, slug: str, session: AsyncSession
        ) -> Annotated[BookView, Envelope("b")]:
            session.add(book := Book(slug=slug))
            return book  # type: ignore[return-value]

        @both("POST", "/all", "add_all")
        async def add_all(self, session: AsyncSession) -> list[BookView]:
            books = [Book(slug="x"), Book(slug="y")]
            session.add_all(books)
            return books  # type: ignore[return-value]

    client = await created(client_of(library(any_database.url, Desk)))

    over_http = await client.http("add", params={"slug": "a"})
    assert over_http.content == {"b": BookView(1, "a", "Untitled")}
    over_socket = await client.websocket("add", params={"slug": "b"})
    assert over_socket.content == {"b": BookView(2, "b", "Untitled")}
    assert [book.id for book in (await client.http("add_all")).content] == [3, 4]
    conflict = await client.http("add", params={"slug": "a"})
    assert (conflict.status_code, conflict.content["errors"][0]["path"]) == (409, "slug")


async def test_column_that_is_not_loaded_is_explained(
    client_of: ClientOf, sqlite_database: TestDatabase
) -> None:
    client = await _filled(client_of, sqlite_database)
    async with client.application.injector.get(Database).session() as session:
        book = await session.get_one(Book, 1, options=[defer(Book.secret)])

        with pytest.raises(RxKernelError, match="a column was read that is not loaded"):
            _ = book.secret
        await session.refresh(book, ["secret"])
        assert book.secret == "not for clients"
