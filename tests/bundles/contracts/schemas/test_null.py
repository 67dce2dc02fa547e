"""Null is checked as every other value, unless the notation allows it."""

from typing import Any

import pytest

from bundles.contracts.schemas import Schemas, compile_schema
from rxkernel import UnprocessableEntityException


def _is_given(value: Any) -> bool:
    return value is not None


MIXED = {"enum": ["x", 1]}


@pytest.mark.parametrize(
    ("notation", "value", "code"),
    [
        ({"a": MIXED}, {"a": None}, "choice"),
        ({"a": {"enum": [1.5, True]}}, {"a": None}, "choice"),
        ({"a": {"type": "enum", "enum": ["x", 1, False]}}, {"a": None}, "choice"),
        ({"array": MIXED}, [None], "choice"),
        ([MIXED], [None], "choice"),
        ({"object": {"string": MIXED}}, {"a": None}, "choice"),
        ({"a": {"type": "any", "validate": _is_given}}, {"a": None}, "invalid"),
    ],
)
def test_null_that_does_not_fit_is_an_error(notation: Any, value: Any, code: str) -> None:
    with pytest.raises(UnprocessableEntityException) as raised:
        compile_schema(notation).validate(value)
    assert [entry["code"] for entry in raised.value.errors] == [code]


@pytest.mark.parametrize(
    ("notation", "value"),
    [
        ({"a?": MIXED}, {"a": None}),
        ({"a": {"enum": ["x", 1], "required": False}}, {"a": None}),
        ({"a": {"enum": ["x", 1, None]}}, {"a": None}),
        ({"a": {"type": "?any", "validate": _is_given}}, {"a": None}),
        ({"a": "any"}, {"a": None}),
    ],
)
def test_null_that_fits_is_valid(notation: Any, value: Any) -> None:
    assert Schemas().compile(notation).validate(value) == value
