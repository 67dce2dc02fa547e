"""Finds changes of a document that break clients: the old document is that which they know.

What a client sends is compared in one direction, what it receives in the other: a new required
field breaks those that send it, a removed field those that read it.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import attrs

Node = Mapping[str, Any]

_HOPS = 8
"""Most references to references."""

_UPPER = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")
_LOWER = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
_OTHER = ("pattern", "format", "multipleOf", "contentEncoding", "uniqueItems")


def breaking_changes(old: Node, new: Node) -> list[str]:
    """Return a sentence for each change from *old* to *new*, two OpenAPI or two AsyncAPI
    documents, that breaks clients of *old*.

    Raises:
        ValueError: the two are not documents of one kind.
    """
    for kind, compare in (("openapi", _compare_openapi), ("asyncapi", _compare_asyncapi)):
        if kind in old and kind in new:
            return list(dict.fromkeys(compare(old, new)))
    raise ValueError("not two OpenAPI documents or two AsyncAPI documents")


# --- OpenAPI


def _compare_openapi(old: Node, new: Node) -> Iterator[str]:
    for path, verbs in old["paths"].items():
        for verb, before in verbs.items():
            where = f"{verb.upper()} {path}"
            after = new["paths"].get(path, {}).get(verb)
            if after is None:
                yield f"{where} was removed"
                continue
            if before.get("operationId") != after.get("operationId"):
                yield (
                    f"{where} is called {after.get('operationId')!r}, not "
                    f"{before.get('operationId')!r}"
                )
            yield from _compare_parameters(where, before, after, old, new)
            yield from _compare_bodies(where, before, after, old, new)
            yield from _compare_responses(where, before, after, old, new)
            yield from _compare_security(where, before, after)


def _compare_parameters(
    where: str, before: Node, after: Node, old: Node, new: Node
) -> Iterator[str]:
    known = {(p["in"], p["name"]): p for p in before.get("parameters", ())}
    given = {(p["in"], p["name"]): p for p in after.get("parameters", ())}
    for key, parameter in given.items():
        what = f"{where}: {key[0]} parameter {key[1]!r}"
        if key not in known:
            if parameter.get("required"):
                yield f"{what} is new and required"
            continue
        if parameter.get("required") and not known[key].get("required"):
            yield f"{what} is required now"
        sent = _Schemas(old, new, is_sent_by_client=True)
        yield from sent.compare(what, known[key].get("schema", {}), parameter.get("schema", {}))
    for key in known.keys() - given.keys():
        yield f"{where}: {key[0]} parameter {key[1]!r} was removed"


def _compare_bodies(where: str, before: Node, after: Node, old: Node, new: Node) -> Iterator[str]:
    had, has = before.get("requestBody"), after.get("requestBody")
    if has is None:
        if had is not None:
            yield f"{where}: the body was removed"
        return
    if has.get("required") and not (had or {}).get("required"):
        yield f"{where}: the body is required now"
    if had is None:
        return
    for media_type, content in had["content"].items():
        if media_type not in has["content"]:
            yield f"{where}: a body of {media_type} is not accepted any more"
            continue
        found = has["content"][media_type]
        sent = _Schemas(old, new, is_sent_by_client=True)
        what = f"{where}: the body"
        yield from sent.compare(what, content.get("schema", {}), found.get("schema", {}))


def _compare_responses(
    where: str, before: Node, after: Node, old: Node, new: Node
) -> Iterator[str]:
    for status, response in before["responses"].items():
        if not status.startswith("2"):
            continue
        found = after["responses"].get(status)
        if found is None:
            yield f"{where}: the response {status} was removed"
            continue
        for media_type, content in response.get("content", {}).items():
            what = f"{where}: the response {status}"
            if media_type not in found.get("content", {}):
                yield f"{what} is not {media_type} any more"
                continue
            received = _Schemas(old, new, is_sent_by_client=False)
            schema = found["content"][media_type].get("schema", {})
            yield from received.compare(what, content.get("schema", {}), schema)
    for status in after["responses"].keys() - before["responses"].keys():
        if status.startswith("2"):
            yield f"{where}: the response {status} is new"


def _compare_security(where: str, before: Node, after: Node) -> Iterator[str]:
    known = before.get("security", [])
    given = after.get("security", [])
    if (not known or {} in known) and given and {} not in given:
        yield f"{where} needs a credential now"
        return
    for alternative in known:
        if given and alternative not in given and {} not in given:
            shown = " and ".join(_shown_scheme(n, r) for n, r in alternative.items())
            yield f"{where} does not accept {shown or 'clients without a credential'} any more"


def _shown_scheme(name: str, roles: list[str]) -> str:
    return f"{name} with the role {', '.join(roles)}" if roles else name


# --- AsyncAPI


def _compare_asyncapi(old: Node, new: Node) -> Iterator[str]:
    for key, before in old["operations"].items():
        is_received = before["action"] == "receive"
        (event,) = _messages(old, before["messages"])
        address = _at(old, before["channel"]["$ref"])["address"]
        where = f"{'event' if is_received else 'pushed event'} {event['name']!r} of {address}"
        after = new["operations"].get(key)
        if after is None or _at(new, after["channel"]["$ref"])["address"] != address:
            yield f"{where} was removed"
            continue
        (found,) = _messages(new, after["messages"])
        if found["name"] != event["name"]:
            yield f"{where} is called {found['name']!r} now"
        compared = _Schemas(old, new, is_sent_by_client=is_received)
        what = f"{where}: the payload"
        yield from compared.compare(what, event.get("payload", {}), found.get("payload", {}))
        if "reply" in before and "reply" in after:
            yield from _compare_replies(where, before, after, old, new)
        if before.get("security", []) == [] and after.get("security"):
            yield f"{where} needs a credential now"


def _compare_replies(where: str, before: Node, after: Node, old: Node, new: Node) -> Iterator[str]:
    known = _messages(old, before["reply"]["messages"])[0]
    found = _messages(new, after["reply"]["messages"])[0]
    received = _Schemas(old, new, is_sent_by_client=False)
    what = f"{where}: the acknowledgement"
    yield from received.compare(what, known.get("payload", {}), found.get("payload", {}))


def _messages(document: Node, references: list[Node]) -> list[Any]:
    return [_at(document, each["$ref"]) for each in references]


def _at(document: Any, reference: str) -> Any:
    for part in reference.removeprefix("#/").split("/"):
        document = document[part.replace("~1", "/").replace("~0", "~")]
    return document


# --- schemas


@attrs.frozen
class _Schemas:
    """Compares schemas. Those of values that clients send may accept more than before, those of
    values that they receive may be narrower."""

    old: Node
    new: Node
    is_sent_by_client: bool
    _seen: set[tuple[str, str]] = attrs.field(factory=set)

    def compare(self, where: str, before: Any, after: Any) -> Iterator[str]:
        """Yield the breaking changes of a value at *where*. A class is compared once."""
        pair = (_reference(before), _reference(after))
        if all(pair):
            if pair in self._seen:
                return
            self._seen.add(pair)
        before, after = self._resolved(before, self.old), self._resolved(after, self.new)
        yield from self._compare_types(where, before, after)
        yield from self._compare_values(where, before, after)
        yield from self._compare_limits(where, before, after)
        yield from self._compare_fields(where, before, after)
        for word in ("items", "additionalProperties", "propertyNames"):
            if isinstance(before.get(word), dict) and isinstance(after.get(word), dict):
                inner = f"{where}[]"
                yield from self.compare(inner, before[word], after[word])
        yield from self._compare_alternatives(where, before, after)

    @staticmethod
    def _resolved(schema: Any, document: Node) -> Any:
        seen = 0
        while isinstance(schema, dict) and "$ref" in schema and seen < _HOPS:
            schema, seen = _at(document, schema["$ref"]), seen + 1
        if not isinstance(schema, dict):
            return {}
        if len(schema.get("allOf", ())) == 1:
            inner = _Schemas._resolved(schema["allOf"][0], document)
            schema = {**inner, **{k: v for k, v in schema.items() if k != "allOf"}}
        return schema

    def _compare_types(self, where: str, before: Node, after: Node) -> Iterator[str]:
        known, given = _types(before), _types(after)
        wide, narrow = (given, known) if self.is_sent_by_client else (known, given)
        if wide is None or (narrow is not None and narrow <= wide):
            return
        yield f"{where} was {_shown(known)} and is {_shown(given)}"

    def _compare_values(self, where: str, before: Node, after: Node) -> Iterator[str]:
        known, given = _values(before), _values(after)
        if self.is_sent_by_client and given is not None:
            lost = [v for v in known if v not in given] if known is not None else None
            if lost is None and known is None:
                yield f"{where} must be one of {_listed(given)} now"
            elif lost:
                yield f"{where} may not be {_listed(lost)} any more"
        if not self.is_sent_by_client and known is not None:
            if given is None:
                yield f"{where} may be another value than {_listed(known)} now"
            elif added := [v for v in given if v not in known]:
                yield f"{where} may be {_listed(added)} now"

    def _compare_limits(self, where: str, before: Node, after: Node) -> Iterator[str]:
        old, new = (before, after) if self.is_sent_by_client else (after, before)
        changed: list[str] = []
        changed += [w for w in _UPPER if w in new and not (w in old and old[w] <= new[w])]
        changed += [w for w in _LOWER if w in new and not (w in old and old[w] >= new[w])]
        changed += [w for w in _OTHER if w in new and old.get(w) != new[w]]
        for word in changed:
            was, now = before.get(word, "not limited"), after.get(word, "not limited")
            yield f"{where}: {word} was {was} and is {now}"

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
                yield f"{where} may not have other fields any more"
        else:
            for name in sorted(needed - needs):
                if name in given:
                    yield f"{where}.{name} may be missing now"

    def _compare_alternatives(self, where: str, before: Node, after: Node) -> Iterator[str]:
        """Each alternative of the narrower union must have one in the wider union."""
        if "anyOf" not in before and "anyOf" not in after:
            return
        known, given = before.get("anyOf", [before]), after.get("anyOf", [after])
        each, among = (known, given) if self.is_sent_by_client else (given, known)
        for member in each:
            pairs = [
                (member, other) if self.is_sent_by_client else (other, member) for other in among
            ]
            if not any(self._fits(old, new) for old, new in pairs):
                verb = "is not accepted any more" if self.is_sent_by_client else "is new"
                yield f"{where}: the alternative {_named(member)} {verb}"

    def _fits(self, before: Any, after: Any) -> bool:
        alone = _Schemas(self.old, self.new, self.is_sent_by_client, set(self._seen))
        return next(alone.compare("", before, after), None) is None


def _reference(schema: Any) -> str:
    found: str = schema.get("$ref", "") if isinstance(schema, dict) else ""
    return found


def _is_open(schema: Node) -> bool:
    return schema.get("additionalProperties", True) is not False


def _types(schema: Node) -> frozenset[str] | None:
    """The types of JSON that a schema allows; None: any, or not said."""
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
    reference = schema.get("$ref", "")
    return reference.rpartition("/")[2] or str(schema.get("type", "of another type"))
