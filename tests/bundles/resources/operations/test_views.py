"""The data of a view is loaded with the rows, and nothing else is sent."""

import attrs
import pytest

from bundles.resources import ResourcesBundle
from rxkernel import KernelClient
from rxkernel.pytest_plugin import ClientOf
from tests.bundles.resources.operations.books import Authors, Base, Books, BookView, TagView
from tests.bundles.resources.operations.tasks import Caller


@pytest.fixture
def client(client_of: ClientOf) -> KernelClient:
    return client_of(Authors, Books, bundles=[ResourcesBundle(Base)], database="memory")


@pytest.fixture(params=["HTTP", "SOCKET"])
def call(client: KernelClient, request: pytest.FixtureRequest) -> Caller:
    return Caller(client, request.param)


async def test_view_contains_relations_properties_and_deferred_columns(call: Caller) -> None:
    ada = (await call("author_create", body={"name": "Ada"})).content
    bob = (await call("author_create", body={"name": "Bob"})).content

    created = await call(
        "book_create", body={"slug": "sea", "author_id": str(ada.id), "tags": ["a", "b"]}
    )
    first = BookView("sea", "Sea", "", "new", ada, [TagView("a"), TagView("b")])
    assert (created.status_code, created.content) == (201, first)
    assert (await call("book_list")).content == [first]

    updated = await call("book_update", params={"id": "sea"}, body={"author_id": str(bob.id)})
    read = await call("book_get", params={"id": "sea"})
    assert updated.status_code == 204
    assert read.content == attrs.evolve(first, author=bob, summary="changed")
    assert updated.headers["ETag"] == read.headers["ETag"]


async def test_tag_changes_with_related_rows_and_a_change_compares_the_row_only(
    client: KernelClient,
) -> None:
    """A stored response contains the name of the author, which is in another row."""
    ada = (await client.http("author_create", body={"name": "Ada"})).content
    body = {"slug": "sea", "author_id": str(ada.id), "tags": []}
    read = (await client.http("book_create", body=body)).headers["ETag"]

    await client.http("author_update", params={"id": ada.id}, body={"name": "Eve"})

    assert (await client.http("book_get", params={"id": "sea"})).headers["ETag"] != read
    changed = await client.http(
        "book_update",
        params={"id": "sea"},
        body={"author_id": str(ada.id)},
        headers={"If-Match": read},
    )
    assert changed.status_code == 204


async def test_row_that_breaks_a_unique_rule_is_409(call: Caller) -> None:
    ada = (await call("author_create", body={"name": "Ada"})).content
    body = {"slug": "sea", "author_id": str(ada.id), "tags": []}
    await call("book_create", body=body)

    response = await call("book_create", body=body)

    assert (response.status_code, response.content["errors"][0]["path"]) == (409, "slug")


async def test_key_of_text_is_found_by_its_path(client: KernelClient) -> None:
    ada = (await client.http("author_create", body={"name": "Ada"})).content
    body = {"slug": "a b", "author_id": str(ada.id), "tags": []}

    created = await client.http("book_create", body=body)

    assert created.headers["Location"] == "/books/a%20b"
    assert (await client.http("book_get", params={"id": "a b"})).content.title == "A B"
    assert (await client.http("author_get", params={"id": ada.id})).content == ada
    assert (await client.http("author_get", params={"id": "x"})).status_code == 404
