"""Rules for a type or a part of it: functions that check or replace its values."""

from collections.abc import Callable, Mapping
from typing import Any, get_args

import msgspec

from rxkernel.routing.annotations import split_all

_KEY = "rxkernel.validated_by:"

Rule = Callable[[Any], Any]
"""Returns the value, or another value instead of it; raises a ValueError if it is invalid."""


def validated_by(function: Rule) -> msgspec.Meta:
    """Call *function* with each value of the annotated type: ``Annotated[str, validated_by(f)]``.

    *function* is called with the converted value, but not with the None of ``T | None``. Its
    result becomes the argument, or the part of the argument. It raises a `ValidationError` with
    the text for the client, or an `ExceptionGroup` of several; for any other ValueError the client
    gets "is not valid". Return values of actions are not passed to it.

    Several rules of one type are called in the order in which they are written.
    """
    return msgspec.Meta(extra={f"{_KEY}{id(function)}": function})


def rules_of(extra: Mapping[Any, Any] | None) -> tuple[Rule, ...]:
    """The functions in the ``extra`` of a description by `msgspec.inspect`, in their order."""
    found = (extra or {}).items()
    return tuple(rule for key, rule in found if isinstance(key, str) and key.startswith(_KEY))


def has_rules(annotation: Any) -> bool:
    """Whether *annotation* or a part of it has rules; the fields of classes are not searched."""
    type_, extras = split_all(annotation)
    if any(rules_of(extra.extra) for extra in extras if isinstance(extra, msgspec.Meta)):
        return True
    return any(map(has_rules, get_args(type_)))
