"""Types of an application, which extend the types of the notation."""

from collections.abc import Mapping
from typing import Any

import attrs
import msgspec

from bundles.contracts.schemas.scalar_types import SCALAR_TYPES, ScalarType
from bundles.contracts.schemas.suggestion import suggestion
from rxkernel import Validator


def read_types(given: Mapping[str, Any], problems: list[str]) -> dict[str, ScalarType]:
    """Return the types of the notation and those of *given*, by name.

    Types that no schema uses are checked too; every error is added to *problems*.
    """
    found = dict(SCALAR_TYPES)
    for name, written in given.items():
        if not name[:1].islower():
            problems.append(
                f"type {name!r}: the name of a type must begin with a lowercase letter"
            )
            continue
        try:
            found[name] = _read(name, written)
        except (TypeError, ValueError, NameError) as exc:
            problems.append(f"type {name!r}: {exc}")
    return found


def _read(name: str, written: Any) -> ScalarType:
    base = written.get("js") if isinstance(written, Mapping) else written
    if isinstance(base, str):
        if base not in SCALAR_TYPES:
            raise ValueError(f"unknown type {base!r}{suggestion(base, SCALAR_TYPES)}")
        metadata = written.get("metadata", {}) if isinstance(written, Mapping) else {}
        return attrs.evolve(SCALAR_TYPES[base], name=name, base=base, metadata=metadata)
    if isinstance(written, Mapping):
        raise ValueError("the key 'js' is missing; set it to the name of a type of the notation")
    Validator(written)
    return ScalarType(name, "other", written, json=_json_of(written))


def _json_of(annotation: Any) -> Mapping[str, Any]:
    """Return the JSON Schema of a type; of a type with classes, the schema of any value."""
    try:
        found = msgspec.json.schema(annotation)
    except TypeError:
        return {}
    return {} if "$defs" in found else found
