"""Removes fields of a response that are not in its JSON Schema."""

import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import unquote

from bundles.realtime.json_schemas import JsonSchema

Filter = Callable[[Any], Any]
"""Returns a JSON value without the fields that are not in a schema."""


def filter_of(schema: Any) -> Filter:
    """Return the filter for *schema*.

    In objects at every depth, it keeps the fields in ``properties``, ``patternProperties`` and
    ``additionalProperties``. It keeps all fields if the schema lacks these keys and the type
    ``object``.

    Raises:
        ValueError: *schema* is invalid.
    """
    JsonSchema(schema)
    try:
        return _Compiler(schema).compile(schema)
    except re.error as exc:
        raise ValueError(f"a pattern is not a valid regular expression of Python: {exc}") from exc
    except RecursionError as exc:
        raise ValueError("a $ref refers to a schema that contains only itself") from exc


class _Compiler:
    """Compiles the parts of one schema; a ``$ref`` refers to another part of it."""

    def __init__(self, root: Any) -> None:
        self._root = root
        self._known: dict[str, Filter] = {}

    def compile(self, schema: Any) -> Filter:
        if not isinstance(schema, Mapping):
            return _unchanged
        if isinstance(reference := schema.get("$ref"), str):
            return self._referenced(reference)
        for key in ("anyOf", "oneOf"):
            if isinstance(schemas := schema.get(key), list):
                return self._one_of(schema, schemas)
        if isinstance(schemas := schema.get("allOf"), list):
            return self.compile(_merged([schema, *map(self._resolved, schemas)]))
        return self._plain(schema)

    def _plain(self, schema: Mapping[str, Any]) -> Filter:
        types = schema.get("type")
        names = types if isinstance(types, list) else [types]
        items = schema.get("items")
        of_items = self.compile(items) if isinstance(items, Mapping) else _unchanged
        has_fields = any(
            key in schema for key in ("properties", "patternProperties", "additionalProperties")
        )
        if not has_fields and "object" not in names:
            return _unchanged if of_items is _unchanged else _ValueFilter(None, of_items).filter
        return _ValueFilter(self._fields(schema), of_items).filter

    def _fields(self, schema: Mapping[str, Any]) -> "_Fields":
        patterns = schema.get("patternProperties", {})
        more = schema.get("additionalProperties", False)
        return _Fields(
            {name: self.compile(part) for name, part in schema.get("properties", {}).items()},
            [(re.compile(text), self.compile(part)) for text, part in patterns.items()],
            self.compile(more) if more is not False else None,
        )

    def _one_of(self, schema: Mapping[str, Any], schemas: list[Any]) -> Filter:
        """Return a filter by the first of *schemas* that accepts the value. If none does, only the
        fields outside of *schemas* are kept."""
        common = {key: part for key, part in schema.items() if key not in ("anyOf", "oneOf")}
        whole = [_merged([common, self._resolved(part)]) for part in schemas]
        tested = [JsonSchema({**self._definitions(), **part}) for part in whole]
        choices = list(zip(tested, map(self.compile, whole), strict=True))
        otherwise = self.compile({**common, "type": ["object", "array"], "items": {}})

        def choose(value: Any) -> Any:
            for schema, filter_value in choices:
                if schema.accepts(value):
                    return filter_value(value)
            return otherwise(value)

        return choose

    def _definitions(self) -> dict[str, Any]:
        keys = ("definitions", "$defs", "$schema")
        return {key: self._root[key] for key in keys if key in self._root}

    def _resolved(self, schema: Any) -> Any:
        """Return the schema to which *schema* refers, or *schema* itself."""
        seen: set[str] = set()
        while isinstance(schema, Mapping) and isinstance(reference := schema.get("$ref"), str):
            if reference in seen:
                raise ValueError(f"the $ref {reference!r} refers to itself")
            seen.add(reference)
            schema = _part_of(self._root, reference)
        return schema

    def _referenced(self, reference: str) -> Filter:
        """Return the filter of *reference*. If it is still being compiled, since the schema
        contains itself, the filter is looked up when a value is filtered."""
        if reference in self._known:
            return lambda value: self._known[reference](value)
        self._known[reference] = _unchanged
        self._known[reference] = self.compile(self._resolved({"$ref": reference}))
        return self._known[reference]


class _Fields:
    """Keeps fields of an object, each with a filter of its value."""

    def __init__(
        self,
        named: Mapping[str, Filter],
        patterns: list[tuple[re.Pattern[str], Filter]],
        others: Filter | None,
    ) -> None:
        self._named = named
        self._patterns = patterns
        self._others = others

    def filter(self, value: Mapping[str, Any]) -> dict[str, Any]:
        found = ((name, self._filter_of(name), item) for name, item in value.items())
        return {name: keep(item) for name, keep, item in found if keep is not None}

    def _filter_of(self, name: str) -> Filter | None:
        if (known := self._named.get(name)) is not None:
            return known
        for pattern, keep in self._patterns:
            if pattern.search(name):
                return keep
        return self._others


class _ValueFilter:
    """Filters objects by *fields*, and the items of lists by *of_items*."""

    def __init__(self, fields: _Fields | None, of_items: Filter) -> None:
        self._fields = fields
        self._of_items = of_items

    def filter(self, value: Any) -> Any:
        if isinstance(value, dict) and self._fields is not None:
            return self._fields.filter(value)
        if isinstance(value, list):
            return [self._of_items(item) for item in value]
        return value


def _unchanged(value: Any) -> Any:
    return value


def _merged(schemas: list[Any]) -> dict[str, Any]:
    """Return one schema with the fields of all *schemas*; later ones override."""
    merged: dict[str, Any] = {}
    for schema in schemas:
        if not isinstance(schema, Mapping):
            continue
        for key, part in schema.items():
            if key in ("properties", "patternProperties"):
                merged[key] = {**merged.get(key, {}), **part}
            elif key != "allOf":
                merged[key] = part
    return merged


def _part_of(root: Any, reference: str) -> Any:
    """Return the part of *root* at the JSON pointer *reference* (RFC 6901).

    Raises:
        ValueError: the part does not exist.
    """
    if not reference.startswith("#"):
        raise ValueError(f"the $ref {reference!r} does not begin with '#'")
    part = root
    for step in reference[1:].split("/")[1:]:
        name = unquote(step).replace("~1", "/").replace("~0", "~")
        try:
            part = part[int(name)] if isinstance(part, list) else part[name]
        except (KeyError, IndexError, ValueError, TypeError):
            raise ValueError(f"the $ref {reference!r} refers to a missing part") from None
    return part
