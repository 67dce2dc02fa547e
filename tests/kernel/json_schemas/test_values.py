"""Binding accepts each value that matches the schema of its type. What is sent matches it too."""

import enum
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Annotated, Any, Literal, NamedTuple, NotRequired, TypedDict
from uuid import UUID

import attrs
import msgspec
import pytest
import schemathesis
from attrs import validators
from hypothesis import HealthCheck, given, settings
from jsonschema_rs import Draft202012Validator
from msgspec import UNSET, Meta, UnsetType

from rxkernel import JsonSchemas, Scalar, Serializer, Validator
from rxkernel.routing.scalars import Scalars


class Color(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Size(enum.IntEnum):
    S = 1
    L = 2


@attrs.frozen
class Ruled:
    name: str = attrs.field(validator=[validators.min_len(1), validators.max_len(5)])
    slug: str = attrs.field(validator=validators.matches_re("[a-z]{1,3}"))
    stars: int = attrs.field(default=1, validator=[validators.ge(1), validators.lt(6)])
    kind: str = attrs.field(default="a", validator=validators.in_(["a", "b"]))
    maybe: str | None = attrs.field(
        default=None, validator=validators.optional(validators.in_(["x"]))
    )
    items: list[int] = attrs.field(factory=list, validator=validators.max_len(2))
    hidden: bool = attrs.field(default=False, init=False)


def stripped(text: str) -> str:
    return text.strip()


@attrs.frozen
class Converted:
    name: str = attrs.field(converter=stripped)
    number: int = attrs.field(default=0, converter=int)


@dataclass
class Plain:
    a: int
    b: Color = Color.RED
    c: list[str] = field(default_factory=list)


class Camel(msgspec.Struct, rename="camel"):
    ship_from: str
    weight_kg: float = msgspec.field(name="kg", default=1.0)


class Change(msgspec.Struct):
    title: str | UnsetType = UNSET
    note: str | UnsetType | None = UNSET


class Row(msgspec.Struct, array_like=True):
    a: int
    b: str = ""


class Cat(msgspec.Struct, tag="cat"):
    lives: int = 9


class Dog(msgspec.Struct, tag="dog"):
    name: str


class Typed(TypedDict):
    a: int
    b: NotRequired[str]


class Point(NamedTuple):
    x: int
    y: int = 0


@attrs.frozen
class Card:
    method: Literal["card"]
    number: str


@attrs.frozen
class Transfer:
    account: str
    method: Literal["transfer", "debit"] = "transfer"


@attrs.frozen
class Tree:
    value: int
    children: "list[Tree]" = attrs.field(factory=list)


class Money:
    def __init__(self, text: str) -> None:
        self.text = text


SCALARS = Scalars()
SCALARS.add(Scalar(Money, decode=Money, encode=lambda money: money.text), "the test")

TYPES = {
    "int": int,
    "float": float,
    "str": str,
    "bool": bool,
    "bytes": bytes,
    "limited bytes": Annotated[bytes, Meta(min_length=4, max_length=7)],
    "datetime": datetime,
    "aware datetime": Annotated[datetime, Meta(tz=True)],
    "date": date,
    "time": time,
    "aware time": Annotated[time, Meta(tz=True)],
    "timedelta": timedelta,
    "decimal": Decimal,
    "uuid": UUID,
    "enum": Color,
    "int enum": Size,
    "literal": Literal["a", 1, None],
    "limited int": Annotated[int, Meta(gt=0, le=10, multiple_of=2)],
    "limited float": Annotated[float, Meta(ge=0, lt=1)],
    "limited str": Annotated[str, Meta(min_length=2, max_length=3)],
    "pattern": Annotated[str, Meta(pattern="^[a-z]+$")],
    "optional": int | None,
    "union": int | str | list[bool] | None,
    "list": Annotated[list[int], Meta(min_length=1, max_length=3)],
    "set": set[int],
    "limited set": Annotated[set[int], Meta(min_length=2)],
    "frozenset": frozenset[str],
    "tuple": tuple[int, str],
    "empty tuple": tuple[()],
    "variable tuple": tuple[int, ...],
    "named tuple": Point,
    "mapping": Annotated[dict[str, int], Meta(max_length=3)],
    "int keys": dict[int, str],
    "enum keys": dict[Color, int],
    "date keys": dict[date, int],
    "uuid keys": dict[UUID, int],
    "any": Any,
    "dict": dict[str, Any],
    "attrs rules": Ruled,
    "converter": Converted,
    "dataclass": Plain,
    "renamed struct": Camel,
    "unset": Change,
    "array": Row,
    "tagged": Cat,
    "tagged union": Cat | Dog,
    "typed dict": Typed,
    "union of classes": Card | Transfer,
    "mixed union of classes": Card | Transfer | int | None,
    "list of unions": list[Card | Transfer],
    "recursive": Tree,
    "scalar": Money,
    "optional scalar": Money | None,
}


def document_of(types: dict[str, Any]) -> dict[str, Any]:
    """An OpenAPI document with one operation for each type, which is the type of its body."""
    schemas = JsonSchemas(SCALARS)
    paths = {f"/{name}": {"post": _operation(schemas.input(types[name]))} for name in types}
    return {
        "openapi": "3.1.0",
        "info": {"title": "types", "version": "1"},
        "paths": schemas.resolve(paths),
        "components": {"schemas": schemas.components},
    }


def _operation(schema: dict[str, Any]) -> dict[str, Any]:
    content = {"application/json": {"schema": schema}}
    return {
        "requestBody": {"required": True, "content": content},
        "responses": {"200": {"description": "OK"}},
    }


DOCUMENT = schemathesis.openapi.from_dict(document_of(TYPES))


@pytest.mark.parametrize("name", TYPES)
def test_value_of_input_schema_is_accepted_and_sent_value_matches_output_schema(name: str) -> None:
    validator, serializer = Validator(TYPES[name], scalars=SCALARS), Serializer(SCALARS)
    output = output_validator(TYPES[name])

    @settings(deadline=None, max_examples=50, suppress_health_check=list(HealthCheck))
    @given(case=DOCUMENT[f"/{name}"]["POST"].as_strategy())
    def check(case: Any) -> None:
        value = validator.validate(whole(msgspec.json.decode(msgspec.json.encode(case.body))))

        output.validate(msgspec.json.decode(serializer.encode_json(value)))

    check()


def output_validator(type_: Any) -> Draft202012Validator:
    schemas = JsonSchemas(SCALARS)
    schema = schemas.resolve(schemas.output(type_))
    return Draft202012Validator({**schema, "components": {"schemas": schemas.components}})


def whole(value: Any) -> Any:
    """*value* with whole numbers as JavaScript writes them: 2, not 2.0."""
    if isinstance(value, dict):
        return {key: whole(each) for key, each in value.items()}
    if isinstance(value, list):
        return [whole(each) for each in value]
    is_whole = isinstance(value, float) and value.is_integer() and abs(value) < 2**53
    return int(value) if is_whole else value
