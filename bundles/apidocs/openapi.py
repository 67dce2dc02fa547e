"""OpenAPI 3.1 of the HTTP definitions."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from bundles.apidocs.described_errors import DescribedError
from bundles.apidocs.described_responses import contents_by_media_type
from bundles.apidocs.error_schemas import ErrorSchemas
from bundles.apidocs.inputs import (
    ANY,
    BYTES,
    JSON,
    MULTIPART,
    TEXT,
    URLENCODED,
    Body,
    Input,
    without_null,
)
from bundles.apidocs.operations import Operation
from bundles.apidocs.phrases import phrase_of
from bundles.contracts import UNSET
from rxkernel import (
    EventStreamResponse,
    FileResponse,
    HttpDefinition,
    JsonSchemas,
    RedirectResponse,
    Source,
    StreamResponse,
)

Node = dict[str, Any]

_PLACES = {Source.PARAMS: "query", Source.HEADER: "header", Source.COOKIE: "cookie"}
_WITHOUT_CONTENT = (204, 205, 304)
_VERBS = ("get", "put", "post", "delete", "options", "head", "patch")


def paths_of(
    operations: Iterable[Operation], schemas: JsonSchemas, prefix: str
) -> tuple[Node, Node]:
    """Return the ``paths`` and the ``components.responses`` for *operations*, all over HTTP."""
    writer = _Writer(schemas)
    paths: dict[str, Node] = {}
    described = sorted(operations, key=_order)
    templates = _templates_by_shape(described)
    for operation in described:
        definition = operation.definition
        assert isinstance(definition, HttpDefinition)
        verb = definition.method.lower()
        if 404 in operation.errors and len(templates[_shape(definition)]) > 1:
            operation.errors.add(405)  # the response of an overlapping template for other methods
        path = prefix + definition.metadata.syntax.plain_text
        if verb in paths.get(path, ()):  # another host or header; clients send no fragment
            path += f"#{definition.name}"
        paths.setdefault(path, {})[verb] = writer.operation(operation, definition)
    responses = {name: writer.responses[name] for name in sorted(writer.responses)}
    return {path: paths[path] for path in sorted(paths)}, responses


def _templates_by_shape(operations: Iterable[Operation]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for operation in operations:
        definition = operation.definition
        assert isinstance(definition, HttpDefinition)
        found.setdefault(_shape(definition), set()).add(definition.path)
    return found


def _shape(definition: HttpDefinition) -> str:
    """Return the path without the names of parameters: ``/items/{}`` for ``/items/{id:int}``."""
    return re.sub(r"\{[^{}]*\}", "{}", definition.metadata.syntax.plain_text)


def _order(operation: Operation) -> tuple[Any, ...]:
    definition = operation.definition
    assert isinstance(definition, HttpDefinition)
    verb = _VERBS.index(definition.method.lower())
    constraints = (definition.host or "", *sorted(definition.headers.items()))
    return (definition.path, verb, constraints, definition.name)


class _Writer:
    """Writes operations, and collects responses that several operations have."""

    def __init__(self, schemas: JsonSchemas) -> None:
        self._schemas = schemas
        self._errors = ErrorSchemas(schemas)
        self.responses: dict[str, Node] = {}

    def operation(self, operation: Operation, definition: HttpDefinition) -> Node:
        found: Node = {"operationId": definition.name, "tags": [operation.tag]}
        if operation.summary:
            found["summary"] = operation.summary
        if operation.description:
            found["description"] = operation.description
        if operation.is_deprecated:
            found["deprecated"] = True
        if parameters := self._parameters(operation, definition):
            found["parameters"] = parameters
        if operation.inputs.body is not None and definition.method not in ("GET", "HEAD"):
            found["requestBody"] = self._body(operation.inputs.body, operation)
        found["responses"] = self._all_responses(operation, definition)
        if operation.access is not None:
            found["security"] = operation.access.security
            found["x-rxkernel-access"] = operation.access.rule
        if definition.pushes:
            found["x-rxkernel-pushes"] = sorted({event.name for event in definition.pushes})
        return found

    # --- requests

    def _parameters(self, operation: Operation, definition: HttpDefinition) -> list[Node]:
        in_path = definition.metadata.syntax.parameters
        inputs = operation.inputs.inputs
        by_key = {i.key: i for i in inputs if i.source is Source.PARAMS and i.key in in_path}
        found = [
            self._path_parameter(name, by_key.get(name), operation, definition) for name in in_path
        ]
        others = [i for i in inputs if i.source is not Source.PARAMS or i.key not in in_path]
        found += [self._parameter(each, operation) for each in others]
        found += [
            {"name": name, "in": "header", "required": True, "schema": {"const": value}}
            for name, value in sorted(definition.headers.items())
        ]
        return found

    def _path_parameter(
        self, name: str, given: Input | None, operation: Operation, definition: HttpDefinition
    ) -> Node:
        kind = definition.template.parameters[name]
        schema = _of_kind(kind.name, kind.pattern)
        if given is not None and given.schema.get("type") != "string":
            schema = without_null(given.schema)
        elif given is not None:
            schema = _with_kind(without_null(given.schema), schema)
        schema.pop("default", None)
        found = {"name": name, "in": "path", "required": True, "schema": schema}
        if kind.name == "path":
            found["x-rxkernel-rest"] = True  # slashes are allowed, which OpenAPI cannot express
        text = operation.docstring.parameters.get(name) or (given.description if given else "")
        if text:
            found["description"] = text
        return found

    def _parameter(self, given: Input, operation: Operation) -> Node:
        schema = without_null(given.schema)
        text = schema.pop("description", "")
        found: Node = {"name": given.key, "in": _PLACES[given.source]}
        if given.is_required:
            found["required"] = True
        if given.description or text:
            found["description"] = given.description or text
        if given.source is Source.HEADER and schema.get("type") == "array":
            schema = schema.get("items", {})  # one header for each
        found["schema"] = schema
        examples = {
            f"example{number}": _example(e.caption, e.params[given.key])
            for number, e in enumerate(operation.contract.examples, 1)
            if given.source is Source.PARAMS and given.key in e.params and e.error is None
        }
        if examples:
            found["examples"] = examples
        return found

    def _body(self, body: Body, operation: Operation) -> Node:
        content: Node = {}
        for media_type in body.media_types:
            schema = body.schema
            if media_type in (URLENCODED, MULTIPART):
                schema = self._of_form(schema)
            if media_type in (TEXT, BYTES) and body.is_required:
                schema = {**schema, "minLength": 1}  # an empty body counts as missing
            content[media_type] = {"schema": schema}
        examples = {
            f"example{number}": _example(e.caption, e.body)
            for number, e in enumerate(operation.contract.examples, 1)
            if e.body is not None and e.error is None
        }
        if examples and JSON in content:
            content[JSON]["examples"] = examples
        found: Node = {"required": body.is_required, "content": content}
        if body.description:
            found["description"] = body.description
        return found

    def _of_form(self, schema: Node) -> Node:
        """Return *schema* with fields that cannot be null, as in forms."""
        found = self._schemas.schema_of(without_null(schema))
        fields = found.get("properties", {})
        if all(each == without_null(each) for each in fields.values()):
            return schema
        return {**found, "properties": {key: without_null(f) for key, f in fields.items()}}

    # --- responses

    def _all_responses(self, operation: Operation, definition: HttpDefinition) -> Node:
        successes = self._successes(operation, definition)
        found: Node = {str(status): response for status, response in successes.items()}
        for status, error in operation.errors:
            schema = operation.responses.find(status)
            found[str(status)] = self._error(status, error, schema)
        for key in operation.responses.ranges:
            schema = operation.responses.by_status[key]
            name = key if key == "default" else key.upper()
            text = schema.get("description") or "Each other status."
            found[name] = {"description": text, **_content_of(schema)}
        return dict(sorted(found.items()))

    def _successes(self, operation: Operation, definition: HttpDefinition) -> dict[int, Node]:
        returned, status = operation.returned, definition.status_code
        text = operation.docstring.returns
        found: dict[int, Node] = {}
        content: Node = {kind: {"schema": schema} for kind, schema in returned.contents.items()}
        is_empty = returned.schema is None and not returned.responses
        contract = operation.contract
        if contract.examples and JSON in content:
            examples = {
                f"example{number}": _example(e.caption, e.returns)
                for number, e in enumerate(contract.examples, 1)
                if e.returns is not UNSET
            }
            if examples:
                content[JSON]["examples"] = examples
        for cls in returned.responses:
            if issubclass(cls, RedirectResponse):
                found |= _redirects(operation)
            elif issubclass(cls, EventStreamResponse):
                content["text/event-stream"] = {"schema": {"type": "string"}}
            elif issubclass(cls, FileResponse | StreamResponse):
                content[ANY] = {"schema": {"type": "string", "format": "binary"}}
        headers = {
            name: {"description": text, "schema": {"type": "string"}}
            for name, text in operation.docstring.headers.items()
        }
        others = {s: t for s, t in operation.docstring.responses.items() if s < 400}
        if definition.method == "HEAD":
            content, is_empty = {}, True
        responses = operation.responses
        if (content or not found) and not responses.are_complete:
            others = {status: text, **others}
        for each in responses.statuses:
            if each < 400:
                others.setdefault(each, text if each == status else "")
        for each, description in others.items():
            schema = responses.find(each)
            description = description or (schema or {}).get("description", "")
            response: Node = {**found.get(each, {}), "description": description or phrase_of(each)}
            if headers and each < 300:
                response["headers"] = headers
            if each in _WITHOUT_CONTENT:
                pass
            elif schema is not None and each != status and definition.method != "HEAD":
                response |= _content_of(schema)
            elif (content or is_empty) and each < 300:
                response["content"] = content
            found[each] = response
        return found

    def _error(self, status: int, error: DescribedError, own: Node | None) -> Node:
        phrase = phrase_of(status)
        texts = [*error.texts, *(f"`{code}`: {text}" for code, text in error.codes.items())]
        if own is None:
            content: Node = {"content": {JSON: {"schema": self._errors.of(status, error)}}}
        else:
            content = _content_of(own)
            phrase = own.get("description", phrase)
        response: Node = {"description": "\n\n".join(texts) or phrase, **content}
        if headers := _HEADERS.get(status):
            response["headers"] = headers
        if texts or own is not None:
            return response
        name = re.sub(r"[^A-Za-z]", "", phrase.title())
        self.responses[name] = response
        return {"$ref": f"#/components/responses/{name}"}


_HEADERS: Mapping[int, Node] = {
    401: {"WWW-Authenticate": {"schema": {"type": "string"}}},
    429: {"Retry-After": {"schema": {"type": "string"}}},
    503: {"Retry-After": {"schema": {"type": "string"}}},
}


def _redirects(operation: Operation) -> dict[int, Node]:
    """Return the redirect statuses of ``Responses:``, by default that of `RedirectResponse`."""
    named = [status for status in operation.docstring.responses if 300 <= status < 400]
    headers = {"Location": {"required": True, "schema": {"type": "string"}}}
    return {
        status: {"description": phrase_of(status), "headers": headers} for status in named or [302]
    }


def _with_kind(schema: Node, kind: Node) -> Node:
    """Return the schema of a text in a path with the pattern of its converter."""
    return schema if {"format", "pattern", "minLength"} & schema.keys() else {**schema, **kind}


def _of_kind(name: str, pattern: str) -> Node:
    if name == "int":
        return {"type": "integer"}
    if name == "float":
        return {"type": "number"}
    if name == "uuid":
        return {"type": "string", "format": "uuid"}
    if name in ("str", "path"):
        return {"type": "string", "minLength": 1}
    plain = pattern.replace("(?a:", "(?:")  # ECMA-262 matches only ASCII without a flag
    return {"type": "string", "pattern": f"^(?:{plain})$"}


def _content_of(schema: Node) -> Node:
    """Return the content with *schema*; empty if any content is possible."""
    content = {kind: {"schema": each} for kind, each in contents_by_media_type(schema).items()}
    return {"content": content} if content else {}


def _example(caption: str, value: Any) -> Node:
    return {"summary": caption, "value": value} if caption else {"value": value}
