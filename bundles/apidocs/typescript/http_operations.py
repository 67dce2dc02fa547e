"""The operations of an OpenAPI document."""

from collections.abc import Iterator, Mapping
from typing import Any

from bundles.apidocs.typescript.described_operation import (
    DescribedOperation,
    Field,
    HttpRoute,
    Returns,
    documentation,
)
from bundles.apidocs.typescript.error_codes import codes_of
from bundles.apidocs.typescript.references import resolved
from bundles.apidocs.typescript.schema_types import is_binary

_METHODS = ("get", "put", "post", "delete", "options", "head", "patch")
_FORMS = {"multipart/form-data": "multipart", "application/x-www-form-urlencoded": "form"}
_EMPTY = ("204", "205")
Document = Mapping[str, Any]


def http_operations(document: Document) -> Iterator[DescribedOperation]:
    for path, item in document.get("paths", {}).items():
        for method in _METHODS:
            if "operationId" in (operation := item.get(method, {})):
                shared = item.get("parameters", ())
                yield _operation(document, path, method, operation, shared)


def _operation(
    document: Document, path: str, method: str, operation: Document, shared: Any
) -> DescribedOperation:
    parameters = [resolved(document, each) for each in (*shared, *operation.get("parameters", ()))]
    kind, body = _body(document, operation.get("requestBody"))
    returns, results = _results(document, method, operation["responses"])
    return DescribedOperation(
        name=operation["operationId"],
        route=HttpRoute(
            method=method.upper(),
            path=path.split("#")[0],  # a fragment keeps the paths of several routes apart
            rest=tuple(each["name"] for each in parameters if _is_rest(each)),
            query=tuple(each["name"] for each in parameters if each["in"] == "query"),
            body=kind,
            headers={
                each["name"]: each["schema"]["const"] for each in parameters if _is_fixed(each)
            },
        ),
        params=tuple(_field(each) for each in parameters if each["in"] in ("path", "query")),
        headers=tuple(
            _field(each) for each in parameters if each["in"] == "header" and not _is_fixed(each)
        ),
        body=body,
        results=results,
        returns=returns,
        tag=next(iter(operation.get("tags", ())), ""),
        codes=_codes(document, operation["responses"]),
        summary=documentation(operation.get("summary", ""), operation.get("description", "")),
        is_deprecated=operation.get("deprecated", False),
    )


def _field(parameter: Document) -> Field:
    content: Document = next(iter(parameter.get("content", {}).values()), {})
    return Field(
        name=parameter["name"],
        schema=parameter.get("schema", content.get("schema", True)),
        is_required=parameter.get("required", False),
        description=parameter.get("description", ""),
        is_deprecated=parameter.get("deprecated", False),
    )


def _is_fixed(parameter: Document) -> bool:
    """Whether it is a header with a fixed value, by which the server selects the route."""
    schema = parameter.get("schema")
    value = schema.get("const") if isinstance(schema, Mapping) else None
    return (
        parameter["in"] == "header"
        and parameter.get("required") is True
        and isinstance(value, str)
    )


def _is_rest(parameter: Document) -> bool:
    """Whether it is the rest of the path, which may contain slashes."""
    return parameter["in"] == "path" and bool(parameter.get("x-rxkernel-rest"))


def _body(document: Document, body: Document | None) -> tuple[Any, Field | None]:
    """Return how the body is sent, and its field. It is sent as JSON, unless it has files."""
    if body is None:
        return None, None
    body = resolved(document, body)
    content = body["content"]
    is_required = body.get("required", False)
    json = next((kind for kind in content if _is_json(kind)), None)
    form = next((kind for kind in _FORMS if kind in content), None)
    chosen = json or form
    if form is not None and (json is None or _has_files(document, content[form])):
        chosen = form
    if chosen is None:
        schema = {"format": "binary"} if "text/plain" not in content else {"type": "string"}
        return "raw", Field("body", schema, is_required, body.get("description", ""))
    schema = content[chosen].get("schema", True)
    kind = _FORMS.get(chosen, "json")
    return kind, Field("body", schema, is_required, body.get("description", ""))


def _has_files(document: Document, media: Document) -> bool:
    return _contains_binary(document, media.get("schema", True), frozenset())


def _contains_binary(document: Document, schema: Any, inside: frozenset[str]) -> bool:
    if not isinstance(schema, Mapping) or schema.get("$ref") in inside:
        return False
    if "$ref" in schema:
        inside |= {schema["$ref"]}
        schema = resolved(document, schema)
    parts = [schema.get("items"), schema.get("additionalProperties")]
    parts += schema.get("properties", {}).values()
    for word in ("anyOf", "oneOf", "allOf", "prefixItems"):
        parts += schema.get(word, ())
    return is_binary(schema) or any(_contains_binary(document, part, inside) for part in parts)


def _results(document: Document, method: str, responses: Document) -> tuple[Returns, Any]:
    """Return how the client returns 2xx responses, and the schemas of the values."""
    found = {
        str(status): resolved(document, response).get(
            "content", {} if str(status) in _EMPTY else None
        )
        for status, response in responses.items()
        if str(status).startswith("2")
    }
    if not found or method == "head":
        return "response", ()
    if all(content == {} for content in found.values()):
        return "nothing", ()
    media = [each for content in found.values() for each in (content or {}).items()]
    if not all(_is_value(kind, schema) for kind, schema in media):
        return "response", ()
    values = [schema.get("schema", True) for kind, schema in media if not _is_packed(kind)]
    if None in found.values():
        values.append(True)  # the content is not described
    if {} in found.values():
        values.append(None)
    return "bytes" if all(map(_is_bytes, values)) else "value", tuple(values)


def _is_value(kind: str, media: Document) -> bool:
    """Whether the client decodes this content; if not, it returns the response itself."""
    if kind == "*/*":
        return not _is_bytes(media.get("schema", True))
    return _is_json(kind) or _is_packed(kind) or kind in ("text/plain", "application/octet-stream")


def _is_bytes(schema: Any) -> bool:
    return isinstance(schema, Mapping) and is_binary(schema)


def _is_packed(kind: str) -> bool:
    """Whether it is MessagePack, which the client never requests."""
    return "msgpack" in kind


def _codes(document: Document, responses: Document) -> frozenset[str | int]:
    codes: frozenset[str | int] = frozenset()
    for status, response in responses.items():
        if not str(status).startswith(("1", "2", "3")):
            for media in resolved(document, response).get("content", {}).values():
                codes |= codes_of(document, media.get("schema"))
    return codes


def _is_json(kind: str) -> bool:
    essence = kind.split(";")[0].strip().lower()
    return essence == "application/json" or essence.endswith("+json")
