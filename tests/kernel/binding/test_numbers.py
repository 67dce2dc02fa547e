"""Texts that a lenient conversion would change: ``1e0`` for int, ``null`` for None."""

from datetime import timedelta
from decimal import Decimal
from enum import IntEnum
from typing import Annotated, Any, Literal

import attrs
import msgspec
import pytest

from rxkernel import (
    Header,
    Query,
    Request,
    Response,
    UnprocessableEntityException,
    both,
    http,
    websocket,
)
from rxkernel.kernel.binding.validation_errors import ValidationErrors
from rxkernel.kernel.binding.validator import Validator
from rxkernel.pytest_plugin import ClientOf


class Size(IntEnum):
    SMALL = 1


def read(kind: Any, raw: Any, *, lenient: bool = True) -> Any:
    """Return the value, or the codes of the errors by path."""
    found = ValidationErrors()
    value = Validator(kind).read(raw, "x", found, lenient)
    return {e["path"]: e["code"] for e in found.entries} or value


WHOLE = [int, int | None, Annotated[int, msgspec.Meta(ge=0)], Size, Literal[1, 9007199254740992]]


@pytest.mark.parametrize("kind", WHOLE, ids=str)
@pytest.mark.parametrize(
    "text",
    ["1e0", "1E3", "1.0", "9007199254740993.0", "9007199254740992.0", "1.", "1_000", " 1", "+1"],
)
def test_int_text_that_is_not_a_whole_number_is_an_error(kind: Any, text: str) -> None:
    assert read(kind, text) in ({"x": "type"}, {"x": "choice"})
    assert read(list[kind], ["1", text]) in ({"x[1]": "type"}, {"x[1]": "choice"})
    assert read(dict[str, kind], {"a": text}) in ({"x.a": "type"}, {"x.a": "choice"})


@pytest.mark.parametrize(
    ("kind", "raw", "value"),
    [
        (int, "9007199254740993", 9007199254740993),
        (int, "-7", -7),
        (int, "0", 0),
        (int, "1" * 40, int("1" * 40)),
        (int, 3.0, 3),
        (int, 2.0**53, {"x": "out_of_range"}),
        (int, -(2.0**53), {"x": "out_of_range"}),
        (int | float, "1e3", 1000.0),
        (int | float, "9007199254740993", 9007199254740993),
        (int | str, "1e3", "1e3"),
        (float | str, "nan", "nan"),
        (int | bool, "true", True),
        (int | bool, "1e3", {"x": "type"}),
        (int | Decimal, "1e3", Decimal("1e3")),
        (float, "1e3", 1000.0),
        (timedelta, "1.5", timedelta(seconds=1.5)),
    ],
    ids=str,
)
def test_number_is_read_as_it_was_written(kind: Any, raw: Any, value: Any) -> None:
    assert read(kind, raw) == value


@pytest.mark.parametrize("kind", [Decimal, Decimal | None, Annotated[Decimal, "price"]], ids=str)
@pytest.mark.parametrize("lenient", [True, False])
@pytest.mark.parametrize("text", [" 1_000", "1_000", "1 ", "\t1", "\u0967", "1\uff11", "\u0663"])
def test_decimal_text_with_spaces_underscores_or_other_digits_is_an_error(
    kind: Any, lenient: bool, text: str
) -> None:
    """`Decimal` of Python reads these; JSON and browsers do not write numbers in this form."""
    assert read(kind, text, lenient=lenient) == {"x": "format"}
    assert read(list[kind], ["1", text], lenient=lenient) == {"x[1]": "format"}


@pytest.mark.parametrize("text", ["1", "-1.50", "+1", "01", ".5", "1.", "1e3", "1E-3"])
def test_decimal_text_keeps_its_digits(text: str) -> None:
    assert str(read(Decimal, text)) == str(Decimal(text))


Maybe = Literal["a", None]


@pytest.mark.parametrize(
    ("kind", "raw", "value"),
    [
        (Maybe, "null", {"x": "choice"}),
        (Maybe, "NULL", {"x": "choice"}),
        (Maybe, "a", "a"),
        (Maybe, None, None),
        (Maybe | int, "null", {"x": "choice"}),
        (Maybe | int, "7", 7),
        (Literal["null", None], "null", "null"),
        (Literal[None], None, None),
        (list[Maybe], ["a", "null"], {"x[1]": "choice"}),
        (list[Maybe], ["a", None], ["a", None]),
        (list[int | None], ["1", "null"], {"x[1]": "type"}),
        (int | None, "null", {"x": "type"}),
        (str | None, "null", "null"),
    ],
    ids=str,
)
def test_text_null_is_not_none(kind: Any, raw: Any, value: Any) -> None:
    assert read(kind, raw) == value


def test_literal_with_none_accepts_null_of_json() -> None:
    assert read(Maybe, None, lenient=False) is None
    assert read(dict[str, Maybe], {"x": None}, lenient=False) == {"x": None}
    assert read(Maybe, "b", lenient=False) == {"x": "choice"}


@attrs.frozen
class Filter:
    page: int = 1
    kind: Maybe = "a"


class Users:
    @both("GET", "/users/{id}", "user")
    async def user(
        self,
        id: int,
        price: Decimal = Decimal(0),
        mark: Maybe = "a",
        x_page: Annotated[int, Header()] = 1,
    ) -> Any:
        return [id, str(price), mark, x_page]

    @both("GET", "/filter", "filter")
    async def filter(self, filter: Annotated[Filter, Query()]) -> Any:
        return [filter.page, filter.kind]

    @http("POST", "/form", "form")
    async def form(self, filter: Filter) -> Any:
        return [filter.page, filter.kind]


def codes(response: Response) -> dict[str, str]:
    assert response.status_code == 422, response
    return {error["path"]: error["code"] for error in response.content["errors"]}


async def test_int_in_other_notation_in_path_query_or_header_is_an_error(
    client_of: ClientOf,
) -> None:
    client = client_of(Users)

    for text in ("9007199254740993.0", "1e3"):
        assert codes(await client.http("user", params={"id": text})) == {"params.id": "type"}
        assert codes(await client.websocket("user", params={"id": text})) == {"params.id": "type"}
        assert codes(await client.http("user", params={"id": "1"}, headers={"X-Page": text})) == {
            "headers.x-page": "type"
        }
        assert codes(await client.http("filter", params={"page": text})) == {"params.page": "type"}
        assert codes(await client.http("form", form={"page": text})) == {"body.page": "type"}
    response = await client.http("user", params={"id": "9007199254740993"})
    assert response.content == [9007199254740993, "0", "a", 1]


async def test_null_and_decimal_with_underscore_in_query_are_errors(client_of: ClientOf) -> None:
    client = client_of(Users)

    for send in (client.http, client.websocket):
        params = {"id": "1", "price": " 1_000", "mark": "null"}
        assert codes(await send("user", params=params)) == {
            "params.price": "format",
            "params.mark": "choice",
        }
        assert codes(await send("filter", params={"kind": "null"})) == {"params.kind": "choice"}
    assert (await client.websocket("filter", params={"kind": None})).content == [1, None]


@pytest.mark.parametrize(
    ("kind", "raw"),
    [
        (int, "1e3"),
        (int, "9007199254740993.0"),
        (int, 2.0**53),
        (float, "nan"),
        (Decimal, " 1_000"),
        (Decimal, "1e-999999999"),
        (Maybe, "null"),
        (int | None, "null"),
    ],
    ids=str,
)
def test_request_param_number_in_other_notation_is_rejected(kind: Any, raw: Any) -> None:
    request = Request("HTTP", params={"x": raw})

    with pytest.raises(UnprocessableEntityException) as raised:
        request.param("x", kind)

    assert [error["path"] for error in raised.value.errors] == ["params.x"]


def test_request_param_none_over_socket_is_accepted() -> None:
    kind: Any = Maybe

    assert Request("SOCKET", params={"x": None}).param("x", kind) is None


class Scales:
    @websocket("weigh")
    async def weigh(self, weight: float) -> Any:
        return [type(weight).__name__, weight]


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        (7, 7.0),
        (-0.0, -0.0),
        (2**53, 2.0**53),
        (2**53 + 2, 2.0**53 + 2),
        (10**30, 1e30),
        (1e300, 1e300),
        ("7", 7.0),
        (True, "type"),
        (float("-inf"), "out_of_range"),
        (None, "type"),
    ],
    ids=str,
)
async def test_float_of_socket_from_whole_number_is_a_float(
    client_of: ClientOf, raw: Any, value: Any
) -> None:
    response = await client_of(Scales).websocket("weigh", params={"weight": raw})

    if response.status_code == 422:
        assert codes(response) == {"params.weight": value}
    else:
        assert response.content == ["float", value]
