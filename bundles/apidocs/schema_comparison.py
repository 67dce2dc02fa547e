"""Finds changes of a JSON Schema that break clients that send or receive its values."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import attrs

from bundles.apidocs.keys import decoded_key

Node = Mapping[str, Any]

_HOPS = 8
"""The maximum length of a chain of references."""

_UPPER = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")
_LOWER = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
_OTHER = ("pattern", "format", "multipleOf", "contentEncoding", "uniqueItems")


def at(document: Any, reference: str) -> Any:
    """Return the part of *document* at *reference*, such as ``#/components/x``."""
    for part in reference.removeprefix("#/").split("/"):
        document = document[decoded_key(part)]
    return document


@attrs.frozen
class SchemaComparison:
    """Compares schemas. New schemas may be wider for values that clients send, and narrower for
    values that clients receive."""

    old: Node
    new: Node
    is_sent_by_client: bool
    _seen: set[tuple[str, str]] = attrs.field(factory=set)

    def compare(self, where: str, before: Any, after: Any) -> Iterator[str]:
        """Yield the breaking changes of the value at *where*. Each class is compared only once."""
        pair = (_reference(before), _reference(after))
        if all(pair):
            if pair in self._seen:
                return
            self._seen.add(pair)
        before, after = self._resolved(before, self.old), self._resolved(after, self.new)
        if _is_union(before) or _is_union(after):
            yield from self._compare_alternatives(where, before, after)
            return
        yield from self._compare_types(where, before, after)
        yield from self._compare_values(where, before, after)
        yield from self._compare_limits(where, before, after)
        yield from self._compare_fields(where, before, after)
        for word in ("items", "additionalProperties", "propertyNames"):
            if isinstance(before.get(word), dict) and isinstance(after.get(word), dict):
                inner = f"{where}[]"
                yield from self.compare(inner, before[word], after[word])
        for number, places in enumerate(zip(_places(before), _places(after), strict=False)):
            yield from self.compare(f"{where}[{number}]", *places)
        yield from self._compare_alternatives(where, before, after)

    @staticmethod
    def _resolved(schema: Any, document: Node) -> Any:
        seen = 0
        while isinstance(schema, dict) and "$ref" in schema and seen < _HOPS:
            schema, seen = at(document, schema["$ref"]), seen + 1
        if not isinstance(schema, dict):
            return {}
        if "oneOf" in schema and "anyOf" not in schema:
            possible = [each for each in schema["oneOf"] if each is not False]
            schema = {**schema, "anyOf": possible}
        if "allOf" in schema:
            parts = [SchemaComparison._resolved(part, document) for part in schema["allOf"]]
            schema = _merged([*parts, {k: v for k, v in schema.items() if k != "allOf"}])
        return schema

    def _compare_types(self, where: str, before: Node, after: Node) -> Iterator[str]:
        known, given = _types(before), _types(after)
        wide, narrow = (given, known) if self.is_sent_by_client else (known, given)
        if wide is None or (narrow is not None and narrow <= wide):
            return
        yield f"{where}: type changed from {_shown(known)} to {_shown(given)}"

    def _compare_values(self, where: str, before: Node, after: Node) -> Iterator[str]:
        known, given = _values(before), _values(after)
        if self.is_sent_by_client and given is not None:
            lost = [v for v in known if v not in given] if known is not None else None
            if lost is None and known is None:
                yield f"{where} must be one of {_listed(given)} now"
            elif lost:
                yield f"{where} does not accept {_listed(lost)} any more"
        if not self.is_sent_by_client and known is not None:
            if given is None:
                yield f"{where} may have values other than {_listed(known)} now"
            elif added := [v for v in given if v not in known]:
                yield f"{where} may be {_listed(added)} now"

    def _compare_limits(self, where: str, before: Node, after: Node) -> Iterator[str]:
        old, new = (before, after) if self.is_sent_by_client else (after, before)
        changed: list[str] = []
        changed += [w for w in _UPPER if w in new and not (w in old and old[w] <= new[w])]
        changed += [w for w in _LOWER if w in new and not (w in old and old[w] >= new[w])]
        changed += [w for w in _OTHER if w in new and old.get(w) != new[w]]
        for word in changed:
            yield f"{where}: {_changed(word, before, after)}"

    def _compare_fields(self, where: str, before: Node, after: Node) -> Iterator[str]:
        known, given = before.get("properties", {}), after.get("properties", {})
        needed, needs = set(before.get("required", ())), set(after.get("required", ()))
        for name in known:
            if name not in given:
                if not (self.is_sent_by_client and _is_open(after)):
                    yield f"{where}.{name} was removed"
            else:
                inner = f"{where}.{name}"
                yield from self.compare(inner, known[name], given[name])
        if self.is_sent_by_client:
            for name in sorted(needs - needed):
                change = "required now" if name in known else "new and required"
                yield f"{where}.{name} is {change}"
            if _is_open(before) and not _is_open(after):
                yield f"{where} does not accept other fields any more"
        else:
            for name in sorted(needed - needs):
                if name in given:
                    yield f"{where}.{name} may be missing now"

    def _compare_alternatives(self, where: str, before: Node, after: Node) -> Iterator[str]:
        """Yield the breaking changes: each alternative in the narrower union must also be in the
        wider union."""
        if "anyOf" not in before and "anyOf" not in after:
            return
        known, given = before.get("anyOf", [before]), after.get("anyOf", [after])
        if not before or not after:  # one of them allows any value
            yield from self._compare_types(where, before, after)
            return
        each, among = (known, given) if self.is_sent_by_client else (given, known)
        for member in each:
            pairs = [
                (member, other) if self.is_sent_by_client else (other, member) for other in among
            ]
            if any(self._fits(old, new) for old, new in pairs):
                continue
            changed = next((pair for pair in pairs if _named(pair[0]) == _named(pair[1])), None)
            if changed is not None:
                yield from self.compare(where, *changed)
            else:
                name = _named(member)
                is_sent = self.is_sent_by_client
                change = f"does not accept {name} any more" if is_sent else f"may be {name} now"
                yield f"{where} {change}"

    def _fits(self, before: Any, after: Any) -> bool:
        alone = SchemaComparison(self.old, self.new, self.is_sent_by_client, set(self._seen))
        return next(alone.compare("", before, after), None) is None


def _merged(parts: Iterable[Node]) -> Node:
    """Return one schema with the fields of all *parts*; of other keywords, the last part wins."""
    merged: dict[str, Any] = {}
    for part in parts:
        properties = {**merged.get("properties", {}), **part.get("properties", {})}
        required = [*merged.get("required", ()), *part.get("required", ())]
        merged |= part
        if properties:
            merged["properties"] = properties
        if required:
            merged["required"] = required
    return merged


def _changed(word: str, before: Node, after: Node) -> str:
    if word not in before:
        return f"{word} {after[word]} is new"
    if word not in after:
        return f"{word} {before[word]} was removed"
    return f"{word} changed from {before[word]} to {after[word]}"


def _is_union(schema: Node) -> bool:
    """Whether *schema* has alternatives, and no other compared keywords."""
    return "anyOf" in schema and not {"type", "properties"} & schema.keys()


def _reference(schema: Any) -> str:
    found: str = schema.get("$ref", "") if isinstance(schema, dict) else ""
    return found


def _places(schema: Node) -> list[Any]:
    """Return the schemas of the items of a tuple; in draft 7 they are in ``items``."""
    found = schema.get("prefixItems", schema.get("items"))
    return found if isinstance(found, list) else []


def _is_open(schema: Node) -> bool:
    return schema.get("additionalProperties", True) is not False


def _types(schema: Node) -> frozenset[str] | None:
    """Return the JSON types that *schema* allows; None: any type."""
    given = schema.get("type")
    if given is None:
        values = _values(schema)
        return None if not values else frozenset(map(_type_of, values))
    found = {given} if isinstance(given, str) else set(given)
    return frozenset(found | ({"integer"} if "number" in found else set()))


def _type_of(value: object) -> str:
    kinds: list[tuple[Callable[[Any], bool], str]] = [
        (lambda v: v is None, "null"),
        (lambda v: isinstance(v, bool), "boolean"),
        (lambda v: isinstance(v, int), "integer"),
        (lambda v: isinstance(v, float), "number"),
        (lambda v: isinstance(v, str), "string"),
        (lambda v: isinstance(v, list), "array"),
    ]
    return next((name for test, name in kinds if test(value)), "object")


def _values(schema: Node) -> list[Any] | None:
    if "const" in schema:
        return [schema["const"]]
    found: list[Any] | None = schema.get("enum")
    return found


def _shown(types: frozenset[str] | None) -> str:
    if types is None:
        return "any value"
    return " or ".join(sorted(types - {"integer"} if "number" in types else types))


def _listed(values: list[Any]) -> str:
    return ", ".join(map(repr, values[:10]))


def _named(schema: Any) -> str:
    if not isinstance(schema, dict):
        return "of any value"
    reference = schema.get("$ref", "")
    return reference.rpartition("/")[2] or str(schema.get("type", "of another type"))
