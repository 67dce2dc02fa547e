"""Converts validators of attrs to entries of ``errors``.

The rule is read from the attributes of the validator, which a test checks. The text of its
exception is not used, because it quotes the value.
"""

from collections.abc import Callable, Iterator
from typing import Any

from attrs import validators

from rxkernel.messages.input_errors import (
    ErrorEntry,
    kind_of,
    out_of_bound,
    wrong_choice,
    wrong_length,
    wrong_pattern,
    wrong_type,
)

_JSON_SCALARS = (str, int, float, bool, type(None))


def _bound(rule: Any, value: Any) -> ErrorEntry | None:
    if type(rule.bound) not in (int, float):
        return None
    return out_of_bound(type(value).__name__, rule.compare_op, rule.bound)


def choices_of(rule: Any) -> list[Any] | None:
    """Return the choices of *rule*, an `attrs.validators.in_`; None if JSON cannot hold one."""
    choices = list(rule.options)
    return choices if all(type(choice) in _JSON_SCALARS for choice in choices) else None


def _class(rule: Any, value: Any) -> ErrorEntry:
    classes = rule.type if isinstance(rule.type, tuple) else (rule.type,)
    names = (getattr(cls, "__name__", str(cls)) for cls in classes)
    return wrong_type(" | ".join(names), kind_of(value))


_RULES: dict[type, Callable[[Any, Any], ErrorEntry | None]] = {
    type(validators.ge(0)): _bound,
    type(validators.in_(())): lambda rule, _: wrong_choice(choices_of(rule) or ()),
    type(validators.instance_of(int)): _class,
    type(validators.matches_re("")): lambda rule, _: wrong_pattern(rule.pattern.pattern),
    type(validators.max_len(0)): lambda rule, value: wrong_length(
        kind_of(value), len(value), longest=rule.max_length
    ),
    type(validators.min_len(0)): lambda rule, value: wrong_length(
        kind_of(value), len(value), shortest=rule.min_length
    ),
}
_AND: Any = type(validators.and_())
OPTIONAL: Any = type(validators.optional(()))


def is_of_attrs(validator: Any) -> bool:
    """Whether *validator* was made by a function of `attrs.validators`."""
    return type(validator).__module__ == "attr.validators"


def single_validators(validator: Any) -> Iterator[Any]:
    """Yield the validators of a field, which attrs has combined into one."""
    if type(validator) is _AND:
        for each in validator._validators:
            yield from single_validators(each)
    elif validator is not None:
        yield validator


def error_of_rule(validator: Any, value: Any) -> ErrorEntry | None:
    """Return the error for *value*, which *validator* rejected; None if the rule is not known."""
    if type(validator) is OPTIONAL:
        return error_of_rule(validator.validator, value)
    read = _RULES.get(type(validator))
    return None if read is None else read(validator, value)
