"""Each entry of ``errors`` has a code of a closed list and the values of the rule."""

import re
from collections import defaultdict
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from functools import partial
from typing import Annotated, Any, Literal, get_args
from uuid import UUID

import attrs
import msgspec
import pytest
from msgspec import UNSET, Meta, UnsetType

from rxkernel import (
    Application,
    Bundle,
    Header,
    InputErrorCode,
    Request,
    Transport,
    ValidationError,
    http,
    procedure,
    websocket,
)
from rxkernel.kernel.binding.validation_errors import ValidationErrors
from rxkernel.kernel.binding.validator import Validator
from rxkernel.pytest_plugin import ClientOf
from tests.required_tools import ROOT


class Cat(msgspec.Struct, tag="cat"):
    lives: int = 9


class Dog(msgspec.Struct, tag="dog"):
    friends: "list[Dog]" = []


class Size(Enum):
    SMALL = "s"
    LARGE = "l"


@attrs.frozen
class Booking:
    first: int = 0
    last: int = attrs.field(default=0)
    name: str = attrs.field(default="", validator=attrs.validators.max_len(3))

    @last.validator
    def _check(self, attribute: Any, value: int) -> None:
        if value < self.first:
            message = "must not be before first"
            raise ValidationError(message, code="order", params={"field": "first"})


class Trip(msgspec.Struct):
    miles: int

    def __post_init__(self) -> None:
        if self.miles > 100:
            raise ValidationError("is too far", code="far", params={"most": 100})


class Inputs(msgspec.Struct):
    needed: int
    number: int | UnsetType = UNSET
    at: datetime | UnsetType = UNSET
    day: date | UnsetType = UNSET
    key: UUID | UnsetType = UNSET
    size: Size | UnsetType = UNSET
    level: Literal[1, 2] | UnsetType = UNSET
    many: Literal[tuple(range(30))] | UnsetType = UNSET  # type: ignore[valid-type]
    slug: Annotated[str, Meta(pattern=r"^[a-z`']+$")] | UnsetType = UNSET
    text: Annotated[str, Meta(min_length=2, max_length=4)] | UnsetType = UNSET
    tags: Annotated[list[str], Meta(min_length=1, max_length=2)] | UnsetType = UNSET
    table: Annotated[dict[str, int], Meta(max_length=1)] | UnsetType = UNSET
    pair: tuple[int, int] | UnsetType = UNSET
    whole: Annotated[int, Meta(gt=0, le=10)] | UnsetType = UNSET
    ratio: Annotated[float, Meta(gt=0.5, lt=1.5)] | UnsetType = UNSET
    price: Annotated[float, Meta(ge=0)] | UnsetType = UNSET
    even: Annotated[int, Meta(multiple_of=2)] | UnsetType = UNSET
    exact: Decimal | UnsetType = UNSET
    zoned: Annotated[datetime, Meta(tz=True)] | UnsetType = UNSET
    local: Annotated[datetime, Meta(tz=False)] | UnsetType = UNSET
    pet: Cat | Dog | UnsetType = UNSET
    names: set[Any] | UnsetType = UNSET
    numbers: set[int] | UnsetType = UNSET
    booking: Booking | UnsetType = UNSET
    trip: Trip | UnsetType = UNSET


LINES = Transport("LINES")


class LinesBundle(Bundle):
    name = "lines"
    transports = (LINES,)


class Heads:
    @http("GET", "/head", "head")
    async def head(self, x_user: Annotated[str, Header()]) -> None: ...


class Doors:
    @http("POST", "/body", "body")
    @websocket("body")
    @procedure("body", LINES)
    async def body(self, inputs: Inputs) -> None: ...

    @http("GET", "/param", "param")
    @websocket("param")
    @procedure("param", LINES)
    async def param(self, request: Request) -> None:
        request.param("id", int)
        request.param("size", Size)

    @http("GET", "/typed", "typed")
    @websocket("typed")
    @procedure("typed", LINES)
    async def typed(self, id: int, at: datetime | None = None) -> None: ...


BODIES: list[tuple[str, Any, str, dict[str, Any]]] = [
    ("missing", {"needed": UNSET}, ".needed", {}),
    ("missing", {"pet": {"lives": 1}}, ".pet.type", {}),
    ("unknown_field", {"other": 1}, ".other", {}),
    ("type", {"number": "1"}, ".number", {"expected": "int", "got": "str"}),
    ("type", {"tags": {}}, ".tags", {"expected": "array", "got": "object"}),
    ("type", {"pet": None}, ".pet", {"expected": "object", "got": "null"}),
    ("format", {"at": "now"}, ".at", {"expected": "datetime"}),
    ("format", {"day": "today"}, ".day", {"expected": "date"}),
    ("format", {"key": "1"}, ".key", {"expected": "uuid"}),
    ("format", {"exact": "x"}, ".exact", {"expected": "decimal"}),
    ("choice", {"size": "m"}, ".size", {"choices": ["s", "l"]}),
    ("choice", {"level": 3}, ".level", {"choices": [1, 2]}),
    ("choice", {"many": 99}, ".many", {"choices": list(range(20))}),
    ("choice", {"pet": {"type": "fox"}}, ".pet.type", {"choices": ["cat", "dog"]}),
    ("pattern", {"slug": "A"}, ".slug", {"pattern": "^[a-z`']+$"}),
    ("too_short", {"text": "a"}, ".text", {"min_length": 2}),
    ("too_short", {"tags": []}, ".tags", {"min_length": 1}),
    ("too_short", {"pair": [1]}, ".pair", {"min_length": 2}),
    ("too_long", {"text": "abcde"}, ".text", {"max_length": 4}),
    ("too_long", {"tags": ["a"] * 3}, ".tags", {"max_length": 2}),
    ("too_long", {"table": {"a": 1, "b": 2}}, ".table", {"max_length": 1}),
    ("too_long", {"pair": [1, 2, 3]}, ".pair", {"max_length": 2}),
    ("too_small", {"whole": 0}, ".whole", {"ge": 1}),  # msgspec stores gt=0 of an int as ge=1
    ("too_small", {"price": -1}, ".price", {"ge": 0.0}),
    ("too_small", {"ratio": 0.5}, ".ratio", {"gt": 0.5}),
    ("too_large", {"whole": 11}, ".whole", {"le": 10}),
    ("too_large", {"ratio": 1.5}, ".ratio", {"lt": 1.5}),
    ("multiple_of", {"even": 3}, ".even", {"multiple_of": 2}),
    ("out_of_range", {"exact": "NaN"}, ".exact", {}),
    ("out_of_range", {"price": 10**400}, ".price", {}),
    ("too_many_collisions", {"numbers": [n * (2**61 - 1) for n in range(50)]}, ".numbers", {}),
    ("timezone", {"zoned": "2026-01-01T00:00:00"}, ".zoned", {"tz": True}),
    ("timezone", {"local": "2026-01-01T00:00:00Z"}, ".local", {"tz": False}),
    ("invalid", {"names": [1, []]}, ".names[1]", {}),
    ("too_long", {"booking": {"name": "long"}}, ".booking.name", {"max_length": 3}),
]
NOT_IN_BODIES = {"encoding", "too_deep"}
"""Codes of values that cannot be in a body, because decoding rejects them first."""

CODES = get_args(InputErrorCode)


@pytest.fixture(params=["http", "websocket", "call"])
def ask(client_of: ClientOf, request: pytest.FixtureRequest) -> Any:
    """Call a route of `Doors` by name over one transport; a test runs once for each."""
    client = client_of(Application(bundles=[LinesBundle], controllers=[Doors]))
    return (
        partial(client.call, LINES) if request.param == "call" else getattr(client, request.param)
    )


async def entries(ask: Any, name: str, **given: Any) -> list[dict[str, Any]]:
    """Return the entries of ``errors`` without their messages."""
    response = await ask(name, **given)
    assert response.status_code == 422, response.content
    errors: list[dict[str, Any]] = response.content["errors"]
    assert list(response.content) == ["statusCode", "message", "errors"]
    assert all(msgspec.json.decode(msgspec.json.encode(error)) == error for error in errors)
    assert all(isinstance(error.pop("message"), str) for error in errors)
    return errors


@pytest.mark.parametrize(
    ("code", "change", "path", "params"), BODIES, ids=[f"{b[0]}-{n}" for n, b in enumerate(BODIES)]
)
async def test_entry_of_body_has_code_and_params(
    ask: Any, code: str, change: dict[str, Any], path: str, params: dict[str, Any]
) -> None:
    given = {"needed": 1, **change}
    body = {name: value for name, value in given.items() if value is not UNSET}

    wanted = {"path": f"body{path}", "code": code} | ({"params": params} if params else {})
    assert await entries(ask, "body", body=body) == [wanted]


async def test_entry_of_header_that_is_not_utf_8_has_code(client_of: ClientOf) -> None:
    raw = b"caf\xe9".decode(errors="surrogateescape")

    assert await entries(client_of(Heads).http, "head", headers={"X-User": raw}) == [
        {"path": "headers.x-user", "code": "encoding"}
    ]


def test_entry_of_body_nested_too_deeply_has_code() -> None:
    """JSON is rejected earlier (400); a transport of a bundle may decode another format."""
    raw: dict[str, Any] = {}
    for _ in range(5000):
        raw = {"friends": [raw]}
    found = ValidationErrors()

    Validator(Dog).read(raw, "body", found)

    assert found.entries == [
        {"path": "body", "code": "too_deep", "message": "is nested too deeply"}
    ]


def test_every_code_is_produced_and_documented_with_its_params() -> None:
    """`InputErrorCode`, the cases above and the table of the page have the same codes."""
    seen: defaultdict[str, set[str]] = defaultdict(set)
    for code, _, _, params in BODIES:
        seen[code].update(params)
    page = (ROOT / "docs" / "reference" / "errors.md").read_text(encoding="utf-8")
    table = page.partition("## Entries of invalid input")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| `(\w+)` \|[^|]*\|([^|]*)\|$", table, re.MULTILINE)
    documented = {code: set(re.findall(r"`(\w+)`", params)) for code, params in rows}
    del documented["code"]  # the head of the table

    assert sorted(CODES) == sorted(seen.keys() | NOT_IN_BODIES)
    assert documented == {**seen, **{code: set() for code in NOT_IN_BODIES}}


async def test_entry_of_text_that_cannot_be_converted_has_no_got(ask: Any) -> None:
    """The values of a query are always texts, so `got` would not help."""
    assert await entries(ask, "typed", params={"id": "x", "at": "2026"}) == [
        {"path": "params.id", "code": "type", "params": {"expected": "int"}},
        {"path": "params.at", "code": "format", "params": {"expected": "datetime"}},
    ]


async def test_request_param_invalid_is_422_with_entry(ask: Any) -> None:
    size = {"path": "params.size", "code": "choice", "params": {"choices": ["s", "l"]}}

    assert await entries(ask, "param") == [{"path": "params.id", "code": "missing"}]
    assert await entries(ask, "param", params={"id": "x"}) == [
        {"path": "params.id", "code": "type", "params": {"expected": "int"}}
    ]
    assert await entries(ask, "param", params={"id": 1, "size": "s3cret"}) == [size]


async def test_validation_error_of_class_sends_its_own_code_and_params(ask: Any) -> None:
    body = {"needed": 1, "booking": {"first": 2, "last": 1}, "trip": {"miles": 101}}

    response = await ask("body", body=body)

    assert response.content["errors"] == [
        {
            "path": "body.booking.last",
            "code": "order",
            "message": "must not be before first",
            "params": {"field": "first"},
        },
        {
            "path": "body.trip",
            "code": "far",
            "message": "is too far",
            "params": {"most": 100},
        },
    ]
