"""Reads a form as the value of a whole body."""

from collections.abc import Callable
from typing import Any

from multidict import MultiDict

from rxkernel.kernel.binding.arguments import MISSING, one_list, values_of
from rxkernel.kernel.binding.form_names import alternatives_of, is_structured
from rxkernel.kernel.binding.json_values import (
    JsonValue,
    has_json_value,
    is_json_value,
    read_with_json,
)
from rxkernel.kernel.binding.nested_form import NestedForm
from rxkernel.kernel.binding.schema import Schema
from rxkernel.kernel.binding.validation_errors import INVALID, ValidationErrors
from rxkernel.kernel.binding.validator import Validator
from rxkernel.messages.request import Request

ReadForm = Callable[[Request, ValidationErrors], Any]


def form_reader(validator: Validator, name: str, path: str) -> ReadForm:
    """Return the function that reads the form of a request as the type of *validator*.

    Texts are converted leniently, JSON parts strictly. A JSON part called *name*, like the
    parameter, is the whole value, unless the type has such a field.
    """
    whole_schema = validator.schema
    many = whole_schema.holds_many
    is_nested = _has_structure(whole_schema)
    nested = NestedForm(whole_schema, path)

    def read(request: Request, errors: ValidationErrors) -> Any:
        body = request.body
        schema = whole_schema.with_inputs_of(body)
        fields = schema.inputs
        has_json = has_json_value(body.values())
        if has_json and name not in fields and is_json_value(body.get(name, "")):
            whole = one_list(body.getall(name)) if many else body[name]
            return validator.read(whole, f"{path}.{name}", errors)
        if is_nested and (request.files or not fields.keys() >= body.keys()):
            return _read_nested(request, errors)
        if "" in body.values():
            ignored = schema.ignored_inputs
            body = MultiDict((k, v) for k, v in body.items() if not (v == "" and k in ignored))
        raw = values_of(body, body, fields)
        if not has_json:
            return validator.read(raw, path, errors, True)
        parts = [
            JsonValue(fields[key].schema, value, f"{path}.{key}")
            for key, value in raw.items()
            if key in fields and is_json_value(body[key])
        ]
        return read_with_json(validator, raw, parts, path, errors)

    def _read_nested(request: Request, errors: ValidationErrors) -> Any:
        parts: list[JsonValue] = []
        raw = nested.read(request.body.items(), request.files.items(), errors, parts)
        if raw is INVALID:
            return INVALID
        return read_with_json(validator, {} if raw is MISSING else raw, parts, path, errors)

    return read


def _has_structure(schema: Schema) -> bool:
    """Whether a field of a class has parts or is an upload, so that a name can be a path."""
    return any(
        is_structured(field.schema)
        for each in alternatives_of(schema)
        for field in each.inputs.values()
    )
