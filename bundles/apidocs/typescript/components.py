"""The component schemas of both documents as types with unique names."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import attrs

from bundles.apidocs.typescript.identifiers import UniqueNames, type_name
from bundles.apidocs.typescript.references import components_of
from bundles.apidocs.typescript.schema_types import SchemaTypes
from bundles.apidocs.typescript.source_text import comment

Schemas = Mapping[str, Any]
INPUT_BINARY = "Blob | Uint8Array"
OUTPUT_BINARY = "Uint8Array"


@attrs.frozen
class Component:
    """A schema with its name in the document, and with the name of its type."""

    key: str
    name: str
    schema: Any


class Components:
    """The types of the components of one document.

    Args:
        schemas: all components of the document.
        components: the components to write; the others are the same in the other document.
        names: the names of the types of all components, including those that are not written.
        outputs: the schemas of values that the server sends; binary values in them are bytes.
    """

    def __init__(
        self,
        schemas: Schemas,
        components: Iterable[Component],
        names: Mapping[str, str],
        outputs: Iterable[Any],
    ) -> None:
        self._components = list(components)
        self._outputs = reached(schemas, outputs)
        self.inputs = SchemaTypes(names, INPUT_BINARY, schemas)
        self.outputs = SchemaTypes(names, OUTPUT_BINARY, schemas)

    def declarations(self) -> Iterator[str]:
        for component in self._components:
            is_output = component.key in self._outputs
            yield _declaration(component, self.outputs if is_output else self.inputs)


def shared_components(
    openapi: Schemas, asyncapi: Schemas, names: UniqueNames
) -> tuple[list[Component], list[Component], dict[str, str], dict[str, str]]:
    """Give names to the components of both documents; equal components share a name.

    Returns:
        The components of the first document, those of the second that are new or different, and
        the names in each document.
    """
    http = {key: names.add(type_name(key)) for key in sorted(openapi)}
    different = _different(openapi, asyncapi)
    socket = {
        key: names.add(type_name(key)) if key in different else http[key]
        for key in sorted(asyncapi)
    }
    return (
        [Component(key, http[key], openapi[key]) for key in sorted(openapi)],
        [Component(key, socket[key], asyncapi[key]) for key in sorted(different)],
        http,
        socket,
    )


def reached(schemas: Schemas, roots: Iterable[Any]) -> frozenset[str]:
    """Return the names of all components to which *roots* refer, directly or through others."""
    found: set[str] = set()
    waiting = [name for root in roots for name in components_of(root)]
    while waiting:
        if (name := waiting.pop()) not in found:
            found.add(name)
            waiting += components_of(schemas.get(name))
    return frozenset(found)


def _different(openapi: Schemas, asyncapi: Schemas) -> set[str]:
    """Return the components of *asyncapi* that differ from those of *openapi*, or that refer to
    such a component."""
    own = {key for key in asyncapi if asyncapi[key] != openapi.get(key)}
    return {key for key in asyncapi if key in own or reached(asyncapi, [asyncapi[key]]) & own}


def _declaration(component: Component, types: SchemaTypes) -> str:
    schema, name = component.schema, component.name
    if isinstance(schema, bool):
        return f"export type {name} ={types.after_colon(schema, '')};\n"
    text = comment(schema.get("description", ""), deprecated=bool(schema.get("deprecated")))
    if _is_plain_object(schema) and (members := types.members(schema, "  ")):
        return f"{text}export interface {name} {{\n{members}}}\n"
    return f"{text}export type {name} ={types.after_colon(schema, '')};\n"


def _is_plain_object(schema: Mapping[str, Any]) -> bool:
    others = ("anyOf", "oneOf", "allOf", "$ref", "enum", "const")
    return schema.get("type") == "object" and not any(word in schema for word in others)
