"""Reads the arguments of an action from a request. Its signature selects the readers at boot."""

from collections.abc import Callable, Iterable, Mapping
from copy import deepcopy
from datetime import date, time, timedelta
from decimal import Decimal
from enum import Enum
from operator import attrgetter
from types import NoneType
from typing import Any, get_args, get_origin
from uuid import UUID

from multidict import MultiDict, MultiDictProxy

from rxkernel.exceptions import ConfigurationError
from rxkernel.kernel.binding.rules_of_arguments import with_rules
from rxkernel.kernel.binding.schema import Field
from rxkernel.kernel.binding.schema_reader import read_schema
from rxkernel.kernel.binding.validation_errors import ValidationErrors
from rxkernel.kernel.binding.validator import Validator
from rxkernel.messages.input_errors import MISSING_INPUT, NOT_UTF8
from rxkernel.messages.request import Request
from rxkernel.routing.annotations import (
    alternatives,
    bare,
    is_many,
    is_scalar,
    without_none,
)
from rxkernel.routing.signature import REQUIRED, Parameter, Source
from rxkernel.routing.validated_by import has_rules

Read = Callable[[Request, ValidationErrors], Any]
"""Returns the argument for a request; or adds errors and returns `INVALID`."""

Absent = Callable[[ValidationErrors], Any]
"""Returns the argument if the client has not sent a value."""

MISSING: Any = object()
_PATHS = {Source.PARAMS: "params", Source.HEADER: "headers", Source.COOKIE: "cookies"}
_READ = (*_PATHS, Source.BODY)
_RULED = (*_READ, Source.FILE)
BAGS = (MultiDict, MultiDictProxy)
"""The classes of a decoded form."""

_RAW = (Source.HEADER, Source.COOKIE)
"""The sources whose texts may be invalid UTF-8."""

_EXACT = (str, int, bool, UUID)
_LARGEST = 2.0**53
"""Integers up to this one are exact as float."""
_IMMUTABLE = (NoneType, bool, int, float, str, bytes, Decimal, date, time, timedelta, UUID, Enum)


def check_types(parameters: Iterable[Parameter]) -> None:
    """Check that values can be converted to the types of *parameters*.

    Raises:
        ConfigurationError: with each parameter whose type msgspec does not support.
    """
    problems = []
    for parameter in parameters:
        if parameter.source in _READ and not parameter.is_converted:
            try:
                read_schema(parameter.type, scalars=parameter.scalars)
            except (TypeError, NameError) as exc:
                problems.append(f"cannot bind parameter {parameter.name!r}: {exc}")
        elif parameter.source not in _RULED and has_rules(parameter.type):
            problems.append(
                f"cannot bind parameter {parameter.name!r}: validated_by() applies to values of "
                f"the client only; check this argument in the action"
            )
    if problems:
        raise ConfigurationError(*problems)


def argument(parameter: Parameter) -> Read:
    """Return the reader of *parameter*, whose source is not the body, a resolver or a service."""
    if parameter.source is Source.REQUEST:
        return _request
    if parameter.source is Source.CONNECTION:
        return _connection
    if parameter.source is Source.STREAM:
        return _stream
    if parameter.source is Source.FILE:
        is_list = get_origin(without_none(parameter.type))
        return with_rules(parameter, _files(parameter) if is_list else _file(parameter))
    if parameter.is_converted:
        return with_rules(parameter, _converted(parameter))
    if is_scalar(parameter.type, parameter.scalars):
        return _text(parameter)
    return _texts(parameter) if is_many(parameter.type, parameter.scalars) else _model(parameter)


def _request(request: Request, _: ValidationErrors) -> Any:
    return request


def _connection(request: Request, _: ValidationErrors) -> Any:
    return request.connection


def _stream(request: Request, _: ValidationErrors) -> Any:
    return request.stream()


def absent(parameter: Parameter, path: str) -> Absent:
    """Return the function to call if the client sent no value for *parameter*.

    It returns the default, a copy if that is mutable, or adds an error. An upload without a
    default is None if its type allows it, like a connection.
    """
    default = parameter.default
    if default is REQUIRED and parameter.source is Source.FILE and _is_optional(parameter):
        return lambda _: None
    if default is REQUIRED:
        return lambda errors: errors.add(path, MISSING_INPUT)
    if _is_immutable(default):
        return lambda _: default
    return lambda _: deepcopy(default)


def _is_optional(parameter: Parameter) -> bool:
    return NoneType in alternatives(parameter.type)


def _is_immutable(value: Any) -> bool:
    if isinstance(value, tuple | frozenset):
        return all(map(_is_immutable, value))
    return isinstance(value, _IMMUTABLE)


def _file(parameter: Parameter) -> Read:
    key, on_absent = parameter.key, absent(parameter, f"files.{parameter.key}")

    def read(request: Request, errors: ValidationErrors) -> Any:
        found = request.files.get(key)
        return on_absent(errors) if found is None else found

    return read


def _files(parameter: Parameter) -> Read:
    key, on_absent = parameter.key, absent(parameter, f"files.{parameter.key}")

    def read(request: Request, errors: ValidationErrors) -> Any:
        return request.files.getall(key, None) or on_absent(errors)

    return read


def _converted(parameter: Parameter) -> Read:
    """Read a value that a path converter of the application returned."""
    key, name, type_ = parameter.key, parameter.name, parameter.type
    classes = _classes_of(type_)
    on_absent = absent(parameter, f"params.{key}")

    def read(request: Request, errors: ValidationErrors) -> Any:
        value = request.params.get(key, MISSING)
        if value is MISSING:
            return on_absent(errors)
        if not isinstance(value, classes):
            raise TypeError(
                f"the converter of {{{key}}} returned {value!r}, which does not match the type of "
                f"parameter {name!r}, {type_}; change one of them"
            )
        return value

    return read


def _classes_of(type_: Any) -> tuple[type, ...]:
    """The classes of *type_* for ``isinstance``; `object` if it does not support *type_*."""
    found = tuple(get_origin(member) or member for member in alternatives(type_))
    try:
        isinstance(None, found)
    except TypeError:  # Any, a Protocol, a Literal
        return (object,)
    return found


def _text(parameter: Parameter) -> Read:
    """Read one value: a text, or over a socket any JSON."""
    key, source = parameter.key, _PATHS[parameter.source]
    path = f"{source}.{key}"
    bag: Callable[[Request], Mapping[str, Any]] = attrgetter(source)
    validator, on_absent = _validator(parameter), absent(parameter, path)
    exact = _exact(parameter.type)
    is_float = parameter.type in (float, float | None)
    is_raw = parameter.source in _RAW
    ignores_empty = parameter.source is Source.PARAMS and validator.schema.ignores_empty_text

    def read(request: Request, errors: ValidationErrors) -> Any:
        value = bag(request).get(key, MISSING)
        if value is MISSING:
            return on_absent(errors)
        if is_raw and not _is_unicode(value):
            return errors.add(path, NOT_UTF8)
        if type(value) is exact:
            return value
        if is_float and type(value) in (int, float) and -_LARGEST <= value <= _LARGEST:
            return float(value)  # msgspec would return the same
        if value == "" and ignores_empty:
            value = request.filled_params(key.__eq__).get(key, MISSING)
            if value is MISSING:
                return on_absent(errors)
        return validator.read(value, path, errors, True)

    return read


def _validator(parameter: Parameter) -> Validator:
    return Validator(parameter.type, scalars=parameter.scalars)


def _exact(type_: Any) -> Any:
    """Return the class whose instances need no conversion, or `MISSING`."""
    members = [type_] if bare(type_) is type_ and not get_args(type_) else get_args(type_)
    found = [m for m in members if m is not NoneType]
    return found[0] if len(found) == 1 and found[0] in _EXACT else MISSING


def _is_unicode(text: str) -> bool:
    """False for a text with surrogates, which represent invalid UTF-8 of a header (PEP 383)."""
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _texts(parameter: Parameter) -> Read:
    """Read all values of one name; over a socket they may be one list."""
    key, source = parameter.key, _PATHS[parameter.source]
    path = f"{source}.{key}"
    bag: Callable[[Request], Any] = attrgetter(source)
    validator, on_absent = _validator(parameter), absent(parameter, path)
    is_raw = parameter.source in _RAW
    ignores_empty = parameter.source is Source.PARAMS and validator.schema.ignores_empty_text

    def read(request: Request, errors: ValidationErrors) -> Any:
        values = bag(request).getall(key, None)
        if values is not None and ignores_empty and "" in values:
            values = request.filled_params(key.__eq__).getall(key, None)
        if not values:
            return on_absent(errors)
        if is_raw and not all(map(_is_unicode, values)):
            return errors.add(path, NOT_UTF8)
        return validator.read(one_list(values), path, errors, True)

    return read


def one_list(values: list[Any]) -> Any:
    """Return *values*, all values of one name; or the only value if it is a list, as it is sent
    over a socket or in a call."""
    return (
        values[0]
        if len(values) == 1 and isinstance(values[0], list | tuple | NoneType)
        else values
    )


def _model(parameter: Parameter) -> Read:
    """Read a class whose fields are parameters. Parameters that are not its fields are ignored."""
    validator = Validator(without_none(parameter.type), scalars=parameter.scalars)
    on_absent = absent(parameter, "params") if parameter.default is not REQUIRED else None
    fields = validator.schema.inputs
    ignored = validator.schema.ignored_inputs

    def read(request: Request, errors: ValidationErrors) -> Any:
        params = request.filled_params(ignored.__contains__)
        raw = values_of(params, [key for key in fields if key in params], fields)
        if not raw and on_absent is not None:
            return on_absent(errors)
        return validator.read(raw, "params", errors, True)

    return read


def values_of(bag: Any, keys: Iterable[str], fields: Mapping[str, Field]) -> dict[str, Any]:
    """Return the first value of each key in *bag*; all values for *fields* that hold many."""
    return {
        key: one_list(bag.getall(key))
        if (field := fields.get(key)) is not None and field.schema.holds_many
        else bag[key]
        for key in keys
    }
