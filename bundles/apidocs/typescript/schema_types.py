"""Converts JSON Schema 2020-12 to types of TypeScript."""

from collections.abc import Mapping, Sequence
from enum import IntEnum
from types import MappingProxyType
from typing import Any, NamedTuple

from bundles.apidocs.typescript.references import component_name
from bundles.apidocs.typescript.source_text import comment, literal, property_name

_WIDTH = 100
_PRIMITIVES = {
    "string": "string",
    "integer": "number",
    "number": "number",
    "boolean": "boolean",
    "null": "null",
}
_OBJECT_WORDS = ("properties", "additionalProperties", "patternProperties")
_ARRAY_WORDS = ("items", "prefixItems")

_PARTS = ("$ref", "allOf", "anyOf", "oneOf")
_NO_SCHEMAS: Mapping[str, Any] = MappingProxyType({})

Schema = Mapping[str, Any] | bool
_Names = tuple[frozenset[str], frozenset[str]]


class Binding(IntEnum):
    """The precedence of the outermost operator of a type; a lower one needs parentheses."""

    UNION = 0
    INTERSECTION = 1
    PRIMARY = 2


class TypeText(NamedTuple):
    text: str
    binding: Binding = Binding.PRIMARY
    choices: tuple[str, ...] = ()
    """The members of a union."""

    def inside(self, binding: Binding) -> str:
        return self.text if self.binding >= binding else f"({self.text})"


class SchemaTypes:
    """Writes schemas of one document as types.

    Args:
        names: the names of the types of the components.
        binary: the type of binary values, which is not the same for inputs and outputs.
        schemas: the schemas of the components.
    """

    def __init__(
        self, names: Mapping[str, str], binary: str, schemas: Mapping[str, Any] = _NO_SCHEMAS
    ) -> None:
        self._names = names
        self._binary = binary
        self._schemas = schemas

    def text(self, schema: Schema, indent: str = "") -> str:
        return self._of(schema, indent).text

    def after_colon(self, schema: Schema, indent: str) -> str:
        """Return the type with a space before it; a long union begins on a new line."""
        text = self.text(schema, indent)
        return text if text.startswith("\n") else f" {text}"

    def members(self, schema: Mapping[str, Any], indent: str) -> str:
        """Return the properties of an object, one on each line, with their comments."""
        required = schema.get("required", ())
        lines = []
        for name, value in schema.get("properties", {}).items():
            mark = "" if name in required else "?"
            lines.append(described(value, indent))
            lines.append(
                f"{indent}{property_name(name)}{mark}:{self.after_colon(value, indent)};\n"
            )
        if (index := self._index(schema, indent)) is not None:
            lines.append(f"{indent}[key: string]: {index};\n")
        return "".join(lines)

    def _of(self, schema: Schema, indent: str) -> TypeText:
        if isinstance(schema, bool):
            return TypeText("unknown" if schema else "never")
        parts = []
        if (reference := schema.get("$ref")) is not None:
            parts.append(TypeText(self._names[component_name(reference)]))
        if "const" in schema:
            parts.append(_literal_type(schema["const"]))
        elif "enum" in schema:
            parts.append(_union([_literal_type(value) for value in schema["enum"]], indent))
        elif is_binary(schema):
            null = [TypeText("null")] if "null" in schema.get("type", ()) else []
            parts.append(_union([_typed(self._binary), *null], indent))
        elif (own := self._own(schema, indent)) is not None:
            parts.append(own)
        for word in ("anyOf", "oneOf"):
            if word in schema:
                parts.append(_union([self._of(choice, indent) for choice in schema[word]], indent))
        parts += [self._of(part, indent) for part in schema.get("allOf", ())]
        if missing := self._newly_required(schema):
            whole = _intersection(parts)
            keys = " | ".join(literal(name) for name in missing)
            parts.append(TypeText(f"Required<Pick<{whole.text}, {keys}>>"))
        return _intersection(parts)

    def _newly_required(self, schema: Mapping[str, Any]) -> list[str]:
        """Return the properties that *schema* requires, and that are optional in its parts."""
        names = schema.get("required", ())
        if not names or "properties" in schema:
            return []
        parts = [self._merged(part) for part in self._all_of(schema)]
        optional = {name for properties, required in parts for name in properties - required}
        return [name for name in names if name in optional]

    def _merged(self, schema: Schema, inside: frozenset[str] = frozenset()) -> _Names:
        """Return the names of all properties of an object, and of those that are required."""
        if isinstance(schema, bool):
            return frozenset(), frozenset()
        properties = frozenset(schema.get("properties", ()))
        required = frozenset(schema.get("required", ()))
        for part in self._all_of(schema):
            reference = part.get("$ref", "") if isinstance(part, Mapping) else ""
            if reference not in inside:
                others = self._merged(part, inside | {reference} if reference else inside)
                properties, required = properties | others[0], required | others[1]
        return properties, required

    def _all_of(self, schema: Mapping[str, Any]) -> list[Schema]:
        parts = list(schema.get("allOf", ()))
        if "$ref" in schema:
            parts.append(self._schemas.get(component_name(schema["$ref"]), True))
        return parts

    def _own(self, schema: Mapping[str, Any], indent: str) -> TypeText | None:
        """Return the type that the keywords of this schema itself describe, if any."""
        types = schema.get("type")
        if types is None:
            if any(word in schema for word in _OBJECT_WORDS):
                types = "object"
            elif any(word in schema for word in _ARRAY_WORDS):
                types = "array"
            else:
                return None
        has_members = any(word in schema for word in _OBJECT_WORDS)
        if types == "object" and not has_members and any(word in schema for word in _PARTS):
            return None  # the parts are the objects
        named = [types] if isinstance(types, str) else types
        return _union([self._named(name, schema, indent) for name in named], indent)

    def _named(self, name: str, schema: Mapping[str, Any], indent: str) -> TypeText:
        if name == "object":
            if not schema.get("properties") and (index := self._index(schema, indent)):
                return TypeText(f"{{ [key: string]: {index} }}")
            members = self.members(schema, indent + "  ")
            return TypeText(f"{{\n{members}{indent}}}" if members else "Record<string, never>")
        if name == "array":
            return self._array(schema, indent)
        return TypeText(_PRIMITIVES[name])

    def _index(self, schema: Mapping[str, Any], indent: str) -> str | None:
        """Return the type of additional properties; None: the schema does not describe any."""
        patterns = schema.get("patternProperties", {})
        others = schema.get("additionalProperties", bool(patterns) or None)
        if others is None and not schema.get("properties"):
            others = True
        if not patterns and (others is None or others is False):
            return None
        if schema.get("properties"):
            return "unknown"  # an index must accept the types of all properties
        choices = [self._of(value, indent) for value in patterns.values()]
        if others is not False and not (patterns and others is True):
            choices.append(self._of(True if others is None else others, indent))
        return _union(choices, indent).text

    def _array(self, schema: Mapping[str, Any], indent: str) -> TypeText:
        items: Schema = schema.get("items", True)
        if "prefixItems" not in schema:
            return TypeText(f"{self._of(items, indent).inside(Binding.PRIMARY)}[]")
        places = [self._of(place, indent) for place in schema["prefixItems"]]
        least = schema.get("minItems", 0)
        texts = [
            place.text if at < least else f"{place.inside(Binding.PRIMARY)}?"
            for at, place in enumerate(places)
        ]
        if items is not False and schema.get("maxItems") != len(places):
            texts.append(f"...{self._of(items, indent).inside(Binding.PRIMARY)}[]")
        return TypeText(f"[{', '.join(texts)}]")


def described(schema: Schema, indent: str) -> str:
    """Return the comment of a property."""
    if isinstance(schema, bool):
        return ""
    text = str(schema.get("description", ""))
    return comment(text, deprecated=bool(schema.get("deprecated")), indent=indent)


def is_binary(schema: Mapping[str, Any]) -> bool:
    """Whether the value is bytes, and not a text with encoded bytes."""
    if schema.get("format") == "binary":
        return True
    return "contentMediaType" in schema and "contentEncoding" not in schema


def union_of(texts: Sequence[str]) -> str:
    """Return the union of the types, each once."""
    return _union([_typed(text) for text in texts], "").text


def _typed(text: str) -> TypeText:
    return TypeText(text, Binding.UNION if " | " in text else Binding.PRIMARY)


def _literal_type(value: Any) -> TypeText:
    if isinstance(value, list):
        return TypeText(f"[{', '.join(_literal_type(item).text for item in value)}]")
    if isinstance(value, dict):
        members = (f"{property_name(key)}: {_literal_type(value[key]).text}" for key in value)
        return TypeText(f"{{ {'; '.join(members)} }}" if value else "Record<string, never>")
    return TypeText(literal(value))


def _union(choices: Sequence[TypeText], indent: str) -> TypeText:
    texts = list(dict.fromkeys(t for each in choices for t in each.choices or (each.text,)))
    if "unknown" in texts:
        return TypeText("unknown")
    texts = [text for text in texts if text != "never"] or ["never"]
    if len(texts) == 1:
        same = (each for each in choices if each.text == texts[0])
        return next(same, TypeText(texts[0]))
    text = " | ".join(texts)
    if len(indent) + len(text) > _WIDTH - 30 and "\n" not in text:
        text = "".join(f"\n{indent}  | {choice}" for choice in texts)
    return TypeText(text, Binding.UNION, tuple(texts))


def _intersection(parts: Sequence[TypeText]) -> TypeText:
    unique = [part for part in dict.fromkeys(parts) if part.text != "unknown"]
    if not unique:
        return TypeText("unknown")
    if len(unique) == 1:
        return unique[0]
    texts = (part.inside(Binding.INTERSECTION) for part in unique)
    return TypeText(" & ".join(texts), Binding.INTERSECTION)
