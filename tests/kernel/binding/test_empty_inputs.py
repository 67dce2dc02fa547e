"""Inputs of a form that were left empty count as not sent, unless an empty text is valid."""

from datetime import date
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any

import attrs
import pytest

from rxkernel import Body, Query, http
from rxkernel.pytest_plugin import ClientOf


class Tea(Enum):
    ASSAM = "assam"


@attrs.frozen
class Search:
    limit: int = 10
    day: date | None = None
    is_new: bool | None = None
    tea: Tea = Tea.ASSAM
    text: str = "all"
    ids: list[int] = attrs.field(factory=lambda: [7])


@attrs.frozen
class Order:
    ids: list[int] = attrs.field(factory=lambda: [7])
    prices: set[Decimal] | None = None
    words: list[str] = attrs.field(factory=list)
    pair: tuple[str, int] = ("", 0)
    count: int = 1


class Orders:
    @http("POST", "/class", "class")
    async def whole(self, order: Order) -> Any:
        return order

    @http("POST", "/query", "query")
    async def query(self, order: Annotated[Order, Query()]) -> Any:
        return order

    @http("POST", "/params", "params")
    async def params(
        self,
        ids: list[int] = [7],  # noqa: B006 - copied for each message
        prices: set[Decimal] | None = None,
        words: list[str] = [],  # noqa: B006
        pair: tuple[str, int] = ("", 0),
        count: int = 1,
    ) -> Any:
        return Order(ids, prices, words, pair, count)

    @http("POST", "/fields", "fields")
    async def fields(
        self,
        ids: Annotated[list[int], Body()] = [7],  # noqa: B006
        prices: Annotated[set[Decimal] | None, Body()] = None,
        words: Annotated[list[str], Body()] = [],  # noqa: B006
        pair: Annotated[tuple[str, int], Body()] = ("", 0),
        count: Annotated[int, Body()] = 1,
    ) -> Any:
        return Order(ids, prices, words, pair, count)

    @http("GET", "/search", "search")
    async def search(
        self,
        limit: int = 10,
        day: date | None = None,
        is_new: bool | None = None,
        tea: Tea = Tea.ASSAM,
        text: str = "all",
        ids: list[int] = [7],  # noqa: B006
    ) -> Any:
        return Search(limit, day, is_new, tea, text, ids)

    @http("GET", "/search/class", "search_class")
    async def search_class(self, search: Annotated[Search, Query()]) -> Any:
        return search

    @http("GET", "/search/required", "search_required")
    async def search_required(self, limit: int) -> Any:
        return limit

    @http("POST", "/required", "required")
    async def required(self, ids: list[int]) -> Any:
        return ids


ROUTES = ("class", "query", "params", "fields")


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize(
    ("form", "order"),
    [
        ({"ids": ""}, Order()),
        ({"ids": ["", ""], "prices": "", "count": ""}, Order()),
        ({"ids": ["1", "", "2"]}, Order([1, 2])),
        ({"prices": ["", "1.5"]}, Order(prices={Decimal("1.5")})),
        ({"words": ["", "a"]}, Order(words=["", "a"])),
        ({"pair": ["", "2"]}, Order(pair=("", 2))),
        ({"count": ["", "5"]}, Order(count=5)),
    ],
    ids=str,
)
async def test_empty_input_of_form_counts_as_not_sent(
    client_of: ClientOf, route: str, form: dict[str, Any], order: Order
) -> None:
    response = await client_of(Orders).http(route, form=form)

    assert (response.status_code, response.content) == (200, order)


@pytest.mark.parametrize("route", ["search", "search_class"])
async def test_empty_value_in_query_of_get_counts_as_not_sent(
    client_of: ClientOf, route: str
) -> None:
    """HTML, form submission: method="get" sends all inputs as the query."""
    client = client_of(Orders)
    empty = dict.fromkeys(("limit", "day", "is_new", "tea", "text"), "")

    response = await client.http(route, params={**empty, "ids": ["", "1"]})

    assert response.content == Search(text="", ids=[1])
    assert (await client.http(route, params={"text": "a"})).content == Search(text="a")
    response = await client.http("search_required", params={"limit": ""})
    assert response.content["errors"][0]["code"] == "missing"


@pytest.mark.parametrize("route", ["query", "params"])
async def test_empty_value_in_query_of_post_is_an_error(client_of: ClientOf, route: str) -> None:
    """No form sends it: a form with method="post" sends its inputs as the body."""
    response = await client_of(Orders).http(
        route, params={"ids": "", "count": ""}, form={"ids": "", "count": ""}
    )

    assert [error["path"] for error in response.content["errors"]] == [
        "params.ids[0]",
        "params.count",
    ]


async def test_required_list_of_a_form_with_empty_inputs_is_missing(client_of: ClientOf) -> None:
    response = await client_of(Orders).http("required", form={"ids": ["", ""]})

    assert [(e["path"], e["code"]) for e in response.content["errors"]] == [
        ("params.ids", "missing")
    ]


@pytest.mark.parametrize("route", ["class", "fields"])
async def test_empty_text_in_json_is_an_error(client_of: ClientOf, route: str) -> None:
    response = await client_of(Orders).http(route, body={"ids": [""], "count": ""})

    assert [error["path"] for error in response.content["errors"]] == [
        "body.ids[0]",
        "body.count",
    ]
