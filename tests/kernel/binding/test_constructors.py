"""A class is created by its constructor, and its converters get the values that were sent."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import attrs
import pytest

from rxkernel import ValidationError
from rxkernel.kernel.binding.validation_errors import ValidationErrors
from rxkernel.kernel.binding.validator import Validator


def check(cents: int) -> None:
    if cents < 0:
        raise ValidationError("must not be negative")


@attrs.define
class Amount:
    cents: int

    def __init__(self, cents: int) -> None:
        check(cents)
        self.__attrs_init__(cents)  # type: ignore[attr-defined]


@dataclass(init=False)
class AmountOfDataclass:
    cents: int

    def __init__(self, cents: int) -> None:
        check(cents)
        self.cents = cents


@dataclass
class WrittenInPlace:
    cents: int

    def __init__(self, cents: int) -> None:
        check(cents)
        self.cents = cents


@attrs.define
class Base:
    cents: int


class Derived(Base):
    def __init__(self, cents: int) -> None:
        check(cents)
        super().__init__(cents)


@attrs.define
class Before:
    cents: int

    def __attrs_pre_init__(self, cents: int) -> None:
        check(cents)


@dataclass
class Made:
    cents: int

    def __new__(cls, cents: int) -> "Made":
        check(cents)
        return super().__new__(cls)


@attrs.define(init=False)
class Renamed:
    cents: int

    def __init__(self, amount: int) -> None:
        self.cents = amount


@attrs.define(init=False)
class Free:
    cents: int

    def __init__(self, cents: int = 7) -> None:
        self.cents = cents


OWN = (Amount, AmountOfDataclass, WrittenInPlace, Derived, Before, Made)


def split(text: str) -> list[str]:
    return text.split(",")


def late(text: "Text") -> str:
    return text[0]


Text = list[str]


def on(when: date | Path) -> date:
    return date.fromisoformat(str(when))


def of_note(note: "Note | None") -> "Note | None":
    return note


@attrs.define
class Note:
    tags: Any = attrs.field(converter=split)
    when: Any = attrs.field(converter=date.fromisoformat, default="2026-01-01")  # type: ignore[misc]
    on: Any = attrs.field(converter=on, default="2026-01-01")
    count: Any = attrs.field(converter=attrs.converters.optional(int), default=None)
    first: Any = attrs.field(converter=late, factory=lambda: ["a"])
    answer: Any = attrs.field(converter=of_note, default=None)


def read(kind: Any, raw: Any) -> Any:
    found = ValidationErrors()
    value = Validator(kind).read(raw, "body", found)
    return {m["path"]: m["message"] for m in found.entries} or value


@pytest.mark.parametrize("kind", OWN)
def test_hand_written_constructor_is_called(kind: Any) -> None:
    assert read(kind, {"cents": 5}).cents == 5
    assert read(list[kind], [{"cents": -5}]) == {"body[0]": "must not be negative"}
    assert read(kind, {}) == {"body.cents": "is missing"}


def test_field_with_default_in_hand_written_constructor_is_optional() -> None:
    assert read(Free, {}).cents == 7


def test_constructor_that_does_not_take_the_fields_is_rejected_at_boot() -> None:
    with pytest.raises(TypeError, match=r"the constructor of Renamed .* arguments cents"):
        Validator(Renamed)


def test_converter_gets_its_annotated_type_or_the_raw_value() -> None:
    raw = {"tags": "a,b", "when": "2026-02-03", "on": "2026-02-03", "first": ["x"]}
    made = Note("a,b", "2026-02-03", date(2026, 2, 3), None, ["x"])
    assert read(Note, raw) == made
    assert read(Note, {"tags": "a", "answer": raw}) == Note("a", answer=made)
    assert read(Note, {"tags": ["a"], "first": "x"}) == {
        "body.tags": "expected str, got array",
        "body.first": "expected array, got str",
    }
    assert read(Note, {"tags": "a", "when": "s3cret"}) == {"body.when": "is not valid"}
