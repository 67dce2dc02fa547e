"""Joins the entries of ``errors`` for invalid arguments to one text, since npm clients show only
the message of an error."""

from collections.abc import Iterable, Mapping
from typing import Any


def are_entries(errors: Any) -> bool:
    """Whether *errors* are entries for invalid input, not other details that an application
    set."""
    return (
        isinstance(errors, list)
        and bool(errors)
        and all(isinstance(one, Mapping) and {"path", "message"} <= one.keys() for one in errors)
    )


def text_of(errors: Iterable[Mapping[str, Any]]) -> str:
    """Return the texts of *errors*, joined as Impress joins them."""
    return "; ".join(map(_text, errors))


def _text(entry: Mapping[str, Any]) -> str:
    """Return the text of one of ``errors``, which names its field as metaschema does.

    Schemas in Metarhia's notation already have such texts; those for typed parameters are made
    here.
    """
    message = str(entry["message"])
    if message.startswith(('Field "', "Value ")):
        return message
    path = str(entry["path"]).partition(".")[2]
    if not path:
        return message
    field = f'Field "{path}"'
    match entry.get("code"):
        case "missing":
            return f"{field} is required"
        case "unknown_field":
            return f"{field} is not expected"
        case "type":
            expected = entry.get("params", {}).get("expected", "any")
            return f"{field} not of expected type: {_TYPES.get(expected, expected)}"
    return f"{field} {message}"


_TYPES = {
    "int": "number",
    "float": "number",
    "integer": "number",
    "bool": "boolean",
    "str": "string",
}
"""The type names of metaschema, by the type names in the kernel's errors."""
