"""The arguments that come from the body: whole, field by field, or as its bytes."""

from collections.abc import Callable
from typing import Any

from rxkernel.exceptions import UnsupportedMediaTypeException
from rxkernel.kernel.binding.arguments import (
    BAGS,
    MISSING,
    Absent,
    Read,
    absent,
    one_list,
    values_of,
)
from rxkernel.kernel.binding.misfits import UNFIT, Misfits
from rxkernel.kernel.binding.validation import Validator, takes_empty
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


def body_arguments(parameters: list[Parameter]) -> list[Read]:
    """How to read each of *parameters*, all of which are of the body."""
    if len(parameters) == 1 and not parameters[0].key:
        return [_bytes(parameters[0]) if _is_bytes(parameters[0]) else _whole(parameters[0])]
    if not parameters:
        return []
    is_open = any(p.allow_unknown for p in parameters)
    known = None if is_open else frozenset(p.key for p in parameters)
    check = _fields_of(known)
    first, *others = parameters
    return [_field(first, check), *(_field(p, _fields) for p in others)]


def _is_bytes(parameter: Parameter) -> bool:
    return without_none(parameter.type) is bytes


def _bytes(parameter: Parameter) -> Read:
    nothing = absent(parameter, _WHOLE)

    def read(request: Request, misfits: Misfits) -> Any:
        if request.transport is Transport.HTTP:
            return request.raw_body or nothing(misfits)
        if request.body is None:
            return nothing(misfits)
        if isinstance(request.body, bytes | bytearray):
            return bytes(request.body)
        return misfits.add(_WHOLE, wrong_type("bytes", kind_of(request.body)))

    return read


def _whole(parameter: Parameter) -> Read:
    """The body as one value, of JSON strictly, of a form leniently."""
    validator = Validator(parameter.type, allow_unknown=parameter.allow_unknown)
    nothing = absent(parameter, _WHOLE)
    wanted = without_none(parameter.type)
    is_text, is_anything = wanted is str, wanted in (Any, object)
    fields = getattr(validator.node, "inputs", {})
    emptied = {k for k, f in fields.items() if not (f.takes_many or takes_empty(f.node))}

    def read(request: Request, misfits: Misfits) -> Any:
        body = request.body
        if type(body) is dict:  # nearly always
            return validator.read(body, _WHOLE, misfits)
        if body is None and not request.raw_body:
            return nothing(misfits)
        if isinstance(body, str | bytes) and not is_anything:
            _check_media_type(request, is_text)
        elif isinstance(body, BAGS) and not is_anything:
            given = [key for key in body if not (key in emptied and body[key] == "")]
            return validator.read(values_of(body, given, fields), _WHOLE, misfits, True)
        return validator.read(body, _WHOLE, misfits)

    return read


def _check_media_type(request: Request, is_text: bool) -> None:
    """Refuse text and bytes where values are wanted, but where JSON is a text itself.

    Raises:
        UnsupportedMediaTypeException: with what is accepted (RFC 9110 §15.5.16).
    """
    if request.transport is not Transport.HTTP or (is_text and isinstance(request.body, str)):
        return
    given = request.headers.get("Content-Type", "")
    if given and ((kind := content_type_of(given)).is_json or kind.is_msgpack):
        return
    accepted = ", ".join(("text/plain", *_VALUES) if is_text else (*_VALUES, *_FORMS))
    what = (
        f"the content type {given[:_SHOWN]!r} is not read" if given else "it has no content type"
    )
    raise UnsupportedMediaTypeException(f"of this body {what}; send one of {accepted}")


Fields = Callable[[Request, Misfits], Any]
"""The body as a mapping; None when it is none."""


def _fields(request: Request, _: Misfits) -> Any:
    body = request.body
    return body if isinstance(body, (dict, *BAGS)) else {} if _is_empty(request) else None


def _is_empty(request: Request) -> bool:
    return request.body is None and not request.raw_body


def _fields_of(known: frozenset[str] | None) -> Fields:
    """As `_fields`, and what is wrong with them is noted, once for all parameters."""

    def read(request: Request, misfits: Misfits) -> Any:
        fields = _fields(request, misfits)
        if fields is None:
            if isinstance(request.body, str | bytes):
                _check_media_type(request, is_text=False)
            misfits.add(_WHOLE, wrong_type("object", kind_of(request.body)))
        elif known is not None and not fields.keys() <= known:
            for name in dict.fromkeys(key for key in fields if key not in known):
                misfits.add(below(_WHOLE, name), UNKNOWN_FIELD)
        return fields

    return read


def _field(parameter: Parameter, fields_of: Fields) -> Read:
    """One field of the body, which is an object or a form."""
    key, path = parameter.key, f"{_WHOLE}.{parameter.key}"
    validator = Validator(parameter.type, allow_unknown=parameter.allow_unknown)
    nothing: Absent = absent(parameter, path)
    many = is_many(parameter.type)
    may_be_emptied = not (many or validator.takes_empty)

    def read(request: Request, misfits: Misfits) -> Any:
        fields = fields_of(request, misfits)
        if fields is None:
            return UNFIT
        value = fields.get(key, MISSING)
        if value is MISSING:
            return nothing(misfits)
        if not isinstance(fields, BAGS):
            return validator.read(value, path, misfits)
        if value == "" and may_be_emptied:  # what a browser sends of an input left alone
            return nothing(misfits)
        value = one_list(fields.getall(key)) if many else value
        return validator.read(value, path, misfits, True)

    return read
