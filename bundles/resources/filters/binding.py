"""Looks up the attributes that filters name, at boot."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from sqlalchemy.orm import Mapper

from bundles.resources.filters.conditions import BoundField
from bundles.resources.filters.field import Field
from bundles.resources.filters.operators import OPERATORS, Operator
from bundles.resources.filters.sorting import Order, SortKey
from bundles.resources.filters.targets import Target, target_at, target_of
from bundles.resources.filters.value_types import ValueType
from rxkernel import ConfigurationError
from rxkernel.nearest import nearest

Declared = str | tuple[str, ...] | list[str] | Field

_SORT_HINT = (
    "a TypeDecorator of str, int, UUID or another such class needs the attribute "
    "python_type = UUID, and other columns are not for sorting"
)


class Binding:
    """Looks up the attributes that filters name in the entity of a mapper, and collects errors."""

    def __init__(self, mapper: Mapper[Any]) -> None:
        self._mapper = mapper
        self.problems: list[str] = []

    def field(self, name: str, declared: Declared) -> BoundField | None:
        given = field_of(declared)
        if not name or name[0] == "-" or set(name) & set("[]$,"):
            self.problems.append(
                f"filter {name!r}: a name has no bracket, dollar sign or comma, and does not "
                f"begin with a dash, since queries use these signs; rename it"
            )
            return None
        found = self._target(name, given)
        if found is None:
            return None
        target, type_ = found
        operators = {}
        for client, operator in self._operators(name, given):
            if not operator.accepts(type_.base):
                self._reject(name, operator, type_, given)
            operators[client] = operator
        return BoundField(name, operators, target, type_, given.transform)

    def sort_key(self, name: str, fields: Mapping[str, Declared]) -> SortKey | None:
        given = field_of(fields[name]) if name in fields else Field()
        found = self._target(name, Field(path=given.path, column=given.column))
        if found is None:
            return None
        target, type_ = found
        if target.is_many:
            self.problems.append(
                f"sort {name!r}: a row has several values of {given.path!r}; sort by a column of "
                f"the entity, or of a relation to one row"
            )
        if type_.wire is None:
            self._reject_sort(name, target)
        return SortKey.of(name, target, type_)

    def default_order(self, text: str, keys: Mapping[str, SortKey]) -> Iterator[Order]:
        for word in filter(None, text.split(",")):
            name = word.strip().removeprefix("-")
            if name in keys:
                yield Order(keys[name], word.strip().startswith("-"))
            else:
                self.problems.append(
                    f"default_sort {name!r} is not a name of sort{_hint(name, keys)}"
                )

    def tie_breakers(self, keys: Mapping[str, SortKey]) -> Iterator[SortKey]:
        """Yield the sort keys for the primary key. If a client may sort by one of its columns, it
        is the same `SortKey`."""
        by_column = {id(key.target.expression): key for key in keys.values()}
        for column in self._mapper.primary_key:
            name = self._mapper.get_property_by_column(column).key
            target = target_at(self._mapper, name)
            type_ = ValueType.of(target.expression.type)
            if type_.wire is None:
                self._reject_sort(name, target)
            yield by_column.get(id(target.expression)) or SortKey.of(name, target, type_)

    def _target(self, name: str, given: Field) -> tuple[Target, ValueType] | None:
        try:
            if given.column is not None:
                target = target_of(given.column, f"the column of {name!r}")
            else:
                target = target_at(self._mapper, given.path or name)
            return target, ValueType.of(target.expression.type, given.type)
        except (ConfigurationError, TypeError, NameError) as exc:
            self.problems.append(f"{name!r}: {exc}")
            return None

    def _operators(self, name: str, given: Field) -> Iterator[tuple[str, Operator]]:
        if not given.operators:
            self.problems.append(f"filter {name!r} has no operator; write {name}=('$eq',)")
        for client in given.rename:
            if client not in given.operators:
                self.problems.append(
                    f"filter {name!r} renames {client!r}, which it does not have; add it to its "
                    f"operators"
                )
        for client in given.operators:
            operator = OPERATORS.get(given.rename.get(client, client))
            if client in OPERATORS and operator is not None:
                yield client, operator
            else:
                wrong = client if client not in OPERATORS else given.rename[client]
                self.problems.append(
                    f"filter {name!r} has the operator {wrong!r}, which does not exist"
                    f"{_hint(wrong, OPERATORS)}; there are {', '.join(OPERATORS)}"
                )

    def _reject_sort(self, name: str, target: Target) -> None:
        self.problems.append(
            f"sort {name!r}: a cursor cannot hold values of {target.expression.type!r}; "
            f"{_SORT_HINT}"
        )

    def _reject(self, name: str, operator: Operator, type_: ValueType, given: Field) -> None:
        if type_.wire is None and given.type is None:
            self.problems.append(
                f"filter {name!r}: it is not known what a client sends for {operator.name} of a "
                f"column of this type; write Field({operator.name!r}, type=str, transform=[…])"
            )
        else:
            self.problems.append(
                f"filter {name!r}: {operator.name} needs {operator.needs}, but the values are "
                f"{type_.base.__name__}; remove it"
            )


def field_of(declared: Declared) -> Field:
    if isinstance(declared, Field):
        return declared
    return Field(declared) if isinstance(declared, str) else Field(*declared)


def _hint(name: str, names: Iterable[str]) -> str:
    meant = nearest(name, sorted(names))
    return f"; did you mean {meant!r}?" if meant else ""
