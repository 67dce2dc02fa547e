"""`TypedSchema`: an object whose fields are types of Python."""

from datetime import date
from typing import Any

import attrs
import pytest

from bundles.contracts import Schemas, TypedSchema
from rxkernel import ConfigurationError, JsonSchemas, UnprocessableEntityException


@attrs.frozen
class Box:
    left: float


SCHEMA = TypedSchema.of(
    {"box": Box, "day": date, "any": Any, "count": int, "names": list[str]},
    {"count": 3, "names": None},
)


def test_values_are_converted_to_their_types_and_optional_ones_are_left_out() -> None:
    given = {"box": {"left": 1}, "day": "2026-01-02", "any": None}

    assert SCHEMA.validate(given) == {"box": Box(1), "day": date(2026, 1, 2), "any": None}


def test_errors_have_the_texts_of_typed_actions() -> None:
    with pytest.raises(UnprocessableEntityException) as caught:
        SCHEMA.validate({"box": {}, "day": 1, "count": "1", "other": 2})

    assert [(e["path"], e["message"]) for e in caught.value.errors] == [
        ("body.box.left", "is missing"),
        ("body.day", "expected date, got int"),
        ("body.any", "is missing"),
        ("body.count", "expected int, got str"),
        ("body.other", "is not a known field"),
    ]


def test_description_has_classes_as_components_and_defaults() -> None:
    schemas = JsonSchemas()

    found = schemas.resolve(SCHEMA.described_by(schemas.input, schemas.with_default))

    assert found["required"] == ["box", "day", "any"]
    assert found["properties"]["box"]["$ref"].endswith("/Box")
    assert found["properties"]["count"] == {"type": "integer", "default": 3}
    assert found["properties"]["any"] == {}


def test_types_that_requests_cannot_provide_are_errors() -> None:
    class Service: ...

    with pytest.raises(ConfigurationError) as caught:
        TypedSchema.of({"a": Service, "b": complex, "c": int}, {})

    assert [problem.partition(":")[0] for problem in caught.value.problems] == ["'a'", "'b'"]


def test_repr_of_a_schema_contains_its_fields() -> None:
    assert repr(SCHEMA) == "<Schema {box, day, any, count?, names?}>"
    named = Schemas({"City": {"name": "string"}})
    assert repr(named["City"]) == "<Schema City>"
    assert repr(named.compile("City")) == "<Schema {name}>"
    assert repr(named.compile({"array": "City"})) == "<Schema array>"
