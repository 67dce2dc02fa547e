"""Converts JSON Schemas of any draft to schemas of a document: to draft 2020-12, with components
for the parts to which they refer."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import attrs

from bundles.apidocs.keys import plain_name, unique
from bundles.apidocs.schema_document import Part, SchemaDocument, text_of
from rxkernel import JsonSchemas

Schema = dict[str, Any]

_ONE = (
    *("not", "if", "then", "else", "contains", "propertyNames", "additionalProperties"),
    *("unevaluatedProperties", "unevaluatedItems", "contentSchema"),
)
"""Keywords whose value is a schema."""

_LIST = ("allOf", "anyOf", "oneOf", "prefixItems")
_BY_NAME = ("properties", "patternProperties", "dependentSchemas")

_SINCE: Mapping[str, int] = {
    **dict.fromkeys(("const", "contains", "propertyNames"), 6),
    **dict.fromkeys(("if", "then", "else", "contentMediaType", "contentEncoding"), 7),
    **dict.fromkeys(("dependentRequired", "dependentSchemas", "minContains"), 2019),
    **dict.fromkeys(("maxContains", "unevaluatedProperties", "unevaluatedItems"), 2019),
    **dict.fromkeys(("contentSchema",), 2019),
    "prefixItems": 2020,
}
"""The first draft that has a keyword; earlier drafts ignore it."""

_ANNOTATIONS = ("title", "description", "default", "examples", "deprecated")
_PLAIN = (
    *("type", "enum", "const", "format", "pattern", "multipleOf", "required", "uniqueItems"),
    *("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "minLength", "maxLength"),
    *("minItems", "maxItems", "minProperties", "maxProperties", "minContains", "maxContains"),
    *("dependentRequired", "contentMediaType", "contentEncoding", "readOnly", "writeOnly"),
    *_ANNOTATIONS,
)
"""Keywords whose value is copied. Other keywords, such as ``$comment``, are omitted."""

_REFERENCES = ("$ref", "$dynamicRef", "$recursiveRef")


class DraftSchemas:
    """Converts schemas for one pair of documents. Equal schemas share their components."""

    def __init__(self, schemas: JsonSchemas) -> None:
        self._schemas = schemas
        self._names: dict[tuple[int, str, str], str] = {}
        self._taken: set[str] = set()

    def converted(self, schema: Any, owner: str, part: str) -> Schema:
        """Return *schema* for documents. Its components are called ``<owner>_<name>``; a schema
        that refers to itself becomes the component ``<owner>_<part>``.

        Raises:
            ValueError: it is not a schema of a known draft, or refers to another schema.
        """
        document = SchemaDocument(schema)
        return _Converter(self, document, owner, part).object(schema, "")

    def refer(self, converter: "_Converter", uri: str, part: Part) -> Schema:
        """Return a reference to the component for *part*; add the component if it is new."""
        document = converter.document
        last = uri.partition("#")[2].rpartition("/")[2] or converter.part
        text = text_of(part.schema)
        if any(f'"{key}"' in text for key in _REFERENCES):  # may refer to different schemas
            text = f"{uri} {document.text}"
        key = (document.draft, last, text)
        if key not in self._names:
            self._names[key] = unique(plain_name(f"{converter.owner}_{last}"), self._taken)
            self._taken.add(self._names[key])
        name = self._names[key]
        build = partial(converter.object, part.schema, part.base)
        return self._schemas.add(name, build, f"the schema {name!r} of a route")


@attrs.frozen
class _Converter:
    schemas: DraftSchemas
    document: SchemaDocument
    owner: str
    part: str

    def object(self, schema: Any, base: str) -> Schema:
        """Convert *schema*, which may be ``true`` or ``false``, to an object."""
        found = self.convert(schema, base)
        if isinstance(found, bool):
            return {} if found else {"not": {}}
        return found

    def convert(self, schema: Any, base: str) -> Schema | bool:
        if isinstance(schema, bool):
            return schema
        if not isinstance(schema, dict):
            raise ValueError(f"{schema!r:.100} is not a schema")
        base = self.document.base_of(schema, base)
        references = [self._reference(schema[key], base) for key in _REFERENCES if key in schema]
        if references and self.document.draft <= 7:  # the other keywords have no effect
            schema = {key: schema[key] for key in _ANNOTATIONS if key in schema}
        found = self._keywords(schema, base)
        if len(references) == 1 and not found:
            return references[0]
        if references:
            found["allOf"] = [*references, *found.get("allOf", ())]
        return found

    def _reference(self, reference: str, base: str) -> Schema:
        uri, part = self.document.find(reference, base)
        return self.schemas.refer(self, uri, part)

    def _keywords(self, schema: Schema, base: str) -> Schema:
        draft = self.document.draft
        found: Schema = {}
        for key, value in schema.items():
            if _SINCE.get(key, 0) > draft:
                continue
            if key in _ONE:
                found[key] = self.convert(value, base)
            elif key in _LIST:
                found[key] = [self.convert(each, base) for each in value]
            elif key in _BY_NAME:
                found[key] = {name: self.convert(each, base) for name, each in value.items()}
            elif key in _PLAIN or key.startswith("x-"):
                found[key] = value
        self._add_items(found, schema, base)
        self._add_dependencies(found, schema, base)
        if draft == 4:
            _set_exclusive_limits(found)
        return found

    def _add_items(self, found: Schema, schema: Schema, base: str) -> None:
        """Write tuples with ``prefixItems``, which is new in draft 2020-12."""
        items = schema.get("items")
        if isinstance(items, list):
            found["prefixItems"] = [self.convert(each, base) for each in items]
            items = schema.get("additionalItems")
        if items is not None:
            found["items"] = self.convert(items, base)

    def _add_dependencies(self, found: Schema, schema: Schema, base: str) -> None:
        """Write ``dependencies`` as two keywords, which replace it since draft 2019-09."""
        if self.document.draft > 7:
            return
        for name, each in schema.get("dependencies", {}).items():
            if isinstance(each, list):
                found.setdefault("dependentRequired", {})[name] = each
            else:
                found.setdefault("dependentSchemas", {})[name] = self.convert(each, base)


def _set_exclusive_limits(found: Schema) -> None:
    """Convert the exclusive limits of draft 4, which are flags for the limits."""
    for key, limit in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
        if found.pop(key, False) is True and limit in found:
            found[key] = found.pop(limit)
