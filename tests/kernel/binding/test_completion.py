"""A dataclass that was bound or converted has all its fields, as if its constructor had run."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Generic, NamedTuple, NotRequired, TypedDict, TypeVar

import attrs
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rxkernel.kernel.binding.completion import completion_of
from rxkernel.kernel.binding.response_shape import Shaper
from rxkernel.kernel.binding.schema_reader import read_schema
from rxkernel.kernel.binding.validation_errors import ValidationErrors
from rxkernel.kernel.binding.validator import Validator
from rxkernel.kernel.serialization import to_plain

T = TypeVar("T")


@dataclass(frozen=True)
class Coin:
    value: int = 1
    note: str | None = None


class Pair(NamedTuple):
    left: Coin
    right: Coin = Coin(2)


PAIR = Pair(Coin())


class Purse(TypedDict):
    coins: list[Coin]
    lost: NotRequired[Coin]


class Tagged(msgspec.Struct, tag=True):
    coin: Coin


class Other(msgspec.Struct, tag=True):
    coins: tuple[Coin, ...] = ()


class Cell(msgspec.Struct, array_like=True):
    coin: Coin


class Left(msgspec.Struct, array_like=True, tag="left"):
    size: int


class Right(msgspec.Struct, array_like=True, tag="right"):
    coin: Coin


@attrs.frozen
class Box:
    coin: Coin
    price: int = 1


@dataclass
class Page(Generic[T]):
    items: list[T]
    total: int = 0


@dataclass(frozen=True)
class Inherited(Coin):
    pass


@dataclass
class Base:
    tags: tuple[int, ...] = (1,)
    name: str = "base"


@dataclass
class Remade(Base):
    tags: list[int] = field(default_factory=list)  # type: ignore[assignment]
    name: str = field(kw_only=True)


@dataclass
class Counted:
    name: str
    count: int = 5

    def __post_init__(self) -> None:
        self.count += 1


@dataclass
class Everything:
    name: str
    price: int = 1
    coin: Coin = Coin(3)
    spare: Coin | None = None
    many: list[Coin] = field(default_factory=list)
    by_name: dict[str, Coin] = field(default_factory=dict)
    pair: Pair = PAIR
    row: tuple[int, Coin] | None = None
    purse: Purse | int = 0
    tagged: Tagged | Other | None = None
    child: "Everything | None" = None


COIN = st.fixed_dictionaries({}, optional={"value": st.integers(0, 9), "note": st.just("n")})
EVERYTHING: st.SearchStrategy[Any] = st.deferred(
    lambda: st.fixed_dictionaries(
        {"name": st.just("x")},
        optional={
            "price": st.integers(0, 9),
            "coin": COIN,
            "spare": st.none() | COIN,
            "many": st.lists(COIN, max_size=3),
            "by_name": st.dictionaries(st.sampled_from("ab"), COIN),
            "pair": st.tuples(COIN, COIN) | st.tuples(COIN),
            "row": st.tuples(st.just(1), COIN),
            "purse": st.fixed_dictionaries(
                {"coins": st.lists(COIN, max_size=2)}, optional={"lost": COIN}
            ),
            "tagged": st.fixed_dictionaries({"type": st.just("Tagged"), "coin": COIN})
            | st.fixed_dictionaries({"type": st.just("Other"), "coins": st.lists(COIN)}),
            "child": EVERYTHING,
        },
    )
)


def constructed(raw: dict[str, Any]) -> Everything:
    """Return the instance that the constructors create."""

    def coin(value: dict[str, Any]) -> Coin:
        return Coin(**value)

    given: dict[str, Any] = dict(raw)
    makers: dict[str, Callable[[Any], Any]] = {
        "coin": coin,
        "spare": lambda v: None if v is None else coin(v),
        "many": lambda v: [coin(c) for c in v],
        "by_name": lambda v: {k: coin(c) for k, c in v.items()},
        "pair": lambda v: Pair(*map(coin, v)),
        "row": lambda v: (v[0], coin(v[1])),
        "purse": lambda v: {k: coin(c) if k == "lost" else [*map(coin, c)] for k, c in v.items()},
        "tagged": lambda v: (
            Tagged(coin(v["coin"])) if "coin" in v else Other(tuple(map(coin, v["coins"])))
        ),
        "child": constructed,
    }
    for name, make in makers.items():
        if name in given:
            given[name] = make(given[name])
    return Everything(**given)


@given(EVERYTHING)
def test_bound_dataclass_is_encoded_with_every_field(raw: dict[str, Any]) -> None:
    errors = ValidationErrors()

    bound = Validator(Everything).read(raw, "body", errors)

    assert errors.entries == []
    assert to_plain(bound) == to_plain(constructed(raw))


@given(EVERYTHING)
def test_returned_dataclass_is_encoded_with_every_field(raw: dict[str, Any]) -> None:
    assert to_plain(Shaper(Everything, "here").shape(raw)) == to_plain(constructed(raw))


@pytest.mark.parametrize(
    ("type_", "raw", "whole"),
    [
        (Box, {"coin": {}}, {"coin": {"value": 1, "note": None}, "price": 1}),
        (Cell, [{}], [{"value": 1, "note": None}]),
        (Left | Right, ["right", {}], ["right", {"value": 1, "note": None}]),
        (Page[Coin], {"items": [{}]}, {"items": [{"value": 1, "note": None}], "total": 0}),
        (list[Coin], [{}], [{"value": 1, "note": None}]),
        (set[Coin], [{}], [{"value": 1, "note": None}]),
        (Counted, {"name": "a"}, {"name": "a", "count": 6}),
        (Inherited, {"note": "n"}, {"value": 1, "note": "n"}),
        (Remade, {"name": "a"}, {"tags": [], "name": "a"}),
    ],
)
def test_dataclass_in_any_container_has_every_field(type_: Any, raw: Any, whole: Any) -> None:
    errors = ValidationErrors()

    bound = Validator(type_).read(raw, "body", errors)

    assert errors.entries == []
    assert to_plain(bound) == to_plain(Shaper(type_, "here").shape(raw)) == whole


def test_required_field_with_default_in_base_class_is_missing() -> None:
    errors = ValidationErrors()

    Validator(Remade).read({}, "body", errors)

    assert errors.entries == [{"path": "body.name", "code": "missing", "message": "is missing"}]


def test_default_factory_runs_for_each_instance() -> None:
    one, two = (
        Validator(Remade).read({"name": "a"}, "body", ValidationErrors()) for _ in range(2)
    )

    assert one.tags is not two.tags


@dataclass
class Required:
    name: str
    tags: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Slotted:
    name: str
    price: int = 1


@attrs.define(slots=False)
class Dictionary:
    name: str
    price: int = 1


@pytest.mark.parametrize(
    "type_", [int, list[str], Required, Slotted, Dictionary, Slotted | None, dict[str, Slotted]]
)
def test_type_without_missing_defaults_needs_no_completion(type_: Any) -> None:
    assert completion_of(read_schema(type_)) is None
