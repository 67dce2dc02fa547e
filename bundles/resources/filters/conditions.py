"""Converts the filters of a client to SQL conditions, and collects all errors."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice
from typing import Any

import attrs
from sqlalchemy import ColumnElement, and_, bindparam, not_, or_

from bundles.resources.filters.operators import OPERATORS, Compare, Operand, Operator
from bundles.resources.filters.targets import Target
from bundles.resources.filters.value_types import ValueType
from rxkernel.kernel.binding.class_errors import error_of
from rxkernel.kernel.binding.validation_errors import INVALID, ValidationErrors
from rxkernel.messages.input_errors import (
    UNKNOWN_FIELD,
    ErrorEntry,
    below,
    invalid,
    kind_of,
    wrong_choice,
    wrong_length,
    wrong_type,
)
from rxkernel.messages.param_type import ParamType
from rxkernel.nearest import nearest

MAX_VALUES = 200
"""The maximum of values in one ``$in`` or ``$nin``."""

MAX_CONDITIONS = 50
"""The maximum of operators in one request."""

_MAX_NAMES = MAX_CONDITIONS + 1
"""The maximum of names that are read of one object, so that a large object cannot cause many
errors."""

Condition = ColumnElement[bool]

_BOOL = ParamType.of(bool)
_TOO_MANY = wrong_length("filters", MAX_CONDITIONS + 1, 0, MAX_CONDITIONS)


def unknown_field(name: str, names: Iterable[str]) -> ErrorEntry:
    """Return the error for a *name* that is not in *names*; it suggests the nearest one."""
    meant = nearest(name[:50], sorted(names))
    if meant is None:
        return UNKNOWN_FIELD
    return attrs.evolve(UNKNOWN_FIELD, message=f"is not a known field; did you mean {meant!r}?")


def unknown_choice(name: str, choices: Iterable[str]) -> ErrorEntry:
    """Return the error for a *name* that is not in *choices*; it lists them."""
    names = list(choices)
    entry, meant = wrong_choice(names), nearest(name[:50], sorted(names))
    hint = f"; did you mean {meant!r}?" if meant else ""
    return attrs.evolve(entry, message=entry.message + hint)


@attrs.frozen(eq=False)
class BoundField:
    """A filter of an entity. ``operators`` has the operators that are applied, by the names that a
    client may send."""

    name: str
    operators: Mapping[str, Operator]
    target: Target
    type: ValueType
    transform: tuple[Callable[[Any], Any], ...] = ()

    def ignores_empty(self, operator: str) -> bool:
        """Whether an empty input of a form counts as not sent. *operator* is its name for a
        client; empty for a plain value."""
        found = self.operators.get(operator or "$eq")
        if found is None:
            return False
        return found.operand is Operand.FLAG or self.type.read("")[1] is not None


@attrs.define(eq=False)
class ConditionReader:
    """Reads the filters of one request. ``count`` is the number of operators read so far."""

    fields: Mapping[str, BoundField]
    errors: ValidationErrors
    count: int = 0

    def read(self, field: BoundField, given: Any, path: str) -> Condition | None:
        """Return the condition of *given*, a value or an object of operators; None after an
        error."""
        if given is INVALID:
            return None
        if isinstance(given, Mapping):
            if not given:
                self.errors.add(path, invalid(f"has no operator; use {_listed(field)}"))
                return None
            names = list(given)[:_MAX_NAMES]
            found = [self._operation(field, name, given[name], path) for name in names]
        else:
            found = [self._plain(field, given, path)]
        operations = [each for each in found if each is not None]
        return None if len(operations) < len(found) else _condition(field, operations)

    def any_of(self, given: Any, limit: int, path: str) -> Condition | None:
        """Return the condition of ``$or``, a list of objects with filters; None after an error."""
        errors = self.errors
        if given is INVALID:
            return None
        if not isinstance(given, list | tuple):
            errors.add(path, wrong_type("array", kind_of(given)))
            return None
        if (error := wrong_length("array", len(given), 1, limit)) is not None:
            errors.add(path, error)
            return None
        found = [self._all_of(each, f"{path}[{place}]") for place, each in enumerate(given)]
        alternatives = [each for each in found if each is not None]
        return or_(*alternatives) if alternatives else None

    def _all_of(self, given: Any, path: str) -> Condition | None:
        if given is INVALID:
            return None
        if not isinstance(given, Mapping):
            self.errors.add(path, wrong_type("object", kind_of(given)))
            return None
        if not given:  # without a filter it would be true for every row
            self.errors.add(path, invalid("has no filter"))
            return None
        found = []
        for name, value in islice(given.items(), _MAX_NAMES):
            place = below(path, name)
            if (field := self.fields.get(name)) is None:
                self.errors.add(place, unknown_field(str(name), self.fields))
            elif (condition := self.read(field, value, place)) is not None:
                found.append(condition)
        return and_(*found) if found else None

    def _plain(self, field: BoundField, given: Any, path: str) -> tuple[Operator, Any] | None:
        if isinstance(given, list | tuple) and "$in" in field.operators:
            self.errors.add(path, invalid("has several values; send them with $in"))
            return None
        if "$eq" not in field.operators:
            self.errors.add(path, invalid(f"needs an operator; use {_listed(field)}"))
            return None
        return self._operand(field, field.operators["$eq"], given, path)

    def _operation(
        self, field: BoundField, name: Any, given: Any, path: str
    ) -> tuple[Operator, Any] | None:
        place = below(path, name)
        operator = field.operators.get(name) if isinstance(name, str) else None
        if operator is None:
            self.errors.add(place, unknown_choice(str(name), field.operators))
            return None
        return self._operand(field, operator, given, place)

    def _operand(
        self, field: BoundField, operator: Operator, given: Any, path: str
    ) -> tuple[Operator, Any] | None:
        self.count += 1
        if self.count > MAX_CONDITIONS:
            if self.count == MAX_CONDITIONS + 1 and _TOO_MANY is not None:
                self.errors.add("params", _TOO_MANY)
            return None
        if operator.operand is Operand.FLAG:
            value, error = _BOOL.read(given)
            value = value if error is None else self.errors.add(path, error)
        elif operator.operand is Operand.VALUES:
            value = self._values(field, given, path)
        else:
            value = self._value(field, operator, given, path)
        return None if value is INVALID else (operator, value)

    def _values(self, field: BoundField, given: Any, path: str) -> Any:
        values = given if isinstance(given, list | tuple) else [given]
        if (error := wrong_length("array", len(values), 1, MAX_VALUES)) is not None:
            return self.errors.add(path, error)
        found = [
            self._value(field, OPERATORS["$in"], each, f"{path}[{place}]")
            for place, each in enumerate(values)
        ]
        return INVALID if any(each is INVALID for each in found) else found

    def _value(self, field: BoundField, operator: Operator, given: Any, path: str) -> Any:
        if given is INVALID:
            return INVALID
        if given is None and operator.takes_null and field.target.may_be_missing:
            return None
        value, error = field.type.read(given)
        if error is not None:
            return self.errors.add(path, error)
        try:
            for transform in field.transform:
                value = transform(value)
        except ValueError as exc:
            return self.errors.add(path, error_of(exc))
        return value if operator.pattern is None else operator.pattern(value)


def _listed(field: BoundField) -> str:
    return ", ".join(field.operators)


def _condition(field: BoundField, operations: Sequence[tuple[Operator, Any]]) -> Condition:
    """Return the condition that all *operations* of one field are true. Those that compare one
    value must be true for the same related row."""
    compared: list[tuple[Compare, Any]] = []
    found: list[Condition] = []
    for operator, operand in operations:
        if operator.operand is Operand.FLAG:
            found.append(_has_value(field.target, not operand))
        elif operator.compare is None or operand is None:
            values = operand if operator.operand is Operand.VALUES else [operand]
            found.append(_is_one_of(field, values, operator.is_negative))
        elif operator.pattern is not None:
            compared.append((operator.compare, operand))
        else:
            parameter = bindparam(None, operand, field.type.bound, unique=True)
            compared.append((operator.compare, parameter))
    if compared:
        found.append(
            field.target.some(
                lambda column: and_(*(compare(column, value) for compare, value in compared))
            )
        )
    return and_(*found)


def _has_value(target: Target, wanted: bool) -> Condition:
    """Return the condition that the row has a value that is not NULL; or its opposite."""
    if not target.steps:
        return target.expression.is_not(None) if wanted else target.expression.is_(None)
    found = target.some(lambda column: column.is_not(None))
    return found if wanted else not_(found)


def _is_one_of(field: BoundField, values: Sequence[Any], is_negative: bool) -> Condition:
    """Return the condition that a value of the row is one of *values*; None means a row without a
    value."""
    target = field.target
    present = [value for value in values if value is not None]
    found: list[Condition] = []
    if len(present) < len(values):
        found.append(_has_value(target, is_negative))
    if present:
        parameter = bindparam(None, present, field.type.bound, expanding=True, unique=True)
        if not is_negative:
            found.append(target.some(lambda column: column.in_(parameter)))
        elif target.steps:
            found.append(not_(target.some(lambda column: column.in_(parameter))))
        elif target.is_nullable and len(present) == len(values):
            found.append(or_(target.expression.not_in(parameter), target.expression.is_(None)))
        else:
            found.append(target.expression.not_in(parameter))
    return and_(*found) if is_negative else or_(*found)
