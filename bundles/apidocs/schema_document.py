"""A JSON Schema with its parts, to which a ``$ref`` refers by a pointer, an id or an anchor."""

import json
import re
from collections.abc import Iterator
from functools import cached_property
from typing import Any
from urllib.parse import urldefrag, urljoin

import attrs

from bundles.apidocs.keys import decoded_key

_DRAFT = re.compile(r"https?://json-schema\.org/draft(?:-0([467])|/(2019-09|2020-12))/schema#?")
NEWEST = 2020


def draft_of(schema: Any) -> int:
    """Return the draft in ``$schema``: 4, 6, 7, 2019 or 2020. The default is 2020.

    Raises:
        ValueError: ``$schema`` is another URI.
    """
    if not isinstance(schema, dict) or "$schema" not in schema:
        return NEWEST
    found = _DRAFT.fullmatch(str(schema["$schema"]))
    if found is None:
        raise ValueError(
            f"the $schema {schema['$schema']!r} is not a draft of JSON Schema from 4 to 2020-12"
        )
    return int(found[1] or found[2][:4])


def text_of(schema: Any) -> str:
    """Return *schema* as JSON; equal schemas give the same text."""
    return json.dumps(schema, sort_keys=True)


@attrs.frozen
class Part:
    """A part of a document. *base*: the URI of the schema around it; if the part has an id, the id
    is relative to it."""

    schema: Any
    base: str


class SchemaDocument:
    """A schema and its parts.

    Attributes:
        draft: see `draft_of`.
    """

    def __init__(self, schema: Any) -> None:
        self.draft = draft_of(schema)
        self._id = "id" if self.draft == 4 else "$id"
        self._schema = schema

    @cached_property
    def text(self) -> str:
        """See `text_of`."""
        return text_of(self._schema)

    @cached_property
    def _parts(self) -> dict[str, Part]:
        """The parts by URI, computed on demand: most schemas have no references."""
        return {"": Part(self._schema, ""), **dict(self._named(self._schema, ""))}

    def base_of(self, schema: Any, base: str) -> str:
        """Return the URI to which references in *schema* are relative; *base* is that of the
        schema around it."""
        given = schema.get(self._id) if isinstance(schema, dict) else None
        if not isinstance(given, str) or given.startswith("#"):
            return base
        return urldefrag(urljoin(base, given)).url

    def find(self, reference: str, base: str) -> tuple[str, Part]:
        """Return the URI of the part to which *reference* refers, and the part.

        Raises:
            ValueError: this document has no such part.
        """
        uri = base + reference if reference.startswith("#") else urljoin(base, reference)
        resource, _, fragment = uri.partition("#")
        if fragment and not fragment.startswith("/"):
            found = self._parts.get(uri)
        else:
            found = self._at(self._parts.get(resource), fragment)
        if found is None:
            raise ValueError(f"the $ref {reference!r} does not refer to a part of its own schema")
        return uri, found

    def _at(self, start: Part | None, pointer: str) -> Part | None:
        """Return the part at the JSON pointer (RFC 6901), or None."""
        if start is None:
            return None
        found, base = start.schema, start.base
        for step in pointer.split("/")[1:]:
            base = self.base_of(found, base)
            name = decoded_key(step)
            try:
                found = found[int(name)] if isinstance(found, list) else found[name]
            except (KeyError, IndexError, ValueError, TypeError):
                return None
        return Part(found, base)

    def _named(self, node: Any, base: str) -> Iterator[tuple[str, Part]]:
        """Yield the parts with an id or an anchor, by URI."""
        if isinstance(node, list):
            for each in node:
                yield from self._named(each, base)
        if not isinstance(node, dict):
            return
        own = self.base_of(node, base)
        if own != base:
            yield own, Part(node, base)
        given = node.get(self._id)
        if isinstance(given, str) and "#" in given:
            yield f"{own}#{given.partition('#')[2]}".removesuffix("#"), Part(node, base)
        for key in ("$anchor", "$dynamicAnchor"):
            if isinstance(anchor := node.get(key), str):
                yield f"{own}#{anchor}", Part(node, base)
        for each in node.values():
            yield from self._named(each, own)
