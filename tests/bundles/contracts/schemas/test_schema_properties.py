"""Properties of all notations: any value is converted, or rejected with texts."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bundles.contracts.schemas import Schema, compile_definitions, compile_schema
from rxkernel import UnprocessableEntityException, encode_json

NAMES = st.text("abc.[]0", min_size=1, max_size=3).map(lambda name: f"x{name}")
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text("ab.[0", max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=10,
)
SCALARS: dict[str, st.SearchStrategy[Any]] = {
    "string": st.text(max_size=3),
    "number": st.integers() | st.floats(allow_nan=False, allow_infinity=False),
    "boolean": st.booleans(),
    "bigint": st.integers(),
    "any": JSON.filter(lambda value: value == value),
}
Case = tuple[Any, st.SearchStrategy[Any]]


def optional(case: Case) -> Case:
    notation, values = case
    return {"schema": notation, "required": False}, st.none() | values


def array(case: Case) -> Case:
    return {"array": case[0]}, st.lists(case[1], max_size=3)


def dictionary(case: Case) -> Case:
    return {"object": {"string": case[0]}}, st.dictionaries(NAMES, case[1], max_size=3)


def struct(cases: dict[str, Case]) -> Case:
    return (
        {"Struct": {}, **{name: notation for name, (notation, _) in cases.items()}},
        st.fixed_dictionaries({name: values for name, (_, values) in cases.items()}),
    )


def is_same(one: Any, other: Any) -> bool:
    """Whether both are equal and have the same types; the order of names does not count."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(is_same(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(is_same, one, other))
    return bool(one == other)


CASES = st.recursive(
    st.sampled_from([*SCALARS.items()])
    | st.lists(st.sampled_from(["a", "b", 1, 2.5, True, None]), min_size=1, unique_by=repr).map(
        lambda values: ({"enum": values}, st.sampled_from(values))
    ),
    lambda inner: (
        inner.map(array)
        | inner.map(dictionary)
        | inner.map(optional)
        | st.dictionaries(NAMES, inner, max_size=3).map(struct)
    ),
    max_leaves=6,
)


def errors_of(schema: Schema, value: Any) -> list[dict[str, Any]]:
    try:
        schema.validate(value)
    except UnprocessableEntityException as exc:
        errors: list[dict[str, Any]] = exc.errors
        return errors
    return []


@given(data=st.data(), case=CASES)
def test_value_that_fits_is_returned_unchanged(data: st.DataObject, case: Case) -> None:
    notation, values = case
    value = data.draw(values)
    assert is_same(compile_schema(notation).validate(value), value)


@given(case=CASES, value=JSON)
def test_any_value_is_accepted_or_rejected_with_texts(case: Case, value: Any) -> None:
    schema = compile_schema(case[0])
    encode_json(schema.json_schema())
    for error in errors_of(schema, value):
        assert error["path"].startswith("body")
        assert error["message"].startswith(('Field "', "Value "))


@given(value=JSON)
def test_any_value_of_definitions_is_accepted_or_rejected(value: Any) -> None:
    schema = compile_definitions(
        {
            "a": {"xa": "[number]", "xb": "[{{b}}]", "_other": "{b}"},
            "b": {"xa": "[size]", "xb": "[duration]", "_other": "[{a}]"},
        }
    )
    for error in errors_of(schema, value):
        assert error["message"].startswith("Unexpected ")


@pytest.mark.parametrize("text", ["x" * 10_000, "9" * 10_000, "1mb" * 5000, "1d" * 5000])
def test_hostile_quantity_is_converted_or_rejected(text: str) -> None:
    schema = compile_definitions({"a": {"b": "[size]", "c": "[duration]"}})
    for name in ("b", "c"):
        assert [error["code"] for error in errors_of(schema, {name: text})] in (
            [],
            ["format"],
            ["out_of_range"],
        )
