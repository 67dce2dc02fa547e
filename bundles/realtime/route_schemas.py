"""The schemas of a route: they validate its requests, and filter the fields of its responses."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import attrs
from multidict import MultiDict

from bundles.realtime.json_schemas import JsonSchema
from bundles.realtime.response_filter import Filter, filter_of
from bundles.realtime.schema_texts import Texts
from rxkernel import (
    BadRequestException,
    HttpDefinition,
    Request,
    UnsupportedMediaTypeException,
)

_REQUEST_PARTS = ("body", "querystring", "query", "params", "headers")
PARTS = (*_REQUEST_PARTS, "response")

WITHOUT_BODY = ("GET", "HEAD")
"""The methods for which the schema of the body is ignored."""

Pairs = list[tuple[str, Any]]


@attrs.frozen
class TextSchema:
    """The schema of an object whose values may be sent as texts."""

    schema: JsonSchema
    texts: Texts

    @classmethod
    def of(cls, given: Any) -> "TextSchema":
        """Compile *given*.

        Raises:
            ValueError: *given* is not a valid schema.
        """
        return cls(JsonSchema(given), Texts(given))


@attrs.frozen
class RouteSchemas:
    """The compiled schemas of one route; None for a part without a schema.

    Attributes:
        response: the filters by status: ``200``, ``2xx`` or ``default``.
    """

    body: TextSchema | None = None
    querystring: TextSchema | None = None
    params: TextSchema | None = None
    headers: TextSchema | None = None
    response: Mapping[str, Filter] = attrs.field(factory=dict)

    @property
    def checks_requests(self) -> bool:
        parts = (self.body, self.querystring, self.params, self.headers)
        return any(part is not None for part in parts)

    def check(self, request: Request) -> None:
        """Validate *request*, and convert its parameters to the types of the schemas.

        Raises:
            UnsupportedMediaTypeException: the media type of the body is not supported (415).
            BadRequestException: a schema is violated; ``errors`` has an entry for each rule (400).
        """
        entries = [*self._check_texts(request), *self._check_body(request)]
        if entries:
            text = "; ".join(f"{entry['path']}: {entry['message']}" for entry in entries)
            raise BadRequestException(text, code="validation", errors=entries)

    def filter_for(self, status_code: int) -> Filter | None:
        """Return the filter for responses with *status_code*."""
        found = self.response
        for key in (str(status_code), f"{status_code // 100}xx", "default"):
            if key in found:
                return found[key]
        return None

    def _check_body(self, request: Request) -> Iterator[dict[str, Any]]:
        if self.body is None or request.method in WITHOUT_BODY:
            return
        body = request.body
        if body is None and not request.raw_body:
            yield {"path": "body", "code": "missing", "message": "a body is required"}
            return
        if _is_foreign(request):
            media_type = request.headers.get("Content-Type", "")
            raise UnsupportedMediaTypeException(
                f"the media type {media_type[:100]!r} is not supported; send application/json"
            )
        if isinstance(body, MultiDict):
            body = self.body.texts.read(_texts(body.items()))
        yield from _entries("body", self.body.schema, body)

    def _check_texts(self, request: Request) -> Iterator[dict[str, Any]]:
        if self.headers is not None:
            names = {name.lower() for name in request.headers}
            texts = {name: [", ".join(request.headers.getall(name))] for name in names}
            yield from _entries("headers", self.headers.schema, self.headers.texts.read(texts))
        if self.params is None and self.querystring is None:
            return
        own, query, form = _sources(request)
        params, bad_params = _read("params", self.params, own)
        values, bad_query = _read("querystring", self.querystring, query)
        yield from bad_params
        yield from bad_query
        request.params = MultiDict([*params, *values, *form])


def _is_foreign(request: Request) -> bool:
    """Whether the body has a media type other than JSON, forms and plain text."""
    if isinstance(request.body, str):
        media_type = request.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        return media_type.startswith("text/") and media_type not in ("text/plain", "text/json")
    return isinstance(request.body, bytes)


def _sources(request: Request) -> tuple[Pairs, Pairs, Pairs]:
    """Split the parameters of *request* into those of its path, its query and its form."""
    definition: HttpDefinition = request.definition
    in_path = definition.template.parameters
    fields = request.body if isinstance(request.body, MultiDict) else ()
    own: Pairs = []
    query: Pairs = []
    form: Pairs = []
    for name, value in request.params.items():
        part = own if name in in_path else form if name in fields else query
        part.append((name, value))
    return own, query, form


def _read(part: str, schema: TextSchema | None, given: Pairs) -> tuple[Pairs, list[Any]]:
    """Return *given* converted by *schema*, and an entry for each violated rule."""
    if schema is None:
        return given, []
    values = schema.texts.read(_texts(given))
    pairs = [
        (name, item)
        for name, value in values.items()
        for item in (value if isinstance(value, list) else [value])
    ]
    return pairs, [*_entries(part, schema.schema, values)]


def _texts(pairs: Iterable[tuple[str, Any]]) -> dict[str, list[Any]]:
    texts: dict[str, list[Any]] = {}
    for name, value in pairs:
        texts.setdefault(name, []).append(value)
    return texts


def _entries(part: str, schema: JsonSchema, value: Any) -> Iterator[dict[str, Any]]:
    for error in schema.errors(value):
        yield {"path": f"{part}{error.path}", "code": error.code, "message": error.message}


def read_schemas(given: Any) -> tuple[RouteSchemas, list[str]]:
    """Compile the value of the key ``schema``; also return the errors in its parts."""
    if not isinstance(given, dict):
        return RouteSchemas(), [f"schema is {given!r:.100}; it must be an object"]
    problems = [
        f"schema has the unknown key {key!r}; the keys are {', '.join(PARTS)}"
        for key in given
        if key not in PARTS
    ]
    if "query" in given and "querystring" in given:
        problems.append("schema has 'query' and 'querystring', which mean the same; remove one")

    def compiled(part: str, compile_part: Callable[[Any], Any], schema: Any) -> Any:
        try:
            return compile_part(schema)
        except ValueError as exc:
            problems.append(f"schema.{part} is not a valid JSON Schema: {exc}")
            return None

    parts = {
        "querystring" if part == "query" else part: compiled(part, TextSchema.of, given[part])
        for part in _REQUEST_PARTS
        if part in given
    }
    responses = given.get("response", {})
    if not isinstance(responses, dict):
        problems.append(f"schema.response is {responses!r:.100}; it must be an object")
        responses = {}
    filters: dict[str, Filter] = {}
    for status, schema in responses.items():
        key = status.lower()
        if key != "default" and not _is_status(key):
            problems.append(
                f"schema.response has the invalid key {status!r}; write a status such as '200', "
                f"'2xx' or 'default'"
            )
            continue
        if (found := compiled(f"response.{status}", filter_of, schema)) is not None:
            filters[key] = found
    return RouteSchemas(**parts, response=filters), problems


def _is_status(key: str) -> bool:
    return len(key) == 3 and key[0] in "12345" and (key[1:] == "xx" or key[1:].isdecimal())
