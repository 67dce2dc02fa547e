"""A converted schema accepts the same values as the schema of its draft does."""

from typing import Any

import pytest
from jsonschema_rs import Draft202012Validator, validator_for

from bundles.apidocs.draft_schemas import DraftSchemas
from rxkernel import JsonSchemas

DRAFT_4 = "http://json-schema.org/draft-04/schema#"
DRAFT_7 = "http://json-schema.org/draft-07/schema#"
DRAFT_2019 = "https://json-schema.org/draft/2019-09/schema"
INTEGER = {"type": "integer"}
VALUES: list[Any] = [
    *(None, True, 1, 5, 10, 1.5, "", "tea", [], [1], ["a"], [1, "a"], ["a", 1], [1, "a", 2], {}),
    *({"a": 1}, {"a": "x"}, {"a": 1, "b": 2}, {"b": 1}, {"a": {"a": {"a": 1}}}, {"a": {"a": "x"}}),
]


def converted(*schemas: Any) -> tuple[list[Any], dict[str, Any]]:
    """The schemas, and the components that they refer to."""
    known = JsonSchemas()
    drafts = DraftSchemas(known)
    found = [known.resolve(drafts.converted(each, "users", "body")) for each in schemas]
    return found, known.components


@pytest.mark.parametrize(
    "schema",
    [
        {"$schema": DRAFT_7, "type": "array", "items": [INTEGER, {"type": "string"}]},
        {"$schema": DRAFT_7, "items": [INTEGER], "additionalItems": {"type": "string"}},
        {"$schema": DRAFT_7, "items": [INTEGER], "additionalItems": False},
        {"$schema": DRAFT_7, "additionalItems": False},
        {"$schema": DRAFT_7, "dependencies": {"a": ["b"]}},
        {"$schema": DRAFT_7, "dependencies": {"b": {"required": ["a"]}}},
        {"$schema": DRAFT_7, "dependentRequired": {"a": ["b"]}},  # unknown in this draft
        {
            "$schema": DRAFT_7,
            "$ref": "#/definitions/n",
            "minimum": 5,
            "definitions": {"n": INTEGER},
        },
        {"$schema": DRAFT_2019, "$ref": "#/$defs/n", "minimum": 5, "$defs": {"n": INTEGER}},
        {"$schema": DRAFT_2019, "items": [INTEGER], "additionalItems": False},
        {
            "$schema": DRAFT_2019,
            "$recursiveAnchor": True,
            "properties": {"a": {"$recursiveRef": "#"}},
        },
        {"$schema": DRAFT_4, "type": "number", "minimum": 5, "exclusiveMinimum": True},
        {"$schema": DRAFT_4, "type": "number", "maximum": 5, "exclusiveMaximum": False},
        {"$schema": DRAFT_4, "const": 1},  # unknown in this draft
        {"$schema": DRAFT_7, "if": {"required": ["a"]}, "then": {"required": ["b"]}},
        {"$schema": DRAFT_7, "not": {"$ref": "#/definitions/n"}, "definitions": {"n": INTEGER}},
        {"$schema": DRAFT_7, "properties": {"a": {"$ref": "#/properties/b"}, "b": INTEGER}},
        {
            "$schema": DRAFT_7,
            "anyOf": [INTEGER, {"properties": {"a": {"$ref": "#"}}, "type": "object"}],
        },
        {
            "$schema": DRAFT_7,
            "$id": "https://example.com/a/one.json",
            "properties": {"a": {"$ref": "one.json#/definitions/n"}, "b": {"$ref": "#n"}},
            "definitions": {"n": {"$id": "#n", **INTEGER}},
        },
        {
            "$id": "https://example.com/one.json",
            "properties": {"a": {"$ref": "two.json"}, "b": {"$ref": "#n"}},
            "$defs": {
                "two": {
                    "$id": "two.json",
                    "$ref": "#/$defs/n",
                    "$defs": {"n": {"type": "string"}},
                },
                "n": {"$anchor": "n", **INTEGER},
            },
        },
        {
            "$id": "urn:example:one",
            "properties": {"a": {"$ref": "#/$defs/a~1b%25"}},
            "$defs": {"a/b%": INTEGER},
        },
        {
            "properties": {"a": {"$dynamicRef": "#n"}},
            "$defs": {"n": {"$dynamicAnchor": "n", **INTEGER}},
        },
        {"prefixItems": [INTEGER, {"type": "string"}], "items": False},
        {"properties": {"id": False, "$ref": False, "a": {"enum": [{"$ref": "#/none"}, 1]}}},
        True,
        False,
    ],
)
def test_schema_of_each_draft_accepts_the_same_values(schema: Any) -> None:
    own = validator_for(schema)

    (found,), components = converted(schema)

    whole = Draft202012Validator({**found, "components": {"schemas": components}})
    assert [v for v in VALUES if own.is_valid(v)] == [v for v in VALUES if whole.is_valid(v)]


def test_annotations_beside_a_reference_are_kept() -> None:
    schema = {
        "$schema": DRAFT_7,
        "properties": {"a": {"$ref": "#/definitions/n", "description": "how many", "minimum": 1}},
        "definitions": {"n": INTEGER},
    }

    (found,), _ = converted(schema)

    assert found["properties"]["a"] == {
        "allOf": [{"$ref": "#/components/schemas/users_n"}],
        "description": "how many",
    }


def test_equal_parts_of_two_schemas_are_one_component() -> None:
    one = {"$ref": "#/definitions/n", "definitions": {"n": INTEGER}}
    two = {"type": "array", "items": {"$ref": "#/definitions/n"}, **one}
    other = {"$ref": "#/definitions/n", "definitions": {"n": {"type": "string"}}}

    found, components = converted(one, two, other)

    assert components == {"users_n": INTEGER, "users_n_2": {"type": "string"}}
    assert found[2] == {"$ref": "#/components/schemas/users_n_2"}


def test_keywords_that_are_not_of_json_schema_are_left_out() -> None:
    schema = {"type": "string", "discriminator": "kind", "$comment": "x", "x-order": 1}

    assert converted(schema)[0] == [{"type": "string", "x-order": 1}]


@pytest.mark.parametrize(
    ("schema", "problem"),
    [
        ({"$schema": "https://example.com/own"}, "is not a draft of JSON Schema"),
        ({"$ref": "https://example.com/other.json"}, "does not refer to a part of its own schema"),
        ({"$ref": "#/definitions/none"}, "does not refer to a part of its own schema"),
        ({"properties": {"a": 1}}, "1 is not a schema"),
    ],
)
def test_schema_that_cannot_be_converted_is_an_error(schema: Any, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        converted(schema)
