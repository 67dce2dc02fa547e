"""Reads a form, which is flat, as the value of a whole body."""

from collections.abc import Callable
from typing import Any

import attrs
from multidict import MultiDict

from rxkernel.kernel.binding.arguments import ignored_if_empty, one_list, values_of
from rxkernel.kernel.binding.schema import Schema
from rxkernel.kernel.binding.validation_errors import INVALID, ValidationErrors
from rxkernel.kernel.binding.validator import Validator
from rxkernel.messages.request import Request

_TEXTS = frozenset({str, bytes})
"""The classes of the values in a form, except those of JSON parts."""

ReadForm = Callable[[Request, ValidationErrors], Any]


@attrs.frozen
class JsonValue:
    """A value that a JSON part of a form has sent for a part of the body."""

    schema: Schema
    value: Any
    path: str


def is_json_value(value: Any) -> bool:
    """Whether a value of a form is that of a JSON part. A JSON text is like any other text."""
    return type(value) not in _TEXTS


def form_reader(validator: Validator, name: str, path: str) -> ReadForm:
    """Return the function that reads the form of a request as the type of *validator*.

    Texts are converted leniently, JSON parts strictly. A JSON part *name*, which is the name of
    the parameter, is the whole value unless the type has such a field.
    """
    fields = validator.schema.inputs
    ignored = ignored_if_empty(fields)
    many = validator.schema.holds_many

    def read(request: Request, errors: ValidationErrors) -> Any:
        body = request.body
        if not _TEXTS.issuperset(map(type, body.values())):
            if name not in fields and is_json_value(body.get(name, "")):
                whole = one_list(body.getall(name)) if many else body[name]
                return validator.read(whole, f"{path}.{name}", errors)
            raw = values_of(body, body, fields)
            parts = [
                JsonValue(fields[key].schema, value, f"{path}.{key}")
                for key, value in raw.items()
                if key in fields and is_json_value(body[key])
            ]
            return read_with_json(validator, raw, parts, path, errors)
        if "" in body.values():
            body = MultiDict((k, v) for k, v in body.items() if not (v == "" and k in ignored))
        return validator.read(values_of(body, body, fields), path, errors, True)

    return read


def read_with_json(
    validator: Validator, raw: Any, parts: list[JsonValue], path: str, errors: ValidationErrors
) -> Any:
    """Convert *raw* leniently, except the *parts* of it that are JSON."""
    before = len(errors.entries)
    for part in parts:
        part.schema.convert(part.value, part.path, errors, False)
    others = ValidationErrors()
    value = validator.read(raw, path, others, True)
    places = tuple(part.path for part in parts)
    for entry in others.entries:
        if not entry["path"].startswith(places) and not errors.is_full:
            errors.entries.append(entry)
    return INVALID if len(errors.entries) > before or value is INVALID else value
