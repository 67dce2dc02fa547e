"""The inputs of a definition: parameters, headers, cookies and a body."""

from collections.abc import Iterator, Mapping
from typing import Any

import attrs

from bundles.apidocs.docstrings import Docstring
from rxkernel import (
    Definition,
    HttpDefinition,
    JsonSchemas,
    Parameter,
    Signature,
    Source,
)

Schema = dict[str, Any]

JSON, MSGPACK = "application/json", "application/msgpack"
URLENCODED, MULTIPART = "application/x-www-form-urlencoded", "multipart/form-data"
TEXT, BYTES = "text/plain", "application/octet-stream"
ANY = "*/*"

_TEXTS = ("string", "integer", "number", "boolean", "null")


@attrs.frozen(kw_only=True)
class Input:
    """One value: a parameter of the message (of path, query or event), a header or a cookie."""

    source: Source
    key: str
    schema: Schema
    is_required: bool
    description: str = ""


@attrs.frozen(kw_only=True)
class Body:
    """The body: its schema, and the media types over HTTP."""

    schema: Schema
    media_types: tuple[str, ...]
    is_required: bool
    description: str = ""


@attrs.frozen(kw_only=True)
class Inputs:
    """All inputs of a definition. ``statuses``: the statuses of errors of resolvers.

    ``are_open``: the action takes the request, from which it may read undescribed inputs.
    """

    inputs: tuple[Input, ...] = ()
    body: Body | None = None
    statuses: tuple[int, ...] = ()
    are_open: bool = False


def inputs_of(definition: Definition, schemas: JsonSchemas, docstring: Docstring) -> Inputs:
    """Describe the inputs of *definition*."""
    parameters = definition.signature.parameters
    described = [d for p in parameters if (d := p.input_description) is not None]
    inputs = [i for p in parameters for i in _inputs(p, schemas, docstring)]
    inputs += [i for d in described for i in _described_inputs(d)]
    return Inputs(
        inputs=tuple(inputs),
        body=_body(definition.signature, schemas, docstring, described),
        statuses=tuple(sorted({status for d in described for status in d["statuses"]})),
    )


_PARAMETERS = (Source.PARAMS, Source.HEADER, Source.COOKIE)


def _inputs(parameter: Parameter, schemas: JsonSchemas, docstring: Docstring) -> Iterator[Input]:
    if parameter.source not in _PARAMETERS:
        return
    is_required = parameter.is_required
    text = docstring.parameters.get(parameter.name, "")
    if parameter.is_converted:
        yield _input(parameter, {"type": "string"}, is_required, text)
        return
    schema = schemas.input(parameter.type, allow_unknown=True)
    fields = schemas.schema_of(without_null(schema))
    if parameter.source is Source.PARAMS and "properties" in fields:
        needed = fields.get("required", ()) if is_required else ()
        for key, each in fields["properties"].items():
            yield Input(
                source=parameter.source,
                key=key,
                schema=each,
                is_required=key in needed,
                description=each.get("description", ""),
            )
        return
    if not is_required and parameter.default is not None:
        schema = schemas.with_default(schema, parameter.default)
    yield _input(parameter, schema, is_required, text)


def _input(parameter: Parameter, schema: Schema, is_required: bool, text: str) -> Input:
    return Input(
        source=parameter.source,
        key=parameter.key,
        schema=schema,
        is_required=is_required,
        description=text or schema.get("description", ""),
    )


def _described_inputs(description: Mapping[str, Any]) -> Iterator[Input]:
    for each in description["inputs"]:
        if each["source"] != "body":
            yield Input(
                source=Source(each["source"]),
                key=each["key"],
                schema=dict(each["schema"]),
                is_required=each["required"],
                description=each["description"],
            )


def without_null(schema: Schema) -> Schema:
    """Return *schema* without null, for a text in a path, a query or a form."""
    found = dict(schema)
    if isinstance(found.get("type"), list):
        kinds = [kind for kind in found["type"] if kind != "null"]
        found["type"] = kinds[0] if len(kinds) == 1 else kinds
    if None in found.get("enum", ()):
        found["enum"] = [value for value in found["enum"] if value is not None]
    if "anyOf" in found:
        members = [each for each in found["anyOf"] if each != {"type": "null"}]
        rest = {key: value for key, value in found.items() if key != "anyOf"}
        if len(members) != 1:
            found["anyOf"] = members
        elif "$ref" in members[0] and rest:
            found = {"allOf": members, **rest}
        else:
            found = {**members[0], **rest}
    if found.get("default", 0) is None:
        del found["default"]
    return found


def opened(inputs: Inputs, definition: Definition) -> Inputs:
    """Return *inputs* with any body, if the action may read a body from the request."""
    if not any(p.source is Source.REQUEST for p in definition.signature.parameters):
        return inputs
    has_body = not (isinstance(definition, HttpDefinition) and definition.method not in _BODIES)
    if inputs.body is None and has_body:
        body = Body(schema={}, media_types=(JSON, ANY), is_required=False)
        inputs = attrs.evolve(inputs, body=body)
    return attrs.evolve(inputs, are_open=True)


# --- bodies

_BODIES = ("POST", "PUT", "PATCH")


def _body(
    signature: Signature,
    schemas: JsonSchemas,
    docstring: Docstring,
    described: list[Mapping[str, Any]],
) -> Body | None:
    parameters = [p for p in signature.parameters if p.source is Source.BODY]
    files = [p for p in signature.parameters if p.source is Source.FILE]
    resolved = [each for d in described for each in d["inputs"] if each["source"] == "body"]
    if signature.is_streamed or signature.takes_bytes:
        return _bytes(signature, docstring)
    if len(parameters) == 1 and not parameters[0].key and not (files or resolved):
        return _whole(parameters[0], signature, schemas, docstring)
    if parameters or files or resolved:
        return _fields(parameters, files, resolved, schemas, docstring)
    return None


def _bytes(signature: Signature, docstring: Docstring) -> Body:
    found = next(p for p in signature.parameters if p.source in (Source.STREAM, Source.BODY))
    is_required = found.source is Source.BODY and found.is_required
    return Body(
        schema={"type": "string", "format": "binary"},
        media_types=(BYTES,),
        is_required=is_required,
        description=docstring.parameters.get(found.name, ""),
    )


def _whole(
    parameter: Parameter, signature: Signature, schemas: JsonSchemas, docstring: Docstring
) -> Body:
    schema = schemas.input(parameter.type, allow_unknown=parameter.allow_unknown)
    types = body_media_types(schema, schemas, takes_files=signature.takes_files)
    return Body(
        schema=schema,
        media_types=types,
        is_required=parameter.is_required,
        description=docstring.parameters.get(parameter.name, ""),
    )


def _fields(
    parameters: list[Parameter],
    files: list[Parameter],
    resolved: list[Mapping[str, Any]],
    schemas: JsonSchemas,
    docstring: Docstring,
) -> Body:
    properties: dict[str, Schema] = {}
    required: list[str] = []
    is_open = any(p.allow_unknown for p in parameters) or not parameters
    for p in parameters:
        found = schemas.input(p.type, allow_unknown=p.allow_unknown)
        if not p.key:  # the fields of a class, sent with files
            whole = schemas.schema_of(without_null(found))
            properties |= whole.get("properties", {})
            required += whole.get("required", ()) if p.is_required else ()
            is_open = is_open or not whole.get("properties")
            continue
        properties[p.key] = _with_text(found, p, docstring)
        if p.is_required:
            required.append(p.key)
        else:
            properties[p.key] = schemas.with_default(properties[p.key], p.default)
    for p in files:
        schema = without_null(schemas.input(p.type))
        properties[p.key] = _with_text(schema, p, docstring)
        if p.is_required and not _allows_null(schemas.input(p.type)):
            required.append(p.key)
    for each in resolved:
        properties[each["key"]] = dict(each["schema"])
        if each["required"]:
            required.append(each["key"])
    schema = {
        "type": "object",
        "properties": properties,
        **({"required": required} if required else {}),
        **({} if is_open or resolved else {"additionalProperties": False}),
    }
    types = body_media_types(schema, schemas, takes_files=bool(files))
    return Body(schema=schema, media_types=types, is_required=bool(required))


def _with_text(schema: Schema, parameter: Parameter, docstring: Docstring) -> Schema:
    text = docstring.parameters.get(parameter.name)
    if not text:
        return schema
    return JsonSchemas.with_keywords(schema, description=text)


def _allows_null(schema: Schema) -> bool:
    types = schema.get("type")
    return (isinstance(types, list) and "null" in types) or {"type": "null"} in schema.get(
        "anyOf", ()
    )


def body_media_types(
    schema: Schema, schemas: JsonSchemas, *, takes_files: bool
) -> tuple[str, ...]:
    """Return the media types in which a client may send a value of *schema* over HTTP."""
    if takes_files:
        return (MULTIPART,)
    found = schemas.schema_of(without_null(schema))
    if found.get("type") == "string" and schema.get("type") == "string":
        return (TEXT, JSON, MSGPACK)
    if "properties" in found and all(is_text(f, schemas) for f in found["properties"].values()):
        return (JSON, MSGPACK, URLENCODED, MULTIPART)
    return (JSON, MSGPACK)


def is_text(schema: Schema, schemas: JsonSchemas) -> bool:
    """Whether a form contains the value as one text, or as several texts with the same name."""
    found = schemas.schema_of(without_null(schema))
    if found.get("type") == "array":
        items = found.get("items")
        return isinstance(items, dict) and is_one_text(items, schemas)
    return is_one_text(found, schemas)


def is_one_text(schema: Schema, schemas: JsonSchemas) -> bool:
    """Whether a form contains the value as one text."""
    found = schemas.schema_of(without_null(schema))
    if "anyOf" in found:
        return all(is_one_text(each, schemas) for each in found["anyOf"])
    if "allOf" in found:
        return all(is_one_text(each, schemas) for each in found["allOf"])
    types = found.get("type")
    if types is None:
        return "enum" in found or "const" in found
    return all(kind in _TEXTS for kind in ([types] if isinstance(types, str) else types))
