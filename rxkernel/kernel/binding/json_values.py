"""The values of JSON parts of a form: they are converted strictly, texts leniently."""

from typing import Any

import attrs

from rxkernel.kernel.binding.schema import Schema
from rxkernel.kernel.binding.validation_errors import INVALID, ValidationErrors
from rxkernel.kernel.binding.validator import Validator
from rxkernel.messages.upload import UploadedFile

_OTHERS = frozenset({str, bytes, UploadedFile})


@attrs.frozen
class JsonValue:
    """A value for the part at *path*, whose type is *schema*."""

    schema: Schema
    value: Any
    path: str


def is_json_value(value: Any) -> bool:
    """Whether *value* comes from a JSON part. A JSON string is treated as any other text."""
    return type(value) not in _OTHERS


def has_json_value(values: Any) -> bool:
    """Whether one of *values* is a JSON value; faster than `is_json_value` for each."""
    return not _OTHERS.issuperset(map(type, values))


def read_with_json(
    validator: Validator, raw: Any, parts: list[JsonValue], path: str, errors: ValidationErrors
) -> Any:
    """Convert *raw* leniently, except its *parts*, which are JSON values."""
    if not parts:
        return validator.read(raw, path, errors, True)
    places = [
        part.path
        for part in parts
        if part.schema.convert(part.value, part.path, errors, False) is INVALID
    ]
    others = ValidationErrors()
    value = validator.read(raw, path, others, True)
    for entry in others.entries:
        if not (_is_below(entry["path"], places) or errors.is_full):
            errors.entries.append(entry)
    return INVALID if places else value


def _is_below(path: str, places: list[str]) -> bool:
    """Whether *path* is one of *places* or a part of it."""
    return any(path == each or path.startswith((f"{each}.", f"{each}[")) for each in places)
