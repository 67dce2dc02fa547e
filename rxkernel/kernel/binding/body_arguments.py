"""Reads arguments from the body: the whole body, its fields, or its bytes.

The body is decoded already, by `servers.http.body_decoding` or from a Socket.IO packet.
"""

from collections.abc import Callable, Iterable
from typing import Any

from rxkernel.exceptions import UnsupportedMediaTypeException
from rxkernel.kernel.binding.arguments import (
    BAGS,
    MISSING,
    Absent,
    Read,
    absent,
    one_list,
)
from rxkernel.kernel.binding.form_body import form_reader
from rxkernel.kernel.binding.form_names import is_structured, root_of
from rxkernel.kernel.binding.json_values import JsonValue, is_json_value, read_with_json
from rxkernel.kernel.binding.nested_form import NestedForm
from rxkernel.kernel.binding.validation_errors import INVALID, ValidationErrors
from rxkernel.kernel.binding.validator import Validator
from rxkernel.messages.input_errors import UNKNOWN_FIELD, below, kind_of, wrong_type
from rxkernel.messages.media_type import MULTIPART, URLENCODED, content_type_of
from rxkernel.messages.request import Request
from rxkernel.messages.transport import Transport
from rxkernel.routing.annotations import is_many, without_none
from rxkernel.routing.signature import Parameter

_VALUES = ("application/json", "application/msgpack")
_FORMS = (URLENCODED, MULTIPART)
_SHOWN = 100
_WHOLE = "body"


def body_arguments(
    parameters: list[Parameter], params: frozenset[str] = frozenset()
) -> list[Read]:
    """Return the readers of *parameters*, all of which are from the body; *params* are the names
    that other arguments read from ``request.params``."""
    if len(parameters) == 1 and not parameters[0].key:
        return [_bytes(parameters[0]) if _is_bytes(parameters[0]) else _whole(parameters[0])]
    if not parameters:
        return []
    is_open = any(p.allow_unknown for p in parameters)
    known = None if is_open else frozenset(p.key for p in parameters)
    nested = frozenset(p.key for p in parameters if is_structured(_validator(p).schema))
    check = _fields_of(known, nested, params)
    first, *others = parameters
    return [_field(first, check), *(_field(p, _fields) for p in others)]


def _validator(parameter: Parameter) -> Validator:
    return Validator(
        parameter.type, allow_unknown=parameter.allow_unknown, scalars=parameter.scalars
    )


def _is_bytes(parameter: Parameter) -> bool:
    return without_none(parameter.type) is bytes


def _bytes(parameter: Parameter) -> Read:
    on_absent = absent(parameter, _WHOLE)

    def read(request: Request, errors: ValidationErrors) -> Any:
        if request.transport is Transport.HTTP:
            return request.raw_body or on_absent(errors)
        if request.body is None:
            return on_absent(errors)
        if isinstance(request.body, bytes | bytearray):
            return bytes(request.body)
        return errors.add(_WHOLE, wrong_type("bytes", kind_of(request.body)))

    return read


def _whole(parameter: Parameter) -> Read:
    """Read the body as one value; the texts of a form are converted leniently."""
    validator = _validator(parameter)
    on_absent = absent(parameter, _WHOLE)
    wanted = without_none(parameter.type)
    is_text, is_anything = wanted is str, wanted in (Any, object)
    read_form = form_reader(validator, parameter.name, _WHOLE)

    def read(request: Request, errors: ValidationErrors) -> Any:
        body = request.body
        if type(body) is dict:  # the most common case
            return validator.read(body, _WHOLE, errors)
        if body is None and not request.raw_body:
            return on_absent(errors)
        if isinstance(body, str | bytes) and not is_anything:
            _check_media_type(request, is_text)
        elif isinstance(body, BAGS) and not is_anything:
            return read_form(request, errors)
        return validator.read(body, _WHOLE, errors)

    return read


def _check_media_type(request: Request, is_text: bool) -> None:
    """Reject a body of text or bytes, unless it is JSON or MessagePack, or *is_text*.

    Raises:
        UnsupportedMediaTypeException: with the accepted types (RFC 9110 §15.5.16).
    """
    if request.transport is not Transport.HTTP or (is_text and isinstance(request.body, str)):
        return
    sent = request.headers.get("Content-Type", "")
    if sent and ((kind := content_type_of(sent)).is_json or kind.is_msgpack):
        return
    accepted = ", ".join(("text/plain", *_VALUES) if is_text else (*_VALUES, *_FORMS))
    problem = (
        f"the content type {sent[:_SHOWN]!r} is not supported"
        if sent
        else "the Content-Type of the body is missing"
    )
    raise UnsupportedMediaTypeException(f"{problem}; send one of {accepted}")


Fields = Callable[[Request, ValidationErrors], Any]
"""Returns the body as a mapping; None if it is not one."""


def _fields(request: Request, _: ValidationErrors) -> Any:
    body = request.body
    return body if isinstance(body, (dict, *BAGS)) else {} if _is_empty(request) else None


def _is_empty(request: Request) -> bool:
    return request.body is None and not request.raw_body


def _fields_of(
    known: frozenset[str] | None, nested: frozenset[str], params: frozenset[str]
) -> Fields:
    """Return a function like `_fields` that also adds the errors of the whole body.

    Only the first parameter uses it, so that each error is added once. The names of a form may be
    paths into the *nested* fields, which report their own errors. The fields of a form, and of an
    event or a call without an envelope, are also in ``request.params``, so names that are in
    *params* are not unknown.
    """

    def read(request: Request, errors: ValidationErrors) -> Any:
        fields = _fields(request, errors)
        if fields is None:
            if isinstance(request.body, str | bytes):
                _check_media_type(request, is_text=False)
            errors.add(_WHOLE, wrong_type("object", kind_of(request.body)))
        elif known is not None and not fields.keys() <= known:
            is_form = isinstance(fields, BAGS)
            for name in dict.fromkeys(key for key in fields if key not in known):
                if is_form and root_of(name) in nested:
                    continue
                if name in params and request.params.get(name) is fields[name]:
                    continue
                errors.add(below(_WHOLE, name), UNKNOWN_FIELD)
        return fields

    return read


def _field(parameter: Parameter, fields_of: Fields) -> Read:
    """Read one field of a body that is an object or a form."""
    key, path = parameter.key, f"{_WHOLE}.{parameter.key}"
    validator = _validator(parameter)
    on_absent: Absent = absent(parameter, path)
    many = is_many(parameter.type, parameter.scalars)
    ignores_empty = validator.schema.ignores_empty_text
    read_nested = _nested_field(validator, key, path, on_absent)
    is_nested, prefixes = is_structured(validator.schema), (f"{key}[", f"{key}.")

    def read(request: Request, errors: ValidationErrors) -> Any:
        fields = fields_of(request, errors)
        if fields is None:
            return INVALID
        is_form = isinstance(fields, BAGS)
        if is_form and is_nested and (request.files or _has_prefix(fields, prefixes)):
            return read_nested(request, errors)
        value = fields.get(key, MISSING)
        if value is MISSING:
            return on_absent(errors)
        if not is_form:
            return validator.read(value, path, errors)
        values = fields.getall(key)
        if ignores_empty:  # browsers send empty inputs too
            values = [value for value in values if value != ""]
        if not values:
            return on_absent(errors)
        raw = one_list(values) if many else values[0]
        return validator.read(raw, path, errors, not is_json_value(values[0]))

    return read


def _has_prefix(names: Iterable[str], prefixes: tuple[str, ...]) -> bool:
    return any(name.startswith(prefixes) for name in names)


def _nested_field(validator: Validator, key: str, path: str, on_absent: Absent) -> Read:
    """Read the fields and files of a form whose names are paths into the field *key*."""
    nested = NestedForm(validator.schema, path, key)

    def read(request: Request, errors: ValidationErrors) -> Any:
        parts: list[JsonValue] = []
        raw = nested.read(request.body.items(), request.files.items(), errors, parts)
        if raw is MISSING:
            return on_absent(errors)
        return raw if raw is INVALID else read_with_json(validator, raw, parts, path, errors)

    return read
