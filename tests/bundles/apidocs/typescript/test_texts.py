"""Names and texts of documents in the form of TypeScript sources."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bundles.apidocs.typescript import typescript_client
from bundles.apidocs.typescript.identifiers import (
    RESERVED_WORDS,
    UniqueNames,
    function_name,
    is_identifier,
    type_name,
)
from bundles.apidocs.typescript.schema_types import Schema, SchemaTypes
from bundles.apidocs.typescript.source_text import comment, literal
from rxkernel import ConfigurationError
from tests.bundles.apidocs.typescript.hostile_documents import ASYNCAPI, OPENAPI


@pytest.mark.parametrize(
    ("text", "function", "type_"),
    [
        ("task_list", "taskList", "TaskList"),
        ("/chat:join", "chatJoin", "ChatJoin"),
        ("Page[Task]", "pageTask", "PageTask"),
        ("HTTPServer", "HTTPServer", "HTTPServer"),
        ("1st", "_1st", "_1st"),
        ("名前", "名前", "名前"),
        ("-", "call", "Type"),
    ],
)
def test_name_becomes_identifier(text: str, function: str, type_: str) -> None:
    assert function_name(text) == function
    assert type_name(text) == type_


@given(st.lists(st.text(min_size=1, max_size=8), max_size=20))
def test_names_are_valid_and_unique_for_any_texts(texts: list[str]) -> None:
    names = UniqueNames(RESERVED_WORDS)
    found = [names.add(function_name(text)) for text in texts]

    assert len(set(found)) == len(found)
    assert all(is_identifier(name) for name in found)
    assert not RESERVED_WORDS & set(found)


@given(st.text(alphabet=st.characters() | st.sampled_from("*/@\n\\ "), max_size=60))
def test_comment_of_any_text_ends_at_its_end_and_has_no_tags(text: str) -> None:
    made = comment(text, indent="  ")

    assert made.count("*/") == bool(made)
    assert made.endswith("*/\n") or not made
    assert not re.search(r"^[\s/*]*@", made, re.MULTILINE)
    assert all(char.isprintable() or char == "\n" for char in made)


@given(st.text(max_size=30))
def test_literal_of_any_text_is_one_printable_line_and_keeps_it(text: str) -> None:
    made = literal(text)

    assert made.isprintable()
    assert json.loads(made) == text


def test_client_of_same_documents_has_same_text() -> None:
    reversed_schemas = dict(reversed(OPENAPI["components"]["schemas"].items()))
    reordered = {**OPENAPI, "components": {"schemas": reversed_schemas}}

    assert typescript_client(OPENAPI, ASYNCAPI) == typescript_client(OPENAPI, ASYNCAPI)
    assert typescript_client(reordered, ASYNCAPI) == typescript_client(OPENAPI, ASYNCAPI)


@pytest.mark.parametrize(
    ("schema", "type_"),
    [
        ({"type": ["string", "null"]}, "string | null"),
        ({"type": "array", "items": {"type": ["integer", "null"]}}, "(number | null)[]"),
        ({"anyOf": [{"type": "string"}, {}]}, "unknown"),
        ({"enum": ["a", 1, None]}, '"a" | 1 | null'),
        ({"type": "object", "additionalProperties": False}, "Record<string, never>"),
        ({"type": "object"}, "{ [key: string]: unknown }"),
        ({"type": "array"}, "unknown[]"),
        ({"type": "array", "prefixItems": [{"type": "null"}], "items": False}, "[null?]"),
        ({"type": "string", "contentEncoding": "base64"}, "string"),
        ({"type": "string", "format": "binary"}, "Uint8Array"),
        ({"type": ["string", "null"], "format": "binary"}, "Uint8Array | null"),
        (False, "never"),
    ],
)
def test_schema_becomes_type(schema: Schema, type_: str) -> None:
    assert SchemaTypes({}, "Uint8Array").text(schema) == type_


@pytest.mark.parametrize(
    ("required", "type_"),
    [
        (["kind"], 'Cat & Required<Pick<Cat, "kind">>'),
        (["lives"], "Cat"),
        (["other"], "Cat"),
    ],
)
def test_schema_that_requires_a_property_of_its_part_has_it(
    required: list[str], type_: str
) -> None:
    """For example, the tag of a class in a union is optional in the class itself."""
    cat = {"properties": {"kind": {"const": "cat"}, "lives": {}}, "required": ["lives"]}
    types = SchemaTypes({"Cat": "Cat"}, "Uint8Array", {"Cat": cat})

    found = types.text({"allOf": [{"$ref": "#/components/schemas/Cat"}], "required": required})

    assert found == type_


def test_reference_to_nothing_is_an_error() -> None:
    path = {"get": {"operationId": "a", "responses": {"200": {"$ref": "#/components/x"}}}}

    with pytest.raises(ConfigurationError, match="'#/components/x' has no target in the document"):
        typescript_client({"paths": {"/": path}}, {})
