"""Rules of schemas that constraints of msgspec cannot express, for `validated_by`."""

from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from types import GenericAlias
from typing import Any

from bundles.contracts.schemas.nodes import Check
from bundles.contracts.schemas.verdicts import error_without_text, errors_of_verdict
from rxkernel import UnprocessableEntityException, ValidationError, Validator

_SHOWN_CHOICES = 20
_SCALARS = (str, int, float, bool, type(None))

Rule = Callable[[Any], Any]


def checked_by(check: Check) -> Rule:
    """Return the rule for the ``validate`` of a notation.

    The function returns True or None for a valid value; otherwise False, a text, or a list of
    texts. A `ValidationError` that it raises is sent to the client. For another `ValueError` or a
    `TypeError`, an error without its text is sent, since it may quote the value. Other exceptions
    are bugs.
    """

    def rule(value: Any) -> Any:
        try:
            result = check(value)
        except ValidationError as exc:
            text = f"validation failed Error: {exc.message}"
            raise ValidationError(text, code=exc.code, params=exc.params, path=exc.path) from exc
        except (TypeError, ValueError) as exc:
            raise error_without_text(exc) from exc
        if errors := errors_of_verdict(result, check):
            raise ExceptionGroup("validation error", errors)
        return value

    return rule


def with_defaults(defaults: Mapping[str, Any]) -> Rule:
    """Return the rule that sets missing fields."""

    def rule(value: dict[str, Any]) -> dict[str, Any]:
        for name, default in defaults.items():
            if name not in value:
                value[name] = default if isinstance(default, _SCALARS) else deepcopy(default)
        return value

    return rule


def one_of(values: Sequence[Any]) -> Rule:
    """Return the rule for an enum of values that ``Literal`` does not support. A boolean is not
    equal to a number."""
    allowed = frozenset(map(_identity, values))

    def rule(value: Any) -> Any:
        if not isinstance(value, _SCALARS) or _identity(value) not in allowed:
            shown = list(values[:_SHOWN_CHOICES])
            message = f"expected one of {', '.join(map(repr, shown))}"
            raise ValidationError(message, code="choice", params={"choices": shown})
        return value

    return rule


def _identity(value: Any) -> tuple[bool, Any]:
    return isinstance(value, bool), value


def in_range(low: float | None, high: float | None) -> Rule:
    """Return the rule for bounds beyond 64 bits, which msgspec does not support."""

    def rule(value: Any) -> Any:
        if low is not None and value < low:
            raise ValidationError(f"expected >= {low}", code="too_small", params={"ge": low})
        if high is not None and value > high:
            raise ValidationError(f"expected <= {high}", code="too_large", params={"le": high})
        return value

    return rule


def numbers_in_range(low: float | None, high: float | None) -> Rule:
    """Return the same rule as `in_range` for a union: it ignores values that are not numbers."""
    check = in_range(low, high)

    def rule(value: Any) -> Any:
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        return check(value) if is_number else value

    return rule


class OpenStruct:
    """The rule for an object with the fields of *known*, a TypedDict with these *names*, and
    further fields of type ``other``. That type is set when all types are built."""

    def __init__(self, known: Any, names: frozenset[str]) -> None:
        self.other: Any = Any
        self._known = known
        self._names = names
        self._validators: tuple[Validator, Validator] | None = None

    def __call__(self, value: dict[str, Any]) -> dict[str, Any]:
        if self._validators is None:  # made at first use, since the types may refer to this rule
            others = GenericAlias(dict, (str, self.other))
            self._validators = (Validator(self._known), Validator(others))
        parts: tuple[dict[str, Any], dict[str, Any]] = ({}, {})
        for name, part in value.items():
            parts[name not in self._names][name] = part
        result: dict[str, Any] = {}
        problems: list[Exception] = []
        for validator, part in zip(self._validators, parts, strict=True):
            try:
                result |= validator.validate(part, "")
            except UnprocessableEntityException as exc:
                problems += map(_error_of, exc.errors)
        if problems:
            raise ExceptionGroup("validation errors", problems)
        return result


def _error_of(entry: Mapping[str, Any]) -> ValidationError:
    message, params = entry["message"], entry.get("params")
    return ValidationError(message, code=entry["code"], params=params, path=entry["path"])
