"""Converts exceptions that an application's classes raise for their fields to errors.

The client receives the text of a `ValidationError`, and the rule of a validator of attrs. For any
other exception it receives "is not valid", because the text may quote the value, a secret or a
path.
"""

import logging
from typing import Any

import attrs
import msgspec

from rxkernel.exceptions import ValidationError
from rxkernel.kernel.binding.attrs_validators import (
    error_of_rule,
    is_of_attrs,
    single_validators,
)
from rxkernel.kernel.binding.constructors import has_generated_constructor
from rxkernel.kernel.binding.validation_errors import UNCERTAIN
from rxkernel.messages.conversion_errors import entry_of, place_of
from rxkernel.messages.input_errors import ErrorEntry, invalid

_logger = logging.getLogger(__name__)


def error_of_msgspec(exc: msgspec.ValidationError) -> ErrorEntry:
    """Return the error that msgspec reports; `UNCERTAIN` if a class may have a bug.

    The entry is stored instead of *exc*, because its traceback refers to the whole body.
    """
    cause = exc.__cause__  # raised by a class
    if isinstance(cause, ValueError):
        return error_of(cause).at(place_of(exc))
    return entry_of(exc) if cause is None else UNCERTAIN


def error_of(exc: Exception) -> ErrorEntry:
    """Return the error that a client receives for *exc*, which a class raised for its fields."""
    if isinstance(exc, ValidationError):
        return ErrorEntry(exc.code, exc.message, exc.params, exc.path)
    _logger.debug("the text of this exception is not sent to the client", exc_info=exc)
    return invalid()


def find_rejected_field(
    instance: Any, exc: TypeError | ValueError
) -> tuple[str | None, ErrorEntry]:
    """Return the field that was rejected with *exc* and the error; the field may be unknown: None.

    *instance* is an incomplete instance of an attrs class, or None. A generated constructor sets
    the fields in order, so the converter of the first missing field has failed. If all fields
    are set, their validators run again.

    Raises:
        TypeError: *exc* itself, if neither a converter nor a validator of attrs raised it: a bug.
    """
    cls = type(instance)
    attributes: tuple[attrs.Attribute[Any], ...] = () if instance is None else attrs.fields(cls)
    unset = [a for a in attributes if a.init and not hasattr(instance, a.name)]
    if unset and unset[0].converter is not None and has_generated_constructor(cls):
        return unset[0].name, error_of(exc)
    for attribute in attributes if not unset else ():
        if (error := _check_again(instance, attribute)) is not None:
            return attribute.name, error
    if isinstance(exc, TypeError):
        raise exc
    return None, error_of(exc)


def _check_again(instance: Any, attribute: "attrs.Attribute[Any]") -> ErrorEntry | None:
    for validator in single_validators(attribute.validator):
        value = getattr(instance, attribute.name)
        try:
            validator(instance, attribute, value)
        except ValidationError as exc:
            return error_of(exc)
        except (TypeError, ValueError) as exc:
            if is_of_attrs(validator):
                return error_of_rule(validator, value) or error_of(exc)
            if isinstance(exc, TypeError):
                raise
            return error_of(exc)
    return None
