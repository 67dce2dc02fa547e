"""Finds changes of a document that break clients, which were written for the old document.

Values that clients send are compared in one direction, and values that they receive in the other:
a new required field breaks clients that send the value, a removed field clients that read it.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from bundles.apidocs.schema_comparison import SchemaComparison, at

Node = Mapping[str, Any]


def breaking_changes(old: Node, new: Node) -> list[str]:
    """Return a message for each change from *old* to *new* that breaks clients of *old*. Both are
    OpenAPI documents, or both are AsyncAPI documents.

    Raises:
        ValueError: the documents are not of the same kind.
    """
    for kind, compare in (("openapi", _compare_openapi), ("asyncapi", _compare_asyncapi)):
        if kind in old and kind in new:
            return list(dict.fromkeys(compare(old, new)))
    raise ValueError("not two OpenAPI documents or two AsyncAPI documents")


# --- OpenAPI


_ANY = "*/*"
_NEGOTIATED = ("application/msgpack",)
"""Media types that are sent only to clients that ask for them."""


def _compare_openapi(old: Node, new: Node) -> Iterator[str]:
    by_shape = {_shape(path): path for path in new["paths"]}
    for path, verbs in old["paths"].items():
        path_now = path if path in new["paths"] else by_shape.get(_shape(path), path)
        names = dict(zip(_names(path), _names(path_now), strict=True))
        for verb, before in verbs.items():
            where = f"{verb.upper()} {path}"
            after = new["paths"].get(path_now, {}).get(verb)
            if after is None:
                yield f"{where} was removed"
                continue
            before = _renamed(before, names)
            for name, name_now in names.items():
                if name != name_now:
                    yield f"{where}: path parameter {name!r} was renamed to {name_now!r}"
            if before.get("operationId") != after.get("operationId"):
                names_of = (before.get("operationId"), after.get("operationId"))
                yield f"{where}: operationId changed from {names_of[0]!r} to {names_of[1]!r}"
            yield from _compare_parameters(where, before, after, old, new)
            yield from _compare_bodies(where, before, after, old, new)
            yield from _compare_responses(where, before, after, old, new)
            yield from _compare_security(where, before, after)


def _shape(path: str) -> str:
    return re.sub(r"\{[^{}]*\}", "{}", path)


def _names(path: str) -> list[str]:
    found: list[str] = re.findall(r"\{([^{}]*)\}", path)
    return found


def _renamed(operation: Node, names: Mapping[str, str]) -> Node:
    """Return *operation* with the path parameters renamed by *names*."""
    parameters = [
        {**each, "name": names.get(each["name"], each["name"])} if each["in"] == "path" else each
        for each in operation.get("parameters", ())
    ]
    return {**operation, "parameters": parameters}


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
        sent = SchemaComparison(old, new, is_sent_by_client=True)
        yield from sent.compare(what, known[key].get("schema", {}), parameter.get("schema", {}))
    for key in sorted(known.keys() - given.keys()):
        yield f"{where}: {key[0]} parameter {key[1]!r} was removed"


def _compare_bodies(where: str, before: Node, after: Node, old: Node, new: Node) -> Iterator[str]:
    had, has = before.get("requestBody"), after.get("requestBody")
    if has is None:
        if had is not None:
            yield f"{where}: body was removed"
        return
    if has.get("required") and not (had or {}).get("required"):
        yield f"{where}: body is required now"
    if had is None:
        return
    for media_type, content in had["content"].items():
        found = has["content"].get(media_type, has["content"].get(_ANY))
        if found is None:
            yield f"{where}: body does not accept {media_type} any more"
            continue
        sent = SchemaComparison(old, new, is_sent_by_client=True)
        what = f"{where}: body"
        yield from sent.compare(what, content.get("schema", {}), found.get("schema", {}))


def _compare_responses(
    where: str, before: Node, after: Node, old: Node, new: Node
) -> Iterator[str]:
    for status, response in before["responses"].items():
        if not status.startswith("2"):
            continue
        found = after["responses"].get(status)
        if found is None:
            yield f"{where}: response {status} was removed"
            continue
        what = f"{where}: response {status}"
        known, given = response.get("content", {}), found.get("content", {})
        for media_type, content in known.items():
            media = given.get(media_type, given.get(_ANY))
            if media is None:
                yield f"{what} is not {media_type} any more"
                continue
            received = SchemaComparison(old, new, is_sent_by_client=False)
            yield from received.compare(what, content.get("schema", {}), media.get("schema", {}))
        if known and _ANY not in known and known.keys() & given.keys():
            for media_type in sorted(given.keys() - known.keys() - set(_NEGOTIATED)):
                yield f"{what} may be {media_type} now"
    for status in sorted(after["responses"].keys() - before["responses"].keys()):
        if status.startswith("2"):
            yield f"{where}: response {status} is new"


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

_ENVELOPE = "x-rxkernel-envelope"


def _compare_asyncapi(old: Node, new: Node) -> Iterator[str]:
    for key, before in old["operations"].items():
        is_received = before["action"] == "receive"
        (event,) = _messages(old, before["messages"])
        address = at(old, before["channel"]["$ref"])["address"]
        where = f"{'event' if is_received else 'pushed event'} {event['name']!r} of {address}"
        after = new["operations"].get(key)
        if after is None or at(new, after["channel"]["$ref"])["address"] != address:
            yield f"{where} was removed"
            continue
        (found,) = _messages(new, after["messages"])
        if found["name"] != event["name"]:
            yield f"{where} was renamed to {found['name']!r}"
        if before.get(_ENVELOPE, True) != after.get(_ENVELOPE, True):
            yield f"{where} has {'an' if after.get(_ENVELOPE, True) else 'no'} envelope now"
            continue
        compared = SchemaComparison(old, new, is_sent_by_client=is_received)
        what = f"{where}: payload"
        yield from compared.compare(what, event.get("payload", {}), found.get("payload", {}))
        if "reply" in before and "reply" in after:
            yield from _compare_replies(where, before, after, old, new)
        if before.get("security", []) == [] and after.get("security"):
            yield f"{where} needs a credential now"


def _compare_replies(where: str, before: Node, after: Node, old: Node, new: Node) -> Iterator[str]:
    known = _messages(old, before["reply"]["messages"])[0]
    found = _messages(new, after["reply"]["messages"])[0]
    received = SchemaComparison(old, new, is_sent_by_client=False)
    what = f"{where}: acknowledgement"
    yield from received.compare(what, known.get("payload", {}), found.get("payload", {}))


def _messages(document: Node, references: list[Node]) -> list[Any]:
    return [at(document, each["$ref"]) for each in references]
