"""The same filters over HTTP and over a socket, and the checks of RxStack's own tests."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import select
from sqlalchemy.orm import Session

from bundles.resources import Field, Filters
from rxkernel import Application, KernelClient, Request, both
from tests.bundles.resources.filters.library import Book, session_of

FILTERS = Filters(
    title=Field("$eq", "$ne", "$in", transform=[str.lower]),
    pages=("$eq", "$ne", "$gt", "$gte", "$lt", "$lte", "$in", "$nin"),
    name=Field("$eq", path="title", rename={"$eq": "$starts"}),
    sort=("name", "pages"),
    any_of=True,
).bind(Book, page=10, limit=20, ignored=("shelf",))


class Books:
    def __init__(self, session: Session) -> None:
        self.session = session

    @both("GET", "/{shelf}/books", "book_list")
    async def list(self, request: Request) -> dict[str, Any]:
        query = FILTERS.parse(request)
        items, cursor = query.page(self.session.execute(query.apply(select(Book))).all())
        return {
            "ids": [book.id for book in items],
            "page": [query.limit, query.skip],
            "sort": [order.text for order in query.orders],
            "conditions": len(query.where),
            "cursor": cursor,
        }


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def client() -> AsyncIterator[KernelClient]:
    titles = ("emma", "evelina", "pamela")
    books = (Book(id=n, title=title, pages=n * 100) for n, title in enumerate(titles, 1))
    with session_of(*books) as session:
        application = Application(controllers=[Books(session)])
        async with application:
            yield KernelClient(application)


async def both_of(client: KernelClient, **params: Any) -> dict[str, Any]:
    """Return the response to *params*, which must be the same over HTTP and a socket."""
    http = await client.http("book_list", params={"shelf": 1, **params})
    socket = await client.websocket("book_list", params={"shelf": 1, **params})
    assert http.content == socket.content
    assert http.status_code == socket.status_code
    found = http.content
    assert isinstance(found, dict)
    return found


pytestmark = pytest.mark.asyncio(loop_scope="module")


# row 64
async def test_request_without_filters_finds_everything(client: KernelClient) -> None:
    """No condition, skip 0, the default limit, and no order."""
    assert await both_of(client) == {
        "ids": [1, 2, 3],
        "page": [10, 0],
        "sort": ["id"],
        "conditions": 0,
        "cursor": None,
    }


# row 64
async def test_limit_and_skip_select_the_page(client: KernelClient) -> None:
    found = await both_of(client, **{"$limit": 5, "$skip": 2})
    assert (found["page"], found["ids"]) == ([5, 2], [3])


# row 64
async def test_sort_is_renamed_by_path(client: KernelClient) -> None:
    found = await both_of(client, **{"$sort[name]": -1})
    assert (found["sort"], found["ids"]) == (["-name", "id"], [3, 2, 1])


# row 64
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("$limit", "x"),
        ("$skip", "x"),
        ("$sort[name]", 0),
        ("$sort", "name:1"),
        ("$sort[unknown]", 1),
        ("$sort[title]", 1),
        ("title[$gt]", "x"),
    ],
)
async def test_invalid_option_is_rejected(client: KernelClient, name: str, value: Any) -> None:
    """RxStack ignores an invalid option."""
    found = await both_of(client, **{name: value})
    assert found["statusCode"] == 422
    [error] = found["errors"]
    assert error["path"].startswith(f"params.{name.partition('[')[0]}")


# row 64
@pytest.mark.parametrize(
    ("operator", "found"),
    [
        ("$eq", [2]),
        ("$ne", [1, 3]),
        ("$gt", [3]),
        ("$gte", [2, 3]),
        ("$lt", [1]),
        ("$lte", [1, 2]),
    ],
)
async def test_operator_of_comparison_selects_rows(
    client: KernelClient, operator: str, found: list[int]
) -> None:
    assert (await both_of(client, **{f"pages[{operator}]": 200}))["ids"] == found


# row 64
async def test_values_go_through_transformers(client: KernelClient) -> None:
    assert (await both_of(client, **{"title[$in]": ["EMMA", "Pamela"]}))["ids"] == [1, 3]


# row 64
async def test_operator_can_be_renamed(client: KernelClient) -> None:
    assert (await both_of(client, name="e"))["ids"] == [1, 2]


async def test_alternatives_with_plain_values_select_rows(client: KernelClient) -> None:
    """RxStack dropped plain values in `$or`, and kept only the last operator."""
    found = await both_of(
        client,
        **{"$or[0][title]": "emma", "$or[1][pages][$gt]": 200, "$or[1][pages][$lt]": 400},
    )
    assert found["ids"] == [1, 3]
    socket = await client.websocket(
        "book_list", params={"$or": [{"title": "emma"}, {"pages": {"$gt": 200, "$lt": 400}}]}
    )
    assert isinstance(socket.content, dict)
    assert socket.content["ids"] == [1, 3]


async def test_parameter_length_does_not_disable_filters(client: KernelClient) -> None:
    """RxStack dropped all filters if a socket sent a number as `length`."""
    found = await both_of(client, title="emma", length=3)
    assert [each["path"] for each in found["errors"]] == ["params.length"]
