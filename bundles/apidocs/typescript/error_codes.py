"""The codes of errors, from the schemas of error bodies."""

from collections.abc import Iterator, Mapping
from typing import Any

from bundles.apidocs.typescript.references import resolved


def codes_of(document: Mapping[str, Any], schema: Any) -> frozenset[str | int]:
    """Return the possible values of the field ``code`` in an error body."""
    return frozenset(_codes(document, schema, frozenset()))


def _codes(
    document: Mapping[str, Any], schema: Any, inside: frozenset[str]
) -> Iterator[str | int]:
    if not isinstance(schema, Mapping) or schema.get("$ref") in inside:
        return
    if "$ref" in schema:
        inside |= {schema["$ref"]}
        yield from _codes(document, resolved(document, schema), inside)
    code = schema.get("properties", {}).get("code")
    yield from _constants(document, code)
    for word in ("allOf", "anyOf", "oneOf"):
        for part in schema.get(word, ()):
            yield from _codes(document, part, inside)


def _constants(document: Mapping[str, Any], schema: Any) -> Iterator[str | int]:
    if not isinstance(schema, Mapping):
        return
    schema = resolved(document, schema)
    values = [schema["const"]] if "const" in schema else schema.get("enum", ())
    yield from (value for value in values if isinstance(value, str | int))
    for word in ("anyOf", "oneOf"):
        for part in schema.get(word, ()):
            yield from _constants(document, part)
