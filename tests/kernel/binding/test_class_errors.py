"""The errors that a client gets when a class raises an exception for its fields.

The rule: the text of a `ValidationError` and the rules of validators of attrs are sent, of any
other ValueError only "is not valid". A TypeError counts as a ValueError in a converter and in a
validator of attrs; anywhere else it is a bug, like every other exception.
"""

import enum
import json
import logging
from dataclasses import dataclass
from datetime import date
from typing import Any

import attrs
import msgspec
import pytest

from rxkernel import Application, ValidationError, http
from rxkernel.kernel.binding.validation_errors import SEARCH_BUDGET, ValidationErrors
from rxkernel.kernel.binding.validator import Validator
from rxkernel.pytest_plugin import ClientOf

SECRET = "hidden"


class Kind(enum.Enum):
    A = "a"


def fail_plainly(value: Any) -> Any:
    raise ValueError(f"{value} is refused")


def fail_by_library(value: Any) -> Any:
    return json.loads(value)


def fail_by_type(value: Any) -> Any:
    raise TypeError(f"{value} is refused")


def fail_on_purpose(value: Any) -> Any:
    raise ValidationError("is refused", code="refused", params={"limit": 1})


FAILURES = {
    "raised": fail_plainly,
    "json": fail_by_library,
    "int": int,
    "date": date.fromisoformat,
    "enum": Kind,
}


def attrs_class(fail: Any, place: str) -> Any:
    """An attrs class that calls *fail* with its field in *place*."""

    def check(instance: Any, attribute: Any, value: Any) -> None:
        fail(value)

    def post_init(self: Any) -> None:
        fail(self.code)

    named: dict[str, Any] = {"converter": {"converter": lambda value: fail(value)}}
    named["validator"] = {"validator": check}
    body = {"__attrs_post_init__": post_init} if place == "post_init" else {}
    field = attrs.field(type=str, **named.get(place, {}))
    return attrs.make_class("Coupon", {"code": field}, class_body=body)


@dataclass
class Doc:
    code: str

    def __post_init__(self) -> None:
        Kind(self.code)


class Packed(msgspec.Struct):
    code: str

    def __post_init__(self) -> None:
        int(self.code)


@attrs.define
class Coupon:
    code: str

    def __attrs_post_init__(self) -> None:
        int(self.code)


@attrs.define
class Count:
    name: str = attrs.field(converter=str)
    code: int = attrs.field(converter=int)
    last: str = attrs.field(converter=str, default="")


def read(kind: Any, raw: Any) -> list[dict[str, Any]]:
    errors = ValidationErrors()
    Validator(kind).read(raw, "body", errors)
    return errors.entries


def invalid(path: str) -> list[dict[str, Any]]:
    return [{"path": path, "code": "invalid", "message": "is not valid"}]


@pytest.mark.parametrize("place", ["post_init", "converter", "validator"])
@pytest.mark.parametrize("failure", sorted(FAILURES))
def test_value_error_of_class_sends_no_text(failure: str, place: str) -> None:
    path = "body" if place == "post_init" else "body.code"

    assert read(attrs_class(FAILURES[failure], place), {"code": SECRET}) == invalid(path)


@pytest.mark.parametrize("kind", [Coupon, Doc, Packed])
@pytest.mark.parametrize("many", [0, SEARCH_BUDGET], ids=["one", "many"])
def test_value_error_in_list_sends_no_text(kind: Any, many: int) -> None:
    """Also if only msgspec reports it, because the search for errors has ended."""
    raw = [{"code": "a" if kind is Doc else "1"}] * many

    assert read(list[kind], [*raw, {"code": SECRET}]) == invalid(f"body[{many}]")


def test_value_error_is_logged_at_debug(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, "rxkernel"):
        read(Coupon, {"code": SECRET})

    assert {record.levelno for record in caplog.records} == {logging.DEBUG}
    assert "invalid literal for int()" in caplog.text


@pytest.mark.parametrize("place", ["post_init", "converter", "validator"])
def test_validation_error_sends_text_code_and_params(place: str) -> None:
    path = "body" if place == "post_init" else "body.code"

    assert read(attrs_class(fail_on_purpose, place), {"code": "a"}) == [
        {"path": path, "code": "refused", "message": "is refused", "params": {"limit": 1}}
    ]


@pytest.mark.parametrize("place", ["post_init", "validator"])
def test_type_error_of_class_is_raised(place: str) -> None:
    with pytest.raises(TypeError, match="is refused"):
        read(attrs_class(fail_by_type, place), {"code": "a"})


def test_type_error_beyond_search_budget_is_raised() -> None:
    """The end of the search for errors does not make it an error of the client."""

    def fail_at_last(value: str) -> None:
        if value == "last":
            raise TypeError("is refused")

    kind: Any = list.__class_getitem__(attrs_class(fail_at_last, "post_init"))
    with pytest.raises(TypeError, match="is refused"):
        read(kind, [{"code": "a"}] * SEARCH_BUDGET + [{"code": "last"}])


@pytest.mark.parametrize("value", [SECRET, [], {}, None])
def test_converter_that_fails_is_reported_at_its_field(value: Any) -> None:
    """``int([])`` is a TypeError: a converter gets any type that the client sends."""
    assert read(Count, {"name": "a", "code": value}) == invalid("body.code")


V = attrs.validators


@pytest.mark.parametrize(
    ("validator", "value", "code", "params"),
    [
        (V.ge(3), 2, "too_small", {"ge": 3}),
        (V.gt(3), 3, "too_small", {"gt": 3}),
        (V.le(3), 4, "too_large", {"le": 3}),
        (V.lt(0.5), 1, "too_large", {"lt": 0.5}),
        (V.max_len(2), SECRET, "too_long", {"max_length": 2}),
        (V.min_len(9), SECRET, "too_short", {"min_length": 9}),
        (V.min_len(1), [], "too_short", {"min_length": 1}),
        (V.in_(["a", 1]), SECRET, "choice", {"choices": ["a", 1]}),
        (V.in_([Kind.A]), SECRET, "choice", {}),
        (V.matches_re("[0-9]+"), SECRET, "pattern", {"pattern": "[0-9]+"}),
        (V.instance_of(int), SECRET, "type", {"expected": "int", "got": "str"}),
        (V.instance_of((int, list)), None, "type", {"expected": "int | list", "got": "null"}),
        (V.optional(V.ge(3)), 2, "too_small", {"ge": 3}),
        (V.and_(V.ge(1), V.le(3)), 4, "too_large", {"le": 3}),
        ([V.ge(1), V.le(3)], 4, "too_large", {"le": 3}),
        (V.ge(date(2026, 1, 1)), date(2025, 1, 1), "invalid", {}),
        (V.not_(V.instance_of(str)), SECRET, "invalid", {}),
        (V.or_(V.ge(3), V.in_([1])), 2, "invalid", {}),
        (V.deep_iterable(V.ge(3)), [1], "invalid", {}),
        (V.optional(lambda *_: fail_plainly(SECRET)), "a", "invalid", {}),
    ],
)
def test_validator_of_attrs_sends_its_rule_and_not_the_value(
    validator: Any, value: Any, code: str, params: dict[str, Any]
) -> None:
    kind = attrs.make_class("Rule", {"code": attrs.field(type=Any, validator=validator)})

    (entry,) = read(kind, {"code": value})

    assert SECRET not in entry.pop("message")
    assert entry == {"path": "body.code", "code": code} | ({"params": params} if params else {})


@attrs.define
class Bug:
    code: str

    def __attrs_post_init__(self) -> None:
        self.code + None  # type: ignore[operator]


@dataclass
class Broken:
    code: str

    def __post_init__(self) -> None:
        self.code.missing  # type: ignore[attr-defined]  # noqa: B018 - raises


class Controller:
    @http("POST", "/bug", "bug")
    async def bug(self, body: Bug) -> None: ...

    @http("POST", "/broken", "broken")
    async def broken(self, body: list[Broken]) -> None: ...

    @http("POST", "/coupon", "coupon")
    async def coupon(self, body: Coupon) -> None: ...


@pytest.mark.parametrize(
    ("route", "body", "error"),
    [
        ("bug", {"code": SECRET}, "TypeError"),
        ("broken", [{"code": SECRET}], "AttributeError"),
    ],
)
async def test_bug_of_class_is_500_and_logged(
    client_of: ClientOf, caplog: pytest.LogCaptureFixture, route: str, body: Any, error: str
) -> None:
    response = await client_of(Controller).http(route, body=body)

    assert response.content == {"statusCode": 500, "message": "Internal Server Error"}
    assert error in caplog.text
    assert "post_init" in caplog.text


async def test_value_error_of_class_is_422_without_its_text(client_of: ClientOf) -> None:
    client = client_of(Application(controllers=[Controller]))

    response = await client.http("coupon", body={"code": SECRET})

    assert (response.status_code, response.content["errors"]) == (422, invalid("body"))
