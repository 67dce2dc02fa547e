"""Rules of `validated_by` for uploads and for the values of path converters."""

from collections.abc import Callable
from typing import Any

from rxkernel.kernel.binding.validation_errors import INVALID, ValidationErrors
from rxkernel.kernel.binding.validator import Validator
from rxkernel.messages.request import Request
from rxkernel.routing.signature import Parameter, Source
from rxkernel.routing.validated_by import has_rules

Read = Callable[[Request, ValidationErrors], Any]


def with_rules(parameter: Parameter, read: Read) -> Read:
    """Return *read*, followed by the rules of *parameter*, if it has any."""
    if not has_rules(parameter.type):
        return read
    root = "files" if parameter.source is Source.FILE else "params"
    path = f"{root}.{parameter.key}"
    validator = Validator(parameter.type, scalars=parameter.scalars)

    def read_ruled(request: Request, errors: ValidationErrors) -> Any:
        value = read(request, errors)
        if value is INVALID or value is parameter.default:
            return value
        return validator.read(value, path, errors)

    return read_ruled
