"""`filter_of`: the fields of a response that a JSON Schema keeps."""

from typing import Any

import pytest

from bundles.realtime.response_filter import filter_of

NAME = {"properties": {"name": {"type": "string"}}}
TREE = {
    "definitions": {
        "node": {
            "type": "object",
            "properties": {
                "id": {},
                "children": {"type": "array", "items": {"$ref": "#/definitions/node"}},
            },
        }
    },
    "$ref": "#/definitions/node",
}
CHOICE = {
    "anyOf": [
        {"properties": {"kind": {"const": "a"}, "x": {}}},
        {"$ref": "#/definitions/b"},
    ],
    "definitions": {"b": {"properties": {"kind": {"const": "b"}, "y": {}}}},
}


@pytest.mark.parametrize(
    ("schema", "value", "kept"),
    [
        (NAME, {"name": "a", "x": 1}, {"name": "a"}),
        (NAME, None, None),
        (NAME, "text", "text"),
        ({}, {"x": 1}, {"x": 1}),
        (True, {"x": 1}, {"x": 1}),
        ({"type": "object"}, {"x": 1}, {}),
        ({"type": ["object", "null"]}, {"x": 1}, {}),
        ({"type": "object", "additionalProperties": True}, {"x": 1}, {"x": 1}),
        ({**NAME, "additionalProperties": NAME}, {"x": {"name": 1, "y": 2}}, {"x": {"name": 1}}),
        ({"patternProperties": {"^x_": {}}}, {"x_a": 1, "y": 2}, {"x_a": 1}),
        ({"type": "array", "items": NAME}, [{"name": 1, "x": 2}, 3], [{"name": 1}, 3]),
        ({"type": "array"}, [{"x": 2}], [{"x": 2}]),
        (
            {"allOf": [NAME, {"properties": {"b": {}}}]},
            {"name": 1, "b": 2, "c": 3},
            {"name": 1, "b": 2},
        ),
        (
            TREE,
            {"id": 1, "x": 2, "children": [{"id": 2, "x": 3}]},
            {"id": 1, "children": [{"id": 2}]},
        ),
        (
            {"$ref": "#/definitions/a~1b%25", "definitions": {"a/b%": NAME}},
            {"name": 1, "x": 2},
            {"name": 1},
        ),
        (CHOICE, {"kind": "a", "x": 1, "y": 2}, {"kind": "a", "x": 1}),
        (CHOICE, {"kind": "b", "x": 1, "y": 2}, {"kind": "b", "y": 2}),
        (CHOICE, {"kind": "c", "x": 1}, {}),
    ],
)
def test_filter_of_a_schema_keeps_its_fields_only(schema: Any, value: Any, kept: Any) -> None:
    assert filter_of(schema)(value) == kept


@pytest.mark.parametrize(
    ("schema", "text"),
    [
        ({"type": "text"}, "anyOf"),
        ({"$ref": "#/definitions/no"}, "does not exist"),
        ({"patternProperties": {r"\p{L}": {}}}, "regular expression"),
        ({"definitions": {"a": {"$ref": "#/definitions/a"}}, "$ref": "#/definitions/a"}, "itself"),
        (
            {
                "definitions": {"a": {"anyOf": [{"$ref": "#/definitions/a"}]}},
                "allOf": [{"$ref": "#/definitions/a"}],
            },
            "itself",
        ),
    ],
)
def test_schema_that_cannot_filter_is_rejected(schema: Any, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        filter_of(schema)
