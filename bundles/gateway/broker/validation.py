"""Converts the kernel's error for invalid parameters to that of Moleculer."""

from typing import Any

from bundles.gateway.exceptions import ValidationError
from rxkernel import UnprocessableEntityException

_TYPES = {"missing": "required"}
"""The types of fastest-validator for codes of rxkernel; other codes are not changed."""


def to_validation_error(exc: Exception) -> ValidationError | None:
    """Return the error for *exc*; None if *exc* is not about invalid parameters."""
    if type(exc) is not UnprocessableEntityException or not isinstance(exc.errors, list):
        return None
    if not all(isinstance(entry, dict) and "path" in entry for entry in exc.errors):
        return None
    error = ValidationError(data=[_entry(entry) for entry in exc.errors])
    error.__cause__ = exc
    return error


def _entry(entry: dict[str, Any]) -> dict[str, Any]:
    code, path = entry.get("code"), str(entry["path"])
    source, dot, field = path.partition(".")
    return {
        "type": _TYPES.get(str(code), code),
        "field": field if dot and source in ("params", "body") else path,
        "message": entry.get("message"),
    }
