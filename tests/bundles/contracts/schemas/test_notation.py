"""Metarhia's notation of schemas: which values it accepts, and the texts of its errors.

The texts are the same as in metaschema 2.2.2, except where metaschema has a fault: see the rows
with "(fault)".
"""

import math
import sys
from datetime import date
from decimal import Decimal
from typing import Any

import attrs
import pytest

from bundles.contracts.schemas import Schema, Schemas, compile_schema
from rxkernel import UnprocessableEntityException, ValidationError


def no_spaces(value: str) -> bool:
    return " " not in value


def one_text(value: str) -> str | None:
    return None if no_spaces(value) else "has a space"


def two_texts(value: dict[str, Any]) -> list[str]:
    return [] if value["low"] <= value["high"] else ["low is too high", 'Field "high" is too low']


def raises(value: str) -> None:
    if not no_spaces(value):
        raise ValidationError("has a space", code="space")


def raises_value_error(value: str) -> None:
    int(value)


SCHEMAS = Schemas(
    {
        "Person": {"name": "string", "address": "Address", "age?": "number"},
        "Address": {"city": "string"},
        "Home": {"guests": {"many": "Person"}, "owner": "?Person"},
        "Tree": {"value": "number", "children": {"array": "Tree"}},
        "City": {
            "Entity": {},
            "name": {"type": "string", "unique": True},
            "byName": {"unique": ["name"]},
            "byMore": {"index": ["name", "type"]},
            "type": "string",
            "note": "?string",
            "country": {"type": "string", "length": 2},
        },
        "CityName": {"Projection": {"schema": "City", "fields": ["name", "country"]}},
        "Login": {"Form": {}, "login": "string"},
        "Own": {"Gadget": {"any": 1}, "string": "number", "more": "?string"},
    }
)
NESTED = compile_schema({"b": "string"})


@attrs.frozen
class Row:
    """A row of the table: a notation, valid values, and invalid values with the texts of all their
    errors."""

    name: str
    notation: Any
    valid: list[Any]
    invalid: list[tuple[Any, list[str]]] = attrs.field(factory=list)


def anything(*values: Any) -> tuple[Any, ...]:
    return values


def wrong(field: str, expected: str) -> list[str]:
    return [f'Field "{field}" not of expected type: {expected}']


TYPES: list[tuple[str, list[Any], Any]] = [
    ("int", [{"a": 1}], 1.5),
    ("i8", [{"a": -128}], 128),
    ("u8", [{"a": 255}], -1),
    ("u64", [{"a": 2**64 - 1}], 2**64),
    ("i64", [{"a": -(2**63)}], 2**63),
    ("f32", [{"a": 0.5}], 1e39),
    ("f64", [{"a": 1e300}], "1"),
    ("text", [{"a": "x"}], 1),
    ("date", [], "2020-02-30"),
    ("datetime", [], "x"),
    ("time", [], "25:00"),
    ("money", [], "x"),
    ("uuid", [], "x"),
]

ROWS = [
    Row("string", {"a": "string"}, [{"a": "a"}, {"a": ""}], [({"a": 1}, wrong("a", "string"))]),
    Row(
        "number",
        {"a": "number"},
        [{"a": 1}, {"a": 1.5}, {"a": -(2**70)}],
        [
            ({"a": "1"}, wrong("a", "number")),
            ({"a": True}, wrong("a", "number")),
            ({"a": None}, wrong("a", "number")),
        ],
    ),
    Row(
        "number is finite (fault)",
        {"a": "number"},
        [],
        [({"a": n}, wrong("a", "number")) for n in (math.nan, math.inf, -math.inf)],
    ),
    Row("boolean", {"a": "boolean"}, [{"a": False}], [({"a": 0}, wrong("a", "boolean"))]),
    Row("bigint", {"a": "bigint"}, [{"a": 2**80}], [({"a": 1.5}, wrong("a", "bigint"))]),
    *(
        Row(
            f"optional, {name}",
            notation,
            [{}, {"a": None}, {"a": "x"}],
            [({"a": 1}, wrong("a", "string"))],
        )
        for name, notation in {
            "?string": {"a": "?string"},
            "required false": {"a": {"type": "string", "required": False}},
            "key with ?": {"a?": "string"},
        }.items()
    ),
    Row(
        "struct",
        {"a": "number", "b": "?string"},
        [{"a": 1}, {"a": 1, "b": "x"}],
        [
            ({}, ['Field "a" is required']),
            ({"a": 1, "c": 2}, ['Field "c" is not expected']),
            (
                {"b": 1, "c": 2},
                ['Field "a" is required', *wrong("b", "string"), 'Field "c" is not expected'],
            ),
        ],
    ),
    Row(
        "nested struct",
        {"a": {"b": "string"}},
        [{"a": {"b": "x"}}],
        [
            ({"a": {}}, ['Field "a.b" is required']),
            ({"a": {"b": 1, "c": 2}}, [*wrong("a.b", "string"), 'Field "a.c" is not expected']),
        ],
    ),
    Row(
        "null for a struct (fault)",
        {"a": {"b": "string"}},
        [],
        [({"a": None}, wrong("a", "object"))],
    ),
    Row(
        "optional struct",
        {"a": {"schema": {"b": "string"}, "required": False}},
        [{}, {"a": None}, {"a": {"b": "x"}}],
        [({"a": {}}, ['Field "a.b" is required'])],
    ),
    *(
        Row(
            f"array, {name}",
            {"a": notation},
            [{"a": []}, {"a": [1, 2.5]}],
            [
                ({"a": [1, "2"]}, wrong("a[1]", "number")),
                ({"a": {"0": 1}}, wrong("a", "array")),
                ({"a": ["1", None]}, wrong("a[0]", "number") + wrong("a[1]", "number")),
            ],
        )
        for name, notation in {
            "shorthand": {"array": "number"},
            "long": {"type": "array", "value": "number"},
        }.items()
    ),
    Row(
        "nested array",
        {"a": {"array": {"array": "number"}}},
        [{"a": [[1], []]}],
        [({"a": [[1], ["x"]]}, wrong("a[1][0]", "number"))],
    ),
    *(
        Row(
            f"tuple, {name}",
            {"a": notation},
            [],
            [
                ({"a": ["x", "y"]}, wrong("a(item1)", "number")),
                ({"a": ["x"]}, wrong("a(item1)", "number")),
                (
                    {"a": ["x", 1, 2]},
                    ['Field "a" value length is more then expected in tuple'],
                ),
                ({"a": "x"}, wrong("a", "tuple")),
            ],
        )
        for name, notation in {
            "shorthand": ["string", "number"],
            "tuple": {"tuple": ["string", "number"]},
            "long": {"type": "tuple", "value": ["string", "number"]},
        }.items()
    ),
    Row(
        "tuple with names",
        {"a": [{"sum": "number"}, {"length": "string"}]},
        [],
        [
            ({"a": [1]}, wrong("a(length1)", "string")),
            ({"a": ["1", "x"]}, wrong("a(sum0)", "number")),
        ],
    ),
    *(
        Row(
            f"dictionary, {name}",
            {"a": notation},
            [{"a": {"k": 1}}, {"a": {"x.y": 1, "[0]": 2}}],
            [
                ({"a": {"k": "1"}}, wrong("a.k", "number")),
                ({"a": {"x.y": "1"}}, wrong("a.x.y", "number")),
                ({"a": []}, wrong("a", "object")),
            ],
        )
        for name, notation in {
            "shorthand": {"object": {"string": "number"}},
            "long": {"type": "object", "key": "string", "value": "number"},
            "documented (fault)": {"string": "number"},
            "map (fault)": {"map": {"string": "number"}},
        }.items()
    ),
    Row("empty dictionary (fault)", {"a": {"object": {"string": "number"}}}, [{"a": {}}]),
    Row(
        "set (fault)",
        {"a": {"set": "string"}},
        [],
        [({"a": ["x", 1]}, wrong("a[1]", "string")), ({"a": "x"}, wrong("a", "set"))],
    ),
    *(
        Row(
            f"enum, {name}",
            {"a": notation},
            [{"a": "admin"}, {"a": "user"}],
            [
                ({"a": value}, ['Field "a" value is not of enum: admin, user'])
                for value in anything("x", 1, None, [])
            ],
        )
        for name, notation in {
            "shorthand": {"enum": ["admin", "user"]},
            "long": {"type": "enum", "enum": ["admin", "user"]},
        }.items()
    ),
    Row(
        "enum of any scalars",
        {"a": {"enum": ["x", 1, 2.5, True, None]}},
        [{"a": value} for value in ("x", 1, 2.5, True, None)],
        [
            ({"a": value}, ['Field "a" value is not of enum: x, 1, 2.5, true, null'])
            for value in anything(False, 2, "1", "null", [], {})
        ],
    ),
    Row(
        "json",
        {"a": "json"},
        [{"a": {}}, {"a": []}, {"a": {"x": [1]}}],
        [({"a": value}, wrong("a", "object")) for value in (None, 1, "x")],
    ),
    *(
        Row(
            f"length of a text, {name}",
            {"a": {"type": "string", "length": length}},
            [{"a": "123"}],
            [({"a": "12345"}, ['Field "a" exceeds the maximum length'])],
        )
        for name, length in {"n": 4, "pair": [2, 4], "dict": {"min": 2, "max": 4}}.items()
    ),
    Row(
        "length of a text, minimum",
        {"a": {"type": "string", "length": {"min": 2}}},
        [{"a": "12"}],
        [({"a": "1"}, ['Field "a" value is too short'])],
    ),
    Row(
        "length of an array",
        {"a": {"array": "number", "length": [1, 2]}},
        [{"a": [1]}],
        [
            ({"a": []}, ['Field "a" value is too short']),
            ({"a": [1, 2, 3]}, ['Field "a" exceeds the maximum length']),
        ],
    ),
    Row(
        "length of a number is its range",
        {"a": {"type": "number", "length": [0, 10]}},
        [{"a": 0}, {"a": 9.5}],
        [
            ({"a": -1}, ['Field "a" value is too short']),
            ({"a": 10.5}, ['Field "a" exceeds the maximum length']),
        ],
    ),
    Row(
        "validate, false",
        {"a": {"type": "string", "validate": no_spaces}},
        [{"a": "x"}],
        [({"a": "x y"}, ['Field "a" validation error'])],
    ),
    Row(
        "validate, text",
        {"a": {"b": {"type": "string", "validate": one_text}}},
        [{"a": {"b": "x"}}],
        [({"a": {"b": "x y"}}, ['Field "a.b" has a space'])],
    ),
    Row(
        "validate of a struct, texts",
        {"a": {"low": "number", "high": "number", "validate": two_texts}},
        [{"a": {"low": 1, "high": 2}}],
        [
            (
                {"a": {"low": 3, "high": 2}},
                ['Field "a" low is too high', 'Field "high" is too low'],
            )
        ],
    ),
    Row(
        "validate, raised",
        {"a": {"type": "string", "validate": raises}},
        [{"a": "x"}],
        [({"a": "x y"}, ['Field "a" validation failed Error: has a space'])],
    ),
    Row(
        "validate, raised with a text that is not for clients",
        {"a": {"type": "string", "validate": raises_value_error}},
        [{"a": "1"}],
        [({"a": "secret"}, ['Field "a" validation failed'])],
    ),
    *(
        Row(
            f"reference, {name}",
            {"person": notation},
            [{"person": {"name": "x", "address": {"city": "y"}}}],
            [
                (
                    {"person": {"name": "x", "address": {}}},
                    ['Field "person.address.city" is required'],
                ),
                ({"person": None}, wrong("person", "object")),
            ],
        )
        for name, notation in {
            "name": "Person",
            "type": {"type": "Person"},
            "one": {"one": "Person"},
            "schema": {"schema": "Person"},
        }.items()
    ),
    Row(
        "reference as the whole",
        "Person",
        [{"name": "x", "address": {"city": "y"}}],
        [({"name": "x", "address": {}}, ['Field "address.city" is required'])],
    ),
    Row(
        "many",
        {"guests": {"many": "Address"}},
        [{"guests": []}, {"guests": [{"city": "x"}]}],
        [
            ({"guests": [{"city": "x"}, {}]}, ['Field "guests.city" is required']),
            ({"guests": {}}, wrong("guests", "array")),
        ],
    ),
    Row(
        "optional reference and recursion",
        "Tree",
        [{"value": 1, "children": [{"value": 2, "children": []}]}],
        [
            (
                {"value": 1, "children": [{"value": "2", "children": [{}]}]},
                [
                    *wrong("children[0].value", "number"),
                    'Field "children[0].children[0].value" is required',
                    'Field "children[0].children[0].children" is required',
                ],
            )
        ],
    ),
    Row(
        "Schema instance",
        {"a": NESTED, "c": {"schema": NESTED, "required": False}},
        [{"a": {"b": "x"}}],
        [({"a": {}, "c": {}}, ['Field "a.b" is required', 'Field "c.b" is required'])],
    ),
    Row(
        "computed field",
        {"a": "number", "double": lambda self: self["a"] * 2},
        [{"a": 1}, {"a": 1, "double": "anything"}],
    ),
    Row(
        "kind with an id, fields called type and note, and indexes",
        "City",
        [
            {"name": "x", "type": "y", "country": "it"},
            {"cityId": "1", "name": "x", "type": "y", "country": "it", "note": "z"},
        ],
        [
            (
                {"name": "x", "type": "y", "country": "ita", "byName": 1, "cityId": 1},
                [
                    'Field "country" exceeds the maximum length',
                    *wrong("cityId", "string"),
                    'Field "byName" is not expected',
                ],
            )
        ],
    ),
    Row(
        "kind in memory",
        "Login",
        [{"login": "x"}],
        [({"login": "x", "loginId": "1"}, ['Field "loginId" is not expected'])],
    ),
    Row("own kind, a field called string", "Own", [{"string": 1}]),
    Row("anonymous kind", {"Entity": {}, "name": "string"}, [{"id": "1", "name": "x"}]),
    Row(
        "Projection",
        "CityName",
        [{"name": "x", "country": "it"}],
        [({"name": "x", "country": "ita"}, ['Field "country" exceeds the maximum length'])],
    ),
    Row(
        "min and max (fault)",
        {"a": {"type": "number", "min": 1, "max": 2.5}},
        [{"a": 1}, {"a": 2.5}],
        [
            ({"a": 0.5}, ['Field "a" is less than 1']),
            ({"a": 3}, ['Field "a" is greater than 2.5']),
        ],
    ),
    Row(
        "min beyond 64 bits",
        {"a": {"type": "number", "min": 2**70}},
        [{"a": 2**70}, {"a": 1e22}],
        [({"a": 1}, [f'Field "a" is less than {2**70}'])],
    ),
    Row(
        "pattern (fault)",
        {"a": {"type": "string", "pattern": "^x+$"}},
        [{"a": "xx"}],
        [({"a": "y"}, ['Field "a" does not match the pattern ^x+$'])],
    ),
    Row(
        "union (fault)",
        {"a": {"union": ["string", "number", {"x": "number"}]}},
        [{"a": "x"}, {"a": 1}, {"a": {"x": 1}}],
        [
            ({"a": []}, wrong("a", "string | number | object")),
            ({"a": {"x": "1"}}, wrong("a.x", "number")),
        ],
    ),
    Row("object (fault)", {"a": "object"}, [{"a": {"x": 1}}], [({"a": []}, wrong("a", "object"))]),
    Row(
        "any (fault)", {"a": "any", "b": "?any"}, [{"a": value} for value in anything(None, 1, [])]
    ),
    Row("empty struct (fault)", {}, [{}], [({"a": 1}, ['Field "a" is not expected'])]),
    Row(
        "scalar as the whole (fault)",
        "string",
        ["x"],
        [({}, ["Value not of expected type: string"])],
    ),
    *(
        Row(
            f"documented type {name} (fault)", {"a": name}, valid, [({"a": bad}, wrong("a", name))]
        )
        for name, valid, bad in TYPES
    ),
]
PAIRS = [(row, value) for row in ROWS for value in row.valid]
WRONG = [(row, value, texts) for row in ROWS for value, texts in row.invalid]


def schema_of(row: Row) -> Schema:
    return compile_schema(row.notation, SCHEMAS)


def errors_of(schema: Schema, value: Any) -> Any:
    with pytest.raises(UnprocessableEntityException) as raised:
        schema.validate(value)
    return raised.value.errors


# T61
@pytest.mark.parametrize(("row", "value"), PAIRS, ids=[f"{r.name}: {v}" for r, v in PAIRS])
def test_valid_value_is_returned_unchanged(row: Row, value: Any) -> None:
    assert schema_of(row).validate(value) == value


# T61
@pytest.mark.parametrize(
    ("row", "value", "texts"), WRONG, ids=[f"{row.name}: {value}" for row, value, _ in WRONG]
)
def test_invalid_value_has_the_texts_of_metarhia(row: Row, value: Any, texts: list[str]) -> None:
    assert [error["message"] for error in errors_of(schema_of(row), value)] == texts


# T61
def test_int_and_float_of_a_number_keep_their_types() -> None:
    value = compile_schema({"a": "number", "b": "number"}).validate({"a": 5, "b": 5.0})
    assert (type(value["a"]), type(value["b"])) == (int, float)


# T61
def test_tuple_becomes_a_python_tuple_with_none_for_optional_items() -> None:
    assert compile_schema(["string", "number"]).validate(["x", 1]) == ("x", 1)
    value = compile_schema([{"sum": "number"}, "?string"]).validate([1])
    assert (value, value.sum) == ((1, None), 1)


# T61
def test_set_has_each_item_once() -> None:
    assert compile_schema({"set": "number"}).validate([1, 2, 1]) == {1, 2}


# T61
def test_value_of_a_documented_type_has_its_python_type() -> None:
    value = compile_schema({"a": "date", "b": "money"}).validate({"a": "2020-02-29", "b": "1.10"})
    assert value == {"a": date(2020, 2, 29), "b": Decimal("1.10")}


# T61
def test_missing_field_with_a_default_gets_the_default() -> None:
    """metaschema has a fault: a field with a default is required."""
    schema = compile_schema(
        {
            "a": {"type": "number", "default": 5},
            "b": {"c": {"array": "string", "default": ["x"]}},
            "d": {"type": "date", "default": "2020-02-29"},
        }
    )
    value = schema.validate({"b": {}})
    assert value == {"a": 5, "b": {"c": ["x"]}, "d": date(2020, 2, 29)}
    value["b"]["c"].append("y")
    assert schema.validate({"a": 1, "b": {}})["b"]["c"] == ["x"]


# T61
def test_named_schema_begins_the_path_with_its_name() -> None:
    value = {"guests": [{"name": "x", "address": {}}, {"name": 1}]}
    assert [(e["path"], e["message"]) for e in errors_of(SCHEMAS["Home"], value)] == [
        ("body.guests[0].address.city", 'Field "Home.guests.address.city" is required'),
        ("body.guests[1].name", 'Field "Home.guests.name" not of expected type: string'),
        ("body.guests[1].address", 'Field "Home.guests.address" is required'),
    ]


# T62
def test_nested_reference_names_the_path() -> None:
    schema = compile_schema({"person": "Person"}, SCHEMAS)
    [error] = errors_of(schema, {"person": {"name": "x", "address": {}}})
    assert error == {
        "path": "body.person.address.city",
        "code": "missing",
        "message": 'Field "person.address.city" is required',
    }


# T14, T15, T16
def test_invalid_parameters_have_codes_of_rxkernel_and_texts_of_metarhia() -> None:
    """This is the default profile."""
    schema = compile_schema({"a": "number", "b": "number"})
    [error] = errors_of(schema, {"a": 1, "b": "2"})
    assert error == {
        "path": "body.b",
        "code": "type",
        "message": 'Field "b" not of expected type: number',
        "params": {"expected": "int | float", "got": "str"},
    }
    texts = [error["message"] for error in errors_of(schema, {})]
    assert "; ".join(texts) == 'Field "a" is required; Field "b" is required'
    [error] = errors_of(schema, {"a": 1, "b": 2, "c": 3})
    assert error["message"] == 'Field "c" is not expected'


# T17
def test_null_for_an_object_is_an_error() -> None:
    [error] = errors_of(compile_schema({"a": "number"}), None)
    assert (error["path"], error["message"]) == ("body", "Value not of expected type: object")


def test_dictionary_with_any_names_has_the_texts_of_its_values() -> None:
    """The kernel cuts a name in a path to 50 characters, and names may look like paths."""
    schema = compile_schema({"a": {"object": {"string": {"b": "number"}}}})
    for name in ("x" * 60, "x.y[0]", "b", "", "x.b", "é" * 50, "a.b." * 20):
        errors = errors_of(schema, {"a": {name: {"b": "1"}, "x": {"b": 1}}})
        assert [error["message"] for error in errors] == wrong(f"a.{name[:50]}.b", "number")


def test_errors_of_an_object_with_many_names_are_limited() -> None:
    schema = compile_schema({"object": {"string": {"b": "number"}}})
    value = {f"x.{n}": {"b": "1"} for n in range(100_000)}
    assert len(errors_of(schema, value)) == 50


def test_schema_option_keeps_the_options_of_the_inner_notation() -> None:
    schema = compile_schema({"a": {"schema": {"type": "?string", "note": "inside"}}})
    assert schema.validate({}) == {}
    assert schema.json_schema()["properties"]["a"]["description"] == "inside"


@pytest.mark.parametrize(
    ("alternatives", "valid", "invalid"),
    [
        (["string", "u64"], [0, 2**64 - 1, "x"], [-1, 2**64, 1.5, True]),
        (["f32", "boolean"], [1, 3e38, True], [1e39, "x"]),
        ([{"type": "number", "max": 1e30}, "string"], [1e30, 2**64, "x"], [1e31, 10**31, True]),
    ],
)
def test_union_with_a_number_beyond_64_bits_enforces_the_range(
    alternatives: list[Any], valid: list[Any], invalid: list[Any]
) -> None:
    schema = compile_schema({"union": alternatives})
    assert [schema.validate(value) for value in valid] == valid
    for value in invalid:
        with pytest.raises(UnprocessableEntityException):
            schema.validate(value)


def test_error_in_an_alternative_of_a_union_names_its_field() -> None:
    schema = compile_schema({"a": {"union": ["string", {"array": {"b": "number"}}]}})
    [error] = errors_of(schema, {"a": [{"b": 1}, {"b": "1"}]})
    assert error["message"] == 'Field "a[1].b" not of expected type: number'


def test_validated_value_is_not_modified() -> None:
    value: dict[str, Any] = {"b": {}}
    compile_schema({"a": {"type": "number", "default": 5}, "b": {}}).validate(value)
    assert value == {"b": {}}


def test_lenient_value_converts_texts() -> None:
    schema = compile_schema({"a": "number", "b": {"array": "bigint"}, "c": "boolean"})
    value = schema.validate({"a": "1.5", "b": ["7"], "c": "true"}, "params", lenient=True)
    assert value == {"a": 1.5, "b": [7], "c": True}
    with pytest.raises(UnprocessableEntityException) as raised:
        schema.validate({"a": "nan", "b": [], "c": "yes"}, "params", lenient=True)
    assert raised.value.errors[0]["message"] == 'Field "a" not of expected type: number'


def test_length_is_checked_before_a_pattern_that_takes_exponential_time() -> None:
    schema = compile_schema({"type": "string", "pattern": "^(a+)+$", "length": 10})
    with pytest.raises(UnprocessableEntityException) as raised:
        schema.validate("a" * 100 + "!")
    assert [entry["code"] for entry in raised.value.errors] == ["too_long"]


@pytest.mark.parametrize(
    "name",
    ["a[999]", "a[2]", "a[²]", "a[\N{ARABIC-INDIC DIGIT ONE}]", f"a[{'9' * 40}]", "a[-1]", "a["],
)
def test_unknown_name_that_looks_like_an_item_of_a_tuple_is_an_error(name: str) -> None:
    schema = compile_schema({"a": ["int", "?string"]})
    with pytest.raises(UnprocessableEntityException) as raised:
        schema.validate({name: 1})
    texts = [entry["message"] for entry in raised.value.errors]
    assert texts == ['Field "a" is required', f'Field "{name}" is not expected']


@pytest.mark.parametrize("name", ["d[1]", "d[x].y", "d[", f"d[{'9' * 40}]"])
def test_unknown_name_that_looks_like_an_item_of_an_object_is_an_error(name: str) -> None:
    schema = compile_schema({"d?": {"object": {"string": "number"}}})
    with pytest.raises(UnprocessableEntityException) as raised:
        schema.validate({name: 1})
    assert [entry["message"] for entry in raised.value.errors] == [
        f'Field "{name}" is not expected'
    ]


def test_number_of_errors_is_limited_to_50() -> None:
    errors = errors_of(compile_schema({"array": "number"}), ["x"] * 1000)
    assert len(errors) == 50


def test_value_nested_too_deeply_is_an_error() -> None:
    value: dict[str, Any] = {"value": 1, "children": []}
    for _ in range(5000):
        value = {"value": 1, "children": [value]}
    [error] = errors_of(SCHEMAS["Tree"], value)
    assert error["code"] == "too_deep"


@pytest.mark.parametrize(
    ("source", "kind"),
    [({"set": "bigint"}, "items"), ({"object": {"bigint": "number"}}, "keys")],
    ids=["set", "object"],
)
def test_numbers_with_equal_hashes_are_an_error(source: dict[str, Any], kind: str) -> None:
    numbers = [n * sys.hash_info.modulus for n in range(100)]
    value = numbers if kind == "items" else {str(number): 1 for number in numbers}
    [error] = errors_of(compile_schema({"a": source}), {"a": value})
    message = f'Field "a" has too many {kind} with the same hash'
    assert error == {"path": "body.a", "code": "too_many_collisions", "message": message}


def test_validate_function_with_a_bug_raises_its_exception() -> None:
    def bug(value: Any) -> Any:
        return value["x"]

    with pytest.raises(KeyError):
        compile_schema({"a": "number", "validate": bug}).validate({"a": 1})
    with pytest.raises(RuntimeError, match="return None, True, False, a text or a list of texts"):
        compile_schema({"type": "string", "validate": lambda _: 1}).validate("x")
