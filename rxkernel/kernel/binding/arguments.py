"""From a request to the arguments of an action, by what is known of its signature at boot."""

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
from rxkernel.kernel.binding.class_nodes import Field
from rxkernel.kernel.binding.misfits import Misfits, is_unicode
from rxkernel.kernel.binding.node_reader import read_node
from rxkernel.kernel.binding.validation import Validator
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

Read = Callable[[Request, Misfits], Any]
"""The argument for a request; `UNFIT` when there are misfits, which are noted."""

Absent = Callable[[Misfits], Any]
"""The argument where a client gave nothing."""

MISSING: Any = object()
_PATHS = {Source.PARAMS: "params", Source.HEADER: "headers", Source.COOKIE: "cookies"}
_READ = (*_PATHS, Source.BODY)
BAGS = (MultiDict, MultiDictProxy)
"""What the body is when a form was sent."""

_RAW = (Source.HEADER, Source.COOKIE)
"""Texts that a server makes of any bytes."""

_EXACT = (str, int, bool, UUID)
_IMMUTABLE = (NoneType, bool, int, float, str, bytes, Decimal, date, time, timedelta, UUID, Enum)


def check_types(parameters: Iterable[Parameter]) -> None:
    """Refuse what can be read, but of which no value can be made.

    Raises:
        ConfigurationError: with each parameter of such a type.
    """
    problems = []
    for parameter in parameters:
        if parameter.source in _READ and not parameter.is_converted:
            try:
                read_node(parameter.type)
            except (TypeError, NameError) as exc:
                problems.append(f"cannot bind parameter {parameter.name!r}: {exc}")
    if problems:
        raise ConfigurationError(*problems)


def argument(parameter: Parameter) -> Read:
    """How to read *parameter* from anything but the body and the injector."""
    if parameter.source is Source.REQUEST:
        return _request
    if parameter.source is Source.CONNECTION:
        return _connection
    if parameter.source is Source.STREAM:
        return _stream
    if parameter.source is Source.FILE:
        return _files(parameter) if get_origin(without_none(parameter.type)) else _file(parameter)
    if parameter.is_converted:
        return _converted(parameter)
    if is_scalar(parameter.type):
        return _text(parameter)
    return _texts(parameter) if is_many(parameter.type) else _model(parameter)


def _request(request: Request, _: Misfits) -> Any:
    return request


def _connection(request: Request, _: Misfits) -> Any:
    return request.connection


def _stream(request: Request, _: Misfits) -> Any:
    return request.stream()


def absent(parameter: Parameter, path: str) -> Absent:
    """The default of *parameter*, each time anew where it could be changed; else a misfit.

    An upload is as a connection: what a transport does not bring is None where that is allowed.
    """
    default = parameter.default
    if default is REQUIRED and parameter.source is Source.FILE and _is_optional(parameter):
        return lambda _: None
    if default is REQUIRED:
        return lambda misfits: misfits.add(path, MISSING_INPUT)
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
    key, nothing = parameter.key, absent(parameter, f"files.{parameter.key}")

    def read(request: Request, misfits: Misfits) -> Any:
        found = request.files.get(key)
        return nothing(misfits) if found is None else found

    return read


def _files(parameter: Parameter) -> Read:
    key, nothing = parameter.key, absent(parameter, f"files.{parameter.key}")

    def read(request: Request, misfits: Misfits) -> Any:
        return request.files.getall(key, None) or nothing(misfits)

    return read


def _converted(parameter: Parameter) -> Read:
    """What a converter of the application made of the path, as it is."""
    key, name, type_ = parameter.key, parameter.name, parameter.type
    classes = _classes_of(type_)
    nothing = absent(parameter, f"params.{key}")

    def read(request: Request, misfits: Misfits) -> Any:
        value = request.params.get(key, MISSING)
        if value is MISSING:
            return nothing(misfits)
        if not isinstance(value, classes):
            raise TypeError(
                f"the converter of {{{key}}} returned {value!r}, which is not what parameter "
                f"{name!r} has as its type, {type_}; change one of them"
            )
        return value

    return read


def _classes_of(type_: Any) -> tuple[type, ...]:
    """What an instance of *type_* is one of; `object` where that cannot be asked."""
    found = tuple(get_origin(member) or member for member in alternatives(type_))
    try:
        isinstance(None, found)
    except TypeError:  # Any, a Protocol, a Literal
        return (object,)
    return found


def _text(parameter: Parameter) -> Read:
    """One value, which is a text, or over a socket any JSON."""
    key, source = parameter.key, _PATHS[parameter.source]
    path = f"{source}.{key}"
    bag: Callable[[Request], Mapping[str, Any]] = attrgetter(source)
    validator, nothing = Validator(parameter.type), absent(parameter, path)
    exact = _exact(parameter.type)
    is_raw = parameter.source in _RAW
    may_be_emptied = parameter.source is Source.PARAMS and not validator.takes_empty

    def read(request: Request, misfits: Misfits) -> Any:
        value = bag(request).get(key, MISSING)
        if value is MISSING:
            return nothing(misfits)
        if is_raw and not is_unicode(value):
            return misfits.add(path, NOT_UTF8)
        if type(value) is exact:
            return value
        if value == "" and may_be_emptied and _is_of_form(request, key):
            return nothing(misfits)
        return validator.read(value, path, misfits, True)

    return read


def _is_of_form(request: Request, key: str) -> bool:
    """Whether the first value of *key* is of a form: path and query come before it."""
    body = request.body
    return isinstance(body, BAGS) and len(request.params.getall(key)) == len(body.getall(key, ()))


def _exact(type_: Any) -> Any:
    """The class whose instances are taken as they are: nothing more is asked of them."""
    members = [type_] if bare(type_) is type_ and not get_args(type_) else get_args(type_)
    found = [m for m in members if m is not NoneType]
    return found[0] if len(found) == 1 and found[0] in _EXACT else MISSING


def _texts(parameter: Parameter) -> Read:
    """All values of one name; over a socket also one list of them."""
    key, source = parameter.key, _PATHS[parameter.source]
    path = f"{source}.{key}"
    bag: Callable[[Request], Any] = attrgetter(source)
    validator, nothing = Validator(parameter.type), absent(parameter, path)
    is_raw = parameter.source in _RAW

    def read(request: Request, misfits: Misfits) -> Any:
        values = bag(request).getall(key, None)
        if values is None:
            return nothing(misfits)
        if is_raw and not all(map(is_unicode, values)):
            return misfits.add(path, NOT_UTF8)
        return validator.read(one_list(values), path, misfits, True)

    return read


def one_list(values: list[Any]) -> Any:
    """*values* of one name, which over a socket may be a list already."""
    return values[0] if len(values) == 1 and isinstance(values[0], list | NoneType) else values


def _model(parameter: Parameter) -> Read:
    """A class whose fields are parameters; those that it has not are somebody else's."""
    validator = Validator(without_none(parameter.type))
    nothing = absent(parameter, "params") if parameter.default is not REQUIRED else None
    fields = getattr(validator.node, "inputs", {})

    def read(request: Request, misfits: Misfits) -> Any:
        raw = values_of(request.params, [key for key in fields if key in request.params], fields)
        if not raw and nothing is not None:
            return nothing(misfits)
        return validator.read(raw, "params", misfits, True)

    return read


def values_of(bag: Any, keys: Iterable[str], fields: Mapping[str, Field]) -> dict[str, Any]:
    """What *bag* has by *keys*, all of it for those of *fields* that take many."""
    return {
        key: one_list(bag.getall(key))
        if (field := fields.get(key)) is not None and field.takes_many
        else bag[key]
        for key in keys
    }
