"""``$ref`` within a document."""

from collections.abc import Iterator, Mapping
from typing import Any

from bundles.apidocs.keys import decoded_key
from rxkernel import ConfigurationError

_SCHEMAS = "#/components/schemas/"


def resolved(document: Mapping[str, Any], node: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what *node* refers to, or *node* itself."""
    seen = set()
    while (reference := node.get("$ref")) is not None:
        if reference in seen:
            raise ConfigurationError(f"the reference {reference!r} refers to itself")
        seen.add(reference)
        node = _at(document, reference)
    return node


def with_prefix_items(node: Any) -> Any:
    """Return *node* with tuples in the form of JSON Schema 2020-12; AsyncAPI uses draft 7."""
    if isinstance(node, list):
        return [with_prefix_items(each) for each in node]
    if not isinstance(node, Mapping):
        return node
    found = {key: with_prefix_items(value) for key, value in node.items()}
    if found.get("type") == "array" and isinstance(found.get("items"), list):
        found["prefixItems"], found["items"] = found["items"], found.pop("additionalItems", True)
    return found


def component_name(reference: str) -> str:
    """Return the name of the component schema to which *reference* refers."""
    if not reference.startswith(_SCHEMAS):
        raise ConfigurationError(
            f"the reference {reference!r} of a schema is not to {_SCHEMAS}<name>, so it has no "
            f"name as a type; move the schema to the components"
        )
    return decoded_key(reference.removeprefix(_SCHEMAS))


def components_of(schema: Any) -> Iterator[str]:
    """Yield the name of each component to which *schema* refers."""
    if not isinstance(schema, Mapping):
        return
    if "$ref" in schema:
        yield component_name(schema["$ref"])
    parts = [schema.get("items"), schema.get("additionalProperties")]
    for word in ("properties", "patternProperties"):
        parts += schema.get(word, {}).values()
    for word in ("anyOf", "oneOf", "allOf", "prefixItems"):
        parts += schema.get(word, ())
    for part in parts:
        yield from components_of(part)


def last_name(reference: str) -> str:
    """Return the last key in *reference*."""
    return decoded_key(reference.rsplit("/", 1)[-1])


def _at(document: Mapping[str, Any], reference: str) -> Mapping[str, Any]:
    found: Any = document
    for step in reference.removeprefix("#/").split("/"):
        found = found.get(decoded_key(step)) if isinstance(found, Mapping) else None
    if isinstance(found, bool):  # the schemas that accept any value or no value
        return {} if found else {"not": {}}
    if not isinstance(found, Mapping):
        raise ConfigurationError(f"the reference {reference!r} has no target in the document")
    return found
