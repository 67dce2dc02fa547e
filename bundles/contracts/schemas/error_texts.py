"""The texts of both notations for errors that the kernel has found.

Only ``message`` of an entry differs from that of rxkernel. The path, the code and the params stay,
so that programs can rely on them.
"""

from collections.abc import Callable
from typing import Any

from bundles.contracts.schemas.error_places import ErrorPlace, find_place, first_missing
from bundles.contracts.schemas.nodes import (
    Dictionary,
    Enumeration,
    Json,
    Node,
    Scalar,
    Struct,
    Tuple,
    Union,
    resolved,
)
from bundles.contracts.schemas.scalar_types import MAX_FLOAT

Entry = dict[str, Any]

_TYPE_CODES = ("type", "format", "out_of_range", "timezone", "encoding")
_LENGTH_CODES = {"too_short": "value is too short", "too_long": "exceeds the maximum length"}
_SHOWN_CHOICES = 20


Text = Callable[[Entry, ErrorPlace], str]
"""Returns the message for an entry; the kernel's message is in the entry."""


def with_texts(entries: list[Entry], root: ErrorPlace, path: str, text: Text) -> list[Entry]:
    """Return *entries*, the errors in the value *root* at *path*, with other messages."""
    return [_with_text(entry, root, path, text) for entry in entries]


def _with_text(entry: Entry, root: ErrorPlace, path: str, text: Text) -> Entry:
    place = find_place(root, entry["path"].removeprefix(path))
    entry = _normalized(entry, place)
    return {**entry, "message": text(entry, place)}


def metarhia_text(entry: Entry, place: ErrorPlace) -> str:
    """Return the text of metaschema, which begins with the path."""
    node = place.node
    if entry["code"] == "too_short" and isinstance(node, Tuple):
        place = first_missing(node, place)
        return _prefixed(place, _wrong_type(place.node))
    return _prefixed(place, _text(entry, place))


def definition_text(entry: Entry, place: ErrorPlace) -> str:
    """Return the text of Impress of 2015, without the value that it quoted."""
    if entry["code"] == "unknown_field":
        return f'Unexpected name "{place.name}"'
    return f"Unexpected value for definition: {'' if place.node is None else place.node.title}"


def _normalized(entry: Entry, place: ErrorPlace) -> Entry:
    """Return *entry* with the code of the rule in the notation."""
    node = place.node
    if isinstance(node, Enumeration) and entry["code"] not in ("missing", "invalid"):
        choices = list(node.values[:_SHOWN_CHOICES])
        return {**entry, "code": "choice", "params": {"choices": choices}}
    bound = next(iter(entry.get("params", {}).values()), None)
    if entry["code"] in ("too_small", "too_large") and bound in (MAX_FLOAT, -MAX_FLOAT):
        return {"path": entry["path"], "code": "out_of_range", "message": entry["message"]}
    return entry


def _prefixed(place: ErrorPlace, text: str) -> str:
    """Return *text* after the path; after "Value" for the whole value, which has no path."""
    if text.startswith("Field"):
        return text
    return f'Field "{place.path}" {text}' if place.path else f"Value {text.removeprefix('value ')}"


def _text(entry: Entry, place: ErrorPlace) -> str:
    code, node = entry["code"], place.node
    if code == "missing":
        return "is required"
    if code == "unknown_field":
        return "is not expected"
    if isinstance(node, Enumeration) and code == "choice":
        return f"value is not of enum: {', '.join(map(_shown, node.values))}"
    if code in _TYPE_CODES:
        return _wrong_type(node)
    if code in _LENGTH_CODES:
        is_tuple = isinstance(node, Tuple)
        return "value length is more then expected in tuple" if is_tuple else _LENGTH_CODES[code]
    if code == "pattern" and isinstance(node, Scalar):
        return f"does not match the pattern {node.pattern}"
    if code in ("too_small", "too_large") and isinstance(node, Scalar):
        return _out_of_range(code, node, place.value)
    return str(entry["message"])


def _wrong_type(node: Node | None) -> str:
    return f"not of expected type: {title_of(node)}"


def title_of(node: Node | None) -> str:
    """Return the name of the type of *node* in metaschema."""
    if node is None:
        return "any"
    if isinstance(node, Json | Struct | Dictionary):
        return "object"
    if isinstance(node, Union):
        return " | ".join(title_of(resolved(each)) for each in node.alternatives)
    if isinstance(node, Scalar):  # the definition language: [number], 10:number
        return node.title.strip("[]").rpartition(":")[2]
    return node.title


def _out_of_range(code: str, node: Scalar, value: Any) -> str:
    is_low = code == "too_small"
    rule, length = (node.minimum, node.shortest) if is_low else (node.maximum, node.longest)
    if rule is not None and _breaks(value, rule, is_low=is_low):
        return f"is {'less' if is_low else 'greater'} than {rule}"
    if length is not None and _breaks(value, length, is_low=is_low):
        return _LENGTH_CODES["too_short" if is_low else "too_long"]
    return _wrong_type(node)


def _breaks(value: Any, bound: float, *, is_low: bool) -> bool:
    """Whether *value*, which may be a text of a query, is beyond *bound*."""
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return True
    return number < bound if is_low else number > bound


def _shown(value: Any) -> str:
    """Return *value* as JSON; a text without quotes."""
    words = {None: "null", True: "true", False: "false"}
    is_word = value is None or isinstance(value, bool)
    return words[value] if is_word else str(value)
