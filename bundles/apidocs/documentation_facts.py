"""The `Documentation` of a definition: schemas of its messages, in addition to its signature."""

from collections.abc import Iterator
from typing import Any

import attrs

from bundles.apidocs.described_responses import DescribedResponses, contents_by_media_type
from bundles.apidocs.draft_schemas import DraftSchemas
from bundles.apidocs.inputs import (
    JSON,
    MSGPACK,
    MULTIPART,
    TEXT,
    URLENCODED,
    Body,
    Input,
    Inputs,
    is_one_text,
)
from rxkernel import (
    Definition,
    Documentation,
    HttpDefinition,
    JsonSchemas,
    Returned,
    Source,
    documentation_of,
)

Schema = dict[str, Any]
_Given = dict[tuple[Source, str], Input]

_NO_BODY = ("GET", "HEAD")
_NOT_A_PARAMETER = ("accept", "content-type", "authorization")
"""Headers that OpenAPI describes in other places, and ignores among the parameters."""

_TYPE_WORDS = ("type", "$ref", "enum", "const", "anyOf", "oneOf", "allOf")
_ALL_OF_FORM = {"type", "properties", "required", "title", "description"}


class DocumentationFacts:
    """Adds the schemas of `Documentation` to the facts of signatures."""

    def __init__(self, schemas: JsonSchemas) -> None:
        self._schemas = schemas
        self._drafts = DraftSchemas(schemas)

    def added(
        self, definition: Definition, inputs: Inputs, returned: Returned
    ) -> tuple[Inputs, Returned, DescribedResponses]:
        """Return *inputs* and *returned* with the schemas of *definition*, and its responses.

        Raises:
            ValueError: a schema has a reference to something outside of itself.
        """
        found = documentation_of(definition)
        if found is None:
            return inputs, returned, DescribedResponses()
        inputs = self._inputs(found, definition, inputs)
        statuses = {*inputs.statuses, *found.statuses}
        inputs = attrs.evolve(inputs, statuses=tuple(sorted(statuses)))
        by_status = {
            key: self._plain_text(self._drafts.converted(schema, definition.name, "response"))
            for key, schema in found.responses.items()
        }
        responses = DescribedResponses(
            documentation=found,
            by_status=by_status,
            are_complete=any(key.startswith("2") for key in by_status) and _is_open(returned),
        )
        schema = responses.find(definition.status_code)
        if schema is not None:
            kinds = list(returned.contents)
            contents = {kinds[0]: schema} if len(kinds) == 1 else contents_by_media_type(schema)
            returned = attrs.evolve(returned, schema=schema, contents=contents)
        return inputs, returned, responses

    def _plain_text(self, schema: Schema) -> Schema:
        """Return *schema*; if it is a reference to the schema of a text, return that schema, on
        which the media type depends."""
        whole = self._schemas.schema_of(schema)
        return whole if whole.get("type") == "string" else schema

    # --- requests

    def _inputs(self, found: Documentation, definition: Definition, inputs: Inputs) -> Inputs:
        syntax = definition.metadata.template_syntax
        in_path = () if syntax is None else tuple(syntax.parameters)
        given = {
            **_only(self._fields(found.params, Source.PARAMS, definition), in_path, True),
            **_only(self._fields(found.query, Source.PARAMS, definition), in_path, False),
            **self._fields(found.headers, Source.HEADER, definition),
        }
        known = {_key_of(each): each for each in inputs.inputs}
        changed = {key: self._merged(each, known.get(key)) for key, each in given.items()}
        both = tuple({**known, **changed}.values())
        body = self._body(found, definition)
        return attrs.evolve(inputs, inputs=both, body=inputs.body if body is None else body)

    def _fields(self, schema: Any, source: Source, definition: Definition) -> _Given:
        """Return the properties of *schema*, and the other names that it requires."""
        if schema is None:
            return {}
        converted = self._drafts.converted(schema, definition.name, source.value)
        properties: dict[str, Any] = {}
        required: set[str] = set()
        for part in self._parts(converted):
            properties |= part.get("properties", {})
            required |= set(part.get("required", ()))
        for name in sorted(required - properties.keys()):
            properties[name] = {"type": "string"}
        found = {}
        for name, field in properties.items():
            if isinstance(field, bool):
                field = {} if field else {"not": {}}
            each = Input(
                source=source,
                key=name,
                schema=field,
                is_required=name in required and "default" not in field,
                description=field.get("description", ""),
            )
            if not _is_described_elsewhere(each, definition):
                found[_key_of(each)] = each
        return found

    def _parts(self, schema: Schema) -> Iterator[Schema]:
        """Yield *schema* and the schemas in it whose fields are also its own."""
        whole = self._schemas.schema_of(schema)
        yield whole
        for part in whole.get("allOf", ()):
            if isinstance(part, dict):
                yield from self._parts(part)

    def _merged(self, given: Input, typed: Input | None) -> Input:
        """Return *given*, completed with the facts of *typed*, the input by the signature."""
        if typed is None:
            return given
        schema = given.schema
        if not any(word in schema for word in _TYPE_WORDS):
            schema = self._schemas.with_keywords(typed.schema, **schema)
        has_default = "default" in schema
        if not has_default and "default" in typed.schema and not given.is_required:
            schema = self._schemas.with_keywords(schema, default=typed.schema["default"])
        is_header = given.source is Source.HEADER  # its default is not passed to the action
        return attrs.evolve(
            given,
            key=typed.key,
            schema=schema,
            is_required=given.is_required
            or (typed.is_required and (is_header or not has_default)),
            description=given.description or typed.description,
        )

    def _body(self, found: Documentation, definition: Definition) -> Body | None:
        if found.body is None:
            return None
        if isinstance(definition, HttpDefinition) and definition.method in _NO_BODY:
            return None
        schema = self._plain_text(self._drafts.converted(found.body, definition.name, "body"))
        return Body(
            schema=schema,
            media_types=self._media_types(schema),
            is_required=True,
            description=schema.get("description", ""),
        )

    def _media_types(self, schema: Schema) -> tuple[str, ...]:
        """Return the media types of a body. A form has only texts, which are converted to the
        types of its fields."""
        if schema.get("type") == "string":
            return (TEXT, JSON, MSGPACK)
        if not schema.get("properties") or not self._is_form(schema):
            return (JSON, MSGPACK)
        return (JSON, MSGPACK, URLENCODED, MULTIPART)

    def _is_form(self, schema: Schema) -> bool:
        if isinstance(schema.get("additionalProperties", True), dict):
            return False
        is_plain = schema.keys() <= _ALL_OF_FORM | {"additionalProperties"}
        return is_plain and all(map(self._is_text, schema["properties"].values()))

    def _is_text(self, field: Any) -> bool:
        if not isinstance(field, dict):
            return False
        if field.get("type") == "array":
            field = field.get("items", {})
        return isinstance(field, dict) and "type" in field and is_one_text(field, self._schemas)


def _only(given: _Given, in_path: tuple[str, ...], is_in_path: bool) -> _Given:
    """Return only the parameters in the path, or only the others."""
    return {key: each for key, each in given.items() if (each.key in in_path) is is_in_path}


def _key_of(given: Input) -> tuple[Source, str]:
    is_header = given.source is Source.HEADER
    return given.source, given.key.lower() if is_header else given.key


def _is_described_elsewhere(given: Input, definition: Definition) -> bool:
    if given.source is not Source.HEADER:
        return False
    headers = definition.headers if isinstance(definition, HttpDefinition) else {}
    return given.key.lower() in {*_NOT_A_PARAMETER, *(name.lower() for name in headers)}


def _is_open(returned: Returned) -> bool:
    """Whether the signature does not describe the result: no type, or the type of a response."""
    return returned.schema == {} or (returned.schema is None and bool(returned.responses))
