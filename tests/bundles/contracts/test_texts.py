"""The texts of a query and of a form: they have the same values as JSON, and rules run once."""

from contextlib import AbstractAsyncContextManager
from datetime import date
from typing import Annotated, Any, ClassVar

import pytest
from msgspec import Meta
from rxkernel_lines import LINES, LinesBundle

from bundles.contracts import Arguments, ContractsBundle, compile_definitions, contract
from rxkernel import (
    Application,
    KernelClient,
    Request,
    ValidationError,
    both,
    http,
    procedure,
    validated_by,
)
from tests.bundles.contracts.callers import WAYS, Caller, calling

calls: list[Any] = []
DAY = "2030-01-02"


def _once(value: str) -> str:
    calls.append(value)
    if value != value.lower():
        raise ValidationError("must be lower case")
    return value.upper()


def _is_checked(value: Any) -> bool:
    calls.append(value)
    return True


TYPES = {
    "slug": Annotated[str, validated_by(_once)],
    "csv": Annotated[str, validated_by(lambda text: text.split(","))],
    "port": Annotated[int, validated_by(lambda port: port + 1)],
    "days": list[date],
    "ints": Annotated[list[int], Meta(max_length=3)],
    "bools": tuple[bool, ...],
}
DURATION = compile_definitions({"call": {"t": "duration"}})
OPEN = compile_definitions({"call": {"t": "number", "_other": "number"}})

ROWS: list[Any] = [
    pytest.param(DURATION, {"t": "1h 30m"}, {"t": "1h 30m"}, id="duration"),
    pytest.param({"t": "slug"}, {"t": "abc"}, {"t": "abc"}, id="rule that is not idempotent"),
    pytest.param({"t": "csv"}, {"t": "a,b"}, {"t": "a,b"}, id="rule that changes the type"),
    pytest.param({"t": "port"}, {"t": "80"}, {"t": 80}, id="rule on a number"),
    pytest.param(
        {"t": {"type": "number", "validate": _is_checked}}, {"t": "8"}, {"t": 8}, id="validate"
    ),
    pytest.param({"t": {"array": "slug"}}, {"t": "a"}, {"t": ["a"]}, id="one item"),
    pytest.param({"t": {"array": "number"}}, {"t": ["1", "2"]}, {"t": [1, 2]}, id="two items"),
    pytest.param({"t": {"set": "number"}}, {"t": "1"}, {"t": [1]}, id="set"),
    pytest.param({"t": ["number", "?string"]}, {"t": "1"}, {"t": [1]}, id="tuple"),
    pytest.param({"schema": {"t": "number"}, "required": False}, {"t": "1"}, {"t": 1}, id="?{}"),
    pytest.param(OPEN, {"t": "1", "z": "2"}, {"t": 1, "z": 2}, id="_other"),
    pytest.param({"object": {"string": "number"}}, {"t": "1"}, {"t": 1}, id="object of number"),
    pytest.param({"t": {"enum": [1, "a"]}}, {"t": "1"}, {"t": 1}, id="mixed enum"),
    pytest.param({"t": {"enum": [1.5, True]}}, {"t": "true"}, {"t": True}, id="enum with a bool"),
    pytest.param({"t": {"union": ["number", "boolean"]}}, {"t": "1"}, {"t": 1}, id="union"),
    pytest.param(
        {"t": {"union": ["string", {"array": "string"}]}}, {"t": "1"}, {"t": "1"}, id="union text"
    ),
    pytest.param({"t": "string"}, {"t": "1"}, {"t": "1"}, id="text"),
    pytest.param({"t": "days"}, {"t": "2024-01-01"}, {"t": ["2024-01-01"]}, id="own list of one"),
    pytest.param({"t": "ints"}, {"t": ["1", "2"]}, {"t": [1, 2]}, id="own list"),
    pytest.param({"t": "bools"}, {"t": "true"}, {"t": [True]}, id="own tuple"),
    pytest.param({"t": "boolean"}, {"t": "on"}, {"t": True}, id="checkbox"),
]


def _controller(parameters: Any) -> type:
    class Texts:
        @procedure("call", LINES)
        @both("POST", "/call", "call")
        @contract(parameters=parameters)
        async def call(self, arguments: Annotated[Any, Arguments()]) -> str:
            return repr(arguments)

    return Texts


every_way = pytest.mark.parametrize("way", WAYS)
every_http = pytest.mark.parametrize("way", [way for way in WAYS if "http" in way])


def _calling(way: str, parameters: Any) -> AbstractAsyncContextManager[Caller]:
    return calling(way, _controller(parameters), bundle=ContractsBundle(types=TYPES))


@every_way
@pytest.mark.parametrize(("parameters", "texts", "body"), ROWS)
async def test_texts_of_query_and_form_have_the_values_of_json(
    way: str, parameters: Any, texts: dict[str, Any], body: Any
) -> None:
    async with _calling(way, parameters) as caller:
        calls.clear()
        expected = await caller.call("call", body)
        expected_calls = list(calls)
        assert expected.status == 200
        for place in ("params", "form") if "http" in way else ():
            calls.clear()
            assert (await caller.send("call", place, texts))[:2] == expected[:2]
            assert calls == expected_calls


@every_http
@pytest.mark.parametrize("place", ["params", "form"])
@pytest.mark.parametrize(
    ("parameters", "texts", "code"),
    [
        ({"t": "slug"}, {"t": "A"}, "invalid"),
        ({"t": "number"}, {"t": "x"}, "type"),
        ({"t": "number"}, {"t": ["1", "2"]}, "type"),
        ({"t": {"array": "number"}}, {"t": ["1", "x"]}, "type"),
        ({"t": {"enum": [1, "a"]}}, {"t": "2"}, "choice"),
        ({"t": "ints"}, {"t": ["1", "x"]}, "type"),
    ],
)
async def test_invalid_texts_respond_422(
    way: str, place: str, parameters: Any, texts: dict[str, Any], code: str
) -> None:
    async with _calling(way, parameters) as caller:
        result = await caller.send("call", place, texts)
    [error] = result.content["errors"]
    assert (result.status, error["code"]) == (422, code)
    assert error["path"].partition("[")[0] == ("params.t" if place == "params" else "body.t")


@every_http
async def test_validate_names_the_place_of_a_field_that_is_a_parameter_of_the_action(
    way: str,
) -> None:
    def check(arguments: dict[str, Any]) -> None:
        raise ValidationError("is not free", path=".day")

    class Days:
        @both("POST", "/day", "day")
        @contract(parameters={"day": "string"}, validate=check)
        async def day(self, day: str) -> None: ...

    async with calling(way, Days) as caller:
        results = [
            await caller.send("day", "form", {"day": "1"}),
            await caller.call("day", {"day": "1"}),
            await caller.send("day", "params", {"day": "1"}),
        ]
    paths = [result.content["errors"][0]["path"] for result in results]
    assert paths == ["body.day", "body.day", "params.day"]


@every_http
@pytest.mark.parametrize(
    "fields",
    [
        {"p.n": "1", "p.tags": "a", "p.to.city": "Rome"},
        {"p[n]": "1", "p[tags][]": "a", "p[to][city]": "Rome"},
        {"p[n]": "1", "p[tags][0]": "a", "p[to].city": "Rome"},
    ],
)
async def test_names_of_a_form_are_paths_into_nested_structs(
    way: str, fields: dict[str, str]
) -> None:
    to = {"city": "string"}
    async with _calling(
        way, {"p": {"n": "number", "tags": {"array": "string"}, "to": to}}
    ) as each:
        result = await each.send("call", "form", fields)
        wrong = await each.send("call", "form", {**fields, "p.x": "1"})
    assert result.content == str({"p": {"n": 1, "tags": ["a"], "to": {"city": "Rome"}}})
    assert [e["path"] for e in wrong.content["errors"]] == ["body.p.x"]


@every_http
async def test_empty_input_of_a_form_is_not_sent_unless_it_is_a_text(way: str) -> None:
    async with _calling(way, {"n": "?number", "s": "string"}) as caller:
        result = await caller.send("call", "form", {"n": "", "s": ""})
        wrong = await caller.send("call", "params", {"n": "", "s": ""})
    assert result.content == str({"s": ""})
    assert wrong.status == 422


async def test_parameter_of_the_path_wins_over_the_field_of_a_form() -> None:
    class Paths:
        @http("POST", "/path/{id}", "path")
        @contract(parameters={"id": "number", "tags": {"array": "string"}})
        async def path(self, arguments: Annotated[Any, Arguments()]) -> str:
            return repr(arguments)

    async with KernelClient(Application(bundles=[ContractsBundle], controllers=[Paths])) as client:
        response = await client.http("path", params={"id": 5}, form={"id": "6", "tags": "a"})
    assert response.content == str({"id": 5, "tags": ["a"]})


@every_way
async def test_plain_parameters_of_the_action_are_read_from_the_checked_arguments(
    way: str,
) -> None:
    class Rooms:
        @procedure("book", LINES)
        @both("POST", "/book", "book")
        @contract(
            parameters={
                "name": "string",
                "hours": "number",
                "on": {"type": "date", "default": DAY},
            }
        )
        async def book(self, name: str, hours: float, on: date) -> str:
            return f"{name} {hours} {on}"

    async with calling(way, Rooms) as caller:
        result = await caller.call("book", {"name": "x", "hours": 1.5})
        wrong = await caller.call("book", {"name": "x", "hours": "y"})
    assert result.content == f"x 1.5 {DAY}"
    assert [e["path"] for e in wrong.content["errors"]] == ["body.hours"]


class Search:
    """The arguments of one contract, read in each way."""

    parameters: ClassVar[dict[str, Any]] = {
        "limit": {"type": "number", "default": 7},
        "day": {"type": "date", "required": False},
        "text": {"type": "string", "required": False},
        "ids": {"array": "number", "required": False},
    }

    @procedure("search", LINES)
    @both("GET", "/search", "search")
    @http("DELETE", "/search", "delete")
    @contract(parameters=parameters)
    async def search(self, arguments: Annotated[Any, Arguments()]) -> Any:
        return arguments

    @http("GET", "/plain", "plain")
    @contract(parameters=parameters)
    async def plain(self, request: Request, limit: int = 1, text: str = "all") -> Any:
        return {"limit": limit, "text": text, "params": sorted(request.params)}

    @http("GET", "/required", "required")
    @contract(parameters={"limit": "number"})
    async def required(self, limit: int) -> int:
        return limit


async def test_empty_value_in_query_of_get_counts_as_not_sent() -> None:
    """HTML, form submission: method="get" sends all inputs as the query."""
    async with Application(bundles=[ContractsBundle, LinesBundle], controllers=[Search]) as app:
        client = KernelClient(app)
        empty = dict.fromkeys(("limit", "day", "text", "ids"), "")

        assert (await client.http("search", params=empty)).content == {"limit": 7, "text": ""}
        some = {"limit": ["", "2"], "ids": ["", "1"]}
        assert (await client.http("search", params=some)).content == {"limit": 2, "ids": [1]}
        expected = {"limit": 7, "text": "", "params": ["limit", "text"]}
        assert (await client.http("plain", params=empty)).content == expected
        response = await client.http("required", params={"limit": ""})
        assert [(e["path"], e["code"]) for e in response.content["errors"]] == [
            ("params.limit", "missing")
        ]


async def test_empty_value_that_no_form_sends_is_an_error() -> None:
    """As for typed actions: `DELETE /logs?before=` must not delete all."""
    async with Application(bundles=[ContractsBundle, LinesBundle], controllers=[Search]) as app:
        client = KernelClient(app)

        for response in (
            await client.http("delete", params={"limit": ""}),
            await client.websocket("search", params={"limit": ""}),
            await client.call(LINES, "search", body={"limit": ""}),
        ):
            assert response.status_code == 422
