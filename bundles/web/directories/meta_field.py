"""The field ``meta`` of a verb, as in Impress of 2015."""

import re
from collections.abc import Mapping
from typing import Any

from bundles.contracts import compile_definitions
from rxkernel import ConfigurationError

_NAMES: Mapping[str, str] = {
    "description": "description",
    "parameters": "parameters",
    "result": "returns",
}
"""The fields of the contract by the names in ``meta``."""

_DEFINITION = re.compile(
    r"""
    \[ .* \] | \( .* \)               # optional; one of several
    | .+ : .+                         # a default
    | (?: size | duration | file | \* )
    | .* // .*                        # a comment
    """,
    re.VERBOSE,
)
"""Forms that only the definition language has, not the notation of Metarhia."""


def fields_of_meta(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return *fields* with ``meta`` replaced by its fields; a field of the same name is an error.

    Raises:
        ConfigurationError: every problem.
    """
    found = {name: value for name, value in fields.items() if name != "meta"}
    meta = fields.get("meta")
    if meta is None:
        return found
    if not isinstance(meta, Mapping):
        raise ConfigurationError(f"meta is {meta!r}; write a mapping with {', '.join(_NAMES)}")
    problems = [
        f"meta has {name!r}; its keys must be {', '.join(_NAMES)}" for name in meta.keys() - _NAMES
    ]
    for name, field in _NAMES.items():
        if name not in meta:
            continue
        if field in found:
            problems.append(f"meta has {name!r}, and so has {field}; remove one of them")
        try:
            found[field] = meta[name] if name == "description" else _schema_of(name, meta[name])
        except ConfigurationError as error:
            problems += error.problems
    if problems:
        raise ConfigurationError(*problems)
    return found


def _schema_of(name: str, notation: Any) -> Any:
    """Return the schema of *notation* if it is written in the definition language; else *notation*
    itself, which is that of Metarhia. The errors have the same texts in both."""
    if isinstance(notation, Mapping) and any(map(_is_definition, notation.values())):
        return compile_definitions({f"meta.{name}": notation}).with_metarhia_texts()
    return notation


def _is_definition(written: Any) -> bool:
    return isinstance(written, str) and _DEFINITION.fullmatch(written.strip()) is not None
