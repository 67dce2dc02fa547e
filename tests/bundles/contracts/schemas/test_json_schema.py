"""The description of a schema, for documentation."""

import re
from datetime import date
from typing import Any

import pytest

from bundles.contracts.schemas import Schemas, compile_definitions, compile_schema
from rxkernel import UnprocessableEntityException
from tests.parameter_ids import id_of

OBJECT = {"type": "object", "additionalProperties": False}


@pytest.mark.parametrize(
    ("notation", "described"),
    [
        ("string", {"type": "string"}),
        ("number", {"type": "number"}),
        ("bigint", {"type": "integer"}),
        ("i8", {"type": "integer", "minimum": -128, "maximum": 127}),
        ("boolean", {"type": "boolean"}),
        (
            "money",
            {
                "type": ["string", "number"],
                "format": "decimal",
                "pattern": r"^[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?$",
            },
        ),
        ("any", {}),
        ("json", {"type": ["object", "array"]}),
        ("date", {"type": "string", "format": "date"}),
        ("?string", {"type": ["string", "null"]}),
        ({"enum": ["a", 1]}, {"enum": ["a", 1]}),
        ({"enum": ["a"], "required": False}, {"enum": ["a", None]}),
        ({"type": "string", "length": [1, 2]}, {"type": "string", "minLength": 1, "maxLength": 2}),
        ({"type": "number", "length": [1, 2]}, {"type": "number", "minimum": 1, "maximum": 2}),
        ({"type": "number", "min": 1, "max": 2}, {"type": "number", "minimum": 1, "maximum": 2}),
        ({"type": "string", "pattern": "^a"}, {"type": "string", "pattern": "^a"}),
        ({"type": "string", "note": "a name"}, {"type": "string", "description": "a name"}),
        ({"type": "int", "default": 5}, {"type": "integer", "default": 5}),
        ({"array": "string"}, {"type": "array", "items": {"type": "string"}}),
        (
            {"set": "string", "length": 3},
            {"type": "array", "items": {"type": "string"}, "maxItems": 3},
        ),
        (
            {"object": {"string": "int"}, "length": 3},
            {"type": "object", "additionalProperties": {"type": "integer"}, "maxProperties": 3},
        ),
        (
            ["string", {"count": "?int"}],
            {
                "type": "array",
                "prefixItems": [
                    {"type": "string"},
                    {"title": "count", "type": ["integer", "null"]},
                ],
                "items": False,
                "minItems": 1,
            },
        ),
        ({"union": ["string", "int"]}, {"anyOf": [{"type": "string"}, {"type": "integer"}]}),
        (
            {"union": ["string", "int"], "required": False},
            {"anyOf": [{"anyOf": [{"type": "string"}, {"type": "integer"}]}, {"type": "null"}]},
        ),
        (
            {"a": "string", "b?": "int", "sum": lambda self: self["b"]},
            {
                **OBJECT,
                "properties": {"a": {"type": "string"}, "b": {"type": ["integer", "null"]}},
                "required": ["a"],
            },
        ),
    ],
    ids=id_of,
)
def test_json_schema_of_a_notation_describes_its_rules(notation: Any, described: Any) -> None:
    assert compile_schema(notation).json_schema() == described


def test_json_schema_of_named_schemas_refers_to_them() -> None:
    schemas = Schemas({"Tree": {"value": "int", "next": "?Tree", "more": {"many": "Tree"}}})
    uri = "#/components/schemas/"
    tree = {
        **OBJECT,
        "properties": {
            "value": {"type": "integer"},
            "next": {"anyOf": [{"$ref": f"{uri}Tree"}, {"type": "null"}]},
            "more": {"type": "array", "items": {"$ref": f"{uri}Tree"}},
        },
        "required": ["value", "more"],
    }
    assert schemas.json_schemas(lambda name: f"{uri}{name}") == {"Tree": tree}
    assert schemas.compile({"a": "Tree"}).json_schema() == {
        **OBJECT,
        "properties": {"a": {"$ref": "#/$defs/Tree"}},
        "required": ["a"],
    }


def test_json_schema_of_definitions_refers_to_them() -> None:
    schema = compile_definitions(
        {"a": {"limit": "10mb:size", "more": "[{{b}}]", "_other": "*"}, "b": {"x": "(y,z)"}}
    )
    b = {"$ref": "#/$defs/b"}
    limit = schema.json_schema()["properties"]["limit"]
    assert schema.json_schema() == {
        "type": "object",
        "properties": {
            "limit": {
                "type": ["integer", "string"],
                "minimum": 0,
                "pattern": limit["pattern"],
                "default": "10mb",
            },
            "more": {
                "anyOf": [
                    {"type": "array", "items": b},
                    {"type": "object", "additionalProperties": b},
                ]
            },
        },
        "additionalProperties": {},
    }


@pytest.mark.parametrize(
    ("key", "names"),
    [
        ({"type": "string", "length": 2, "pattern": "^a"}, {"maxLength": 2, "pattern": "^a"}),
        ("date", {"format": "date"}),
        ("string", None),
        ("any", None),
    ],
)
def test_json_schema_has_the_rules_of_the_names_of_an_object(key: Any, names: Any) -> None:
    found = compile_schema({"type": "object", "key": key, "value": "any"}).json_schema()
    assert {k: v for k, v in (found.get("propertyNames") or {}).items() if v} == (names or {})


@pytest.mark.parametrize("key", ["int", "i8", "number", "boolean", "money"])
@pytest.mark.parametrize(
    "name",
    [
        "1",
        "-1",
        "01",
        "+1",
        " 1",
        "1.5",
        "1.",
        ".5",
        "1e2",
        "1E+2",
        "-0",
        "true",
        "tRUE",
        "no",
        "",
    ],
)
def test_json_schema_of_names_that_are_not_texts_accepts_valid_values(key: str, name: str) -> None:
    schema = compile_schema({"type": "object", "key": key, "value": "any"})
    pattern = schema.json_schema()["propertyNames"]["pattern"]
    try:
        schema.validate({name: 1})
    except UnprocessableEntityException:
        assert not re.search(pattern, name)
    else:
        assert re.search(pattern, name)


def test_json_schema_of_a_set_accepts_equal_items() -> None:
    schema = compile_schema({"set": "string", "length": [2, 2]})
    assert schema.validate(["a", "a"]) == {"a"}
    assert "uniqueItems" not in schema.json_schema()


@pytest.mark.parametrize(
    ("type_", "value"),
    [
        *((("duration", v)) for v in ("1h 30m", " 10s ", "1", "h", "", "1x", "1h,2m")),
        *((("size", v)) for v in ("10mb", "1gb 500mb", "512", " 5 KB", "mb", "", "5 b", "5mb x")),
    ],
)
def test_json_schema_pattern_of_a_quantity_accepts_valid_texts(type_: str, value: str) -> None:
    schema = compile_definitions({"root": {"t": type_}})
    pattern = schema.json_schema()["properties"]["t"]["pattern"]
    try:
        schema.validate({"t": value})
    except UnprocessableEntityException:
        assert not re.search(pattern, value)
    else:
        assert re.search(pattern, value)


@pytest.mark.parametrize(
    ("notation", "default"),
    [
        ({"type": "date", "default": date(2024, 1, 1)}, "2024-01-01"),
        ({"set": "string", "default": ["x"]}, ["x"]),
        ({"type": "buffer", "default": b"abc"}, "YWJj"),
    ],
)
def test_json_schema_has_defaults_as_json(notation: Any, default: Any) -> None:
    found = compile_schema({"a": notation}).json_schema()["properties"]["a"]
    assert found["default"] == default
