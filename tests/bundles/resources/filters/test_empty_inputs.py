"""HTML, form submission: a form with ``method="get"`` sends inputs that were left empty too."""

from typing import Any

import aiohttp
import pytest
from sqlalchemy import select

from bundles.resources import Field, Filters
from rxkernel import (
    Application,
    HttpSettings,
    KernelClient,
    Request,
    Settings,
    UnprocessableEntityException,
    both,
    http,
)
from tests.bundles.resources.filters.library import Book, ids, session_of
from tests.servers.socketio_clients import client as socketio_client

FILTERS = Filters(
    title=("$eq", "$contains", "$in"),
    pages=("$eq", "$gte", "$in", "$null"),
    kind="$eq",
    printed=("$gte", "$lt"),
    least=Field("$eq", path="pages", rename={"$eq": "$gte"}),
    sort="pages",
    any_of=True,
).bind(Book, page=10)


class Books:
    @both("GET", "/books", "books")
    @http("POST", "/books", "books_post")
    @http("DELETE", "/books", "books_delete")
    async def books(self, request: Request) -> dict[str, Any]:
        query = FILTERS.parse(request)
        with session_of(
            Book(id=1, title="", pages=10), Book(id=2, title="a", pages=20), Book(id=3, title="b")
        ) as session:
            rows = session.execute(query.apply(select(Book))).all()
            items, _ = query.page(rows)
            return {"ids": [book.id for book in items], "page": [query.limit, query.skip]}


EMPTY = [
    *("pages", "pages[$gte]", "pages[$in]", "pages[$in][]", "pages[$in][0]", "pages[]"),
    *("pages[$null]", "kind", "printed[$gte]", "printed[$lt]", "least"),
    *("limit", "$limit", "skip", "sort", "sort[pages]", "cursor"),
    *("$or[0][pages]", "$or[0][pages][$gte]", "$or[1][kind]"),
]
"""The names of a search form with empty inputs, whose types have no empty text."""


@pytest.fixture
def application() -> Application:
    return Application(controllers=[Books()], settings=Settings(http=HttpSettings(port=0)))


async def found(client: KernelClient, **params: Any) -> Any:
    return (await client.http("books", params=params)).content


async def test_empty_value_in_query_of_get_is_not_a_filter(application: Application) -> None:
    async with application:
        client = KernelClient(application)
        everything = {"ids": [1, 2, 3], "page": [10, 0]}

        for name in EMPTY:
            assert await found(client, **{name: ""}) == everything, name
        assert await found(client, **{name: ["", ""] for name in EMPTY[:1]}) == everything
        assert await found(client, skip="", cursor="") == everything


async def test_other_values_of_a_name_with_an_empty_one_are_filters(
    application: Application,
) -> None:
    async with application:
        client = KernelClient(application)

        assert (await found(client, pages=["", "20"]))["ids"] == [2]
        assert (await found(client, **{"pages[$in]": ["", "20", "10"]}))["ids"] == [1, 2]
        assert (await found(client, **{"$or[0][pages]": "", "$or[1][title]": "b"}))["ids"] == [3]
        assert (await found(client, limit=["", "1"]))["page"] == [1, 0]


async def test_empty_text_of_a_filter_for_texts_is_its_value(application: Application) -> None:
    async with application:
        client = KernelClient(application)

        assert (await found(client, title=""))["ids"] == [1]
        assert (await found(client, **{"title[$in]": ["", "a"]}))["ids"] == [1, 2]
        assert (await found(client, **{"title[$contains]": ""}))["ids"] == [1, 2, 3]


@pytest.mark.parametrize("name", ["page", "kind[$gte]", "kind[x]", "$or[0][page]", "$or[pages]"])
async def test_empty_value_of_an_unknown_name_is_an_error(
    application: Application, name: str
) -> None:
    async with application:
        content = await found(KernelClient(application), **{name: ""})

    assert content["statusCode"] == 422


async def test_empty_value_that_no_form_sends_is_an_error(application: Application) -> None:
    async with application:
        client = KernelClient(application)

        for name in ("pages", "limit", "cursor", "pages[$null]"):
            over_socket = await client.websocket("books", params={name: ""})
            deleted = await client.http("books_delete", params={name: ""})
            posted = await client.http("books_post", params={name: ""})
            for response in (over_socket, deleted, posted):
                assert response.status_code == 422


async def test_empty_input_of_the_body_of_a_form_is_not_a_filter(
    application: Application,
) -> None:
    async with application:
        client = KernelClient(application)
        response = await client.http("books_post", form={"pages": ["", "20"], "limit": ""})

    assert response.content == {"ids": [2], "page": [10, 0]}


def test_empty_value_of_plain_parameters_is_a_value() -> None:
    """No form sends a mapping, so its empty texts are values."""
    with session_of(Book(id=1, title="", pages=1)) as session:
        assert ids(session, FILTERS, {"title": ""}) == [1]
        with pytest.raises(UnprocessableEntityException):
            FILTERS.parse({"pages": ""})


async def test_empty_value_of_a_served_query_and_of_a_served_event(
    application: Application,
) -> None:
    await application.start()
    try:
        url = f"{application.servers['http'].url}/books?pages=&limit=&kind=&pages[$gte]=20"
        async with aiohttp.ClientSession() as session, session.get(url) as response:
            assert (response.status, (await response.json())["ids"]) == (200, [2])
        async with socketio_client(application) as client:
            answer = await client.call("books", {"params": {"limit": ""}}, timeout=30)
        assert answer["statusCode"] == 422
    finally:
        await application.stop()
