"""What a class says against its fields is told to the client; what breaks in it is a failure."""

import enum
from dataclasses import dataclass
from typing import Any

import attrs
import msgspec
import pytest

from rxkernel import http
from rxkernel.kernel.binding.misfits import SEARCHED, Misfits
from rxkernel.kernel.binding.validation import Validator
from rxkernel.pytest_plugin import ClientOf


class Kind(enum.Enum):
    A = "a"


@attrs.define
class Bug:
    code: str

    def __attrs_post_init__(self) -> None:
        self.code + None  # type: ignore[operator]


@dataclass
class Broken:
    code: str

    def __post_init__(self) -> None:
        self.code.missing  # type: ignore[attr-defined]  # noqa: B018 - it is to break


@attrs.define
class Coupon:
    code: str

    def __attrs_post_init__(self) -> None:
        int(self.code)


@dataclass
class Doc:
    code: str

    def __post_init__(self) -> None:
        Kind(self.code)


class Said(msgspec.Struct):
    code: str

    def __post_init__(self) -> None:
        try:
            int(self.code)
        except ValueError as exc:
            raise ValueError("must be a number") from exc


@attrs.define
class Count:
    code: int = attrs.field(converter=int)


@attrs.define
class Typed:
    code: str = attrs.field(validator=attrs.validators.not_(attrs.validators.instance_of(str)))


def read(kind: Any, raw: Any) -> dict[str, str]:
    found = Misfits()
    Validator(kind).read(raw, "body", found)
    return {m["path"]: m["message"] for m in found.found}


@pytest.mark.parametrize("many", [0, SEARCHED], ids=["one", "many"])
@pytest.mark.parametrize("kind", [Coupon, Doc])
def test_the_text_of_what_a_class_calls_is_not_told(kind: Any, many: int) -> None:
    raw = [{"code": "1"}] * many if kind is Coupon else [{"code": "a"}] * many
    assert read(list[kind], [*raw, {"code": "s3cret"}]) == {f"body[{many}]": "is not valid"}


def test_what_a_class_raises_itself_is_told() -> None:
    assert read(Said, {"code": "s3cret"}) == {"body": "must be a number"}


def test_what_a_converter_in_c_refuses_is_told_with_its_field() -> None:
    value: Any
    for value in ("s3cret", [], {}):
        assert read(Count, {"code": value}).keys() == {"body.code"}


def test_a_validator_of_attrs_that_raises_a_type_error_is_a_misfit() -> None:
    (message,) = read(Typed, {"code": "s3cret"}).values()
    assert "s3cret" not in message


class Controller:
    @http("POST", "/bug", "bug")
    async def bug(self, body: Bug) -> None: ...

    @http("POST", "/broken", "broken")
    async def broken(self, body: list[Broken]) -> None: ...


@pytest.mark.parametrize(
    ("route", "body", "error"),
    [
        ("bug", {"code": "s3cret"}, "TypeError"),
        ("broken", [{"code": "s3cret"}], "AttributeError"),
    ],
)
async def test_a_bug_of_a_class_is_500_and_logged(
    client_of: ClientOf, caplog: pytest.LogCaptureFixture, route: str, body: Any, error: str
) -> None:
    response = await client_of(Controller).http(route, body=body)

    assert response.content == {"statusCode": 500, "message": "Internal Server Error"}
    assert error in caplog.text
    assert "post_init" in caplog.text
