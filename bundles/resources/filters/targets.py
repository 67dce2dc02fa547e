"""The target of a filter: a column of the entity or of a related one, or an expression."""

from collections.abc import Callable
from typing import Any

import attrs
from sqlalchemy import ColumnElement, Exists
from sqlalchemy.orm import ColumnProperty, Mapper, QueryableAttribute, aliased
from sqlalchemy.types import NullType

from rxkernel import ConfigurationError
from rxkernel.nearest import nearest


@attrs.frozen(eq=False)
class Step:
    """One relation of a path, to an alias of the related entity.

    ``related`` is the EXISTS for a related row. It is built at boot, since this takes half a
    millisecond.
    """

    relation: Any
    is_many: bool
    related: Exists

    def exists(self, condition: ColumnElement[bool]) -> ColumnElement[bool]:
        """Return the condition that a related row exists for which *condition* is true."""
        return self.related.where(condition)


@attrs.frozen(eq=False)
class Target:
    """The values of a row of the entity for a filter: one, several or none.

    Related rows are searched with EXISTS, so that a row of the entity is never found twice.
    """

    expression: ColumnElement[Any]
    steps: tuple[Step, ...]
    is_nullable: bool

    @property
    def may_be_missing(self) -> bool:
        """Whether a row may have no value."""
        return self.is_nullable or bool(self.steps)

    @property
    def is_many(self) -> bool:
        """Whether a row may have several values."""
        return any(step.is_many for step in self.steps)

    def some(
        self, condition: Callable[[ColumnElement[Any]], ColumnElement[bool]]
    ) -> ColumnElement[bool]:
        """Return the condition that *condition* is true for a value of the row."""
        found = condition(self.expression)
        for step in reversed(self.steps):
            found = step.exists(found)
        return found


def target_at(mapper: Mapper[Any], path: str) -> Target:
    """Return the target at *path*, which consists of attribute names: ``author.company.name``.

    Raises:
        ConfigurationError: an attribute does not exist, or is not a column or a relation.
    """
    owner: Any = mapper.class_
    steps: list[Step] = []
    *relations, name = path.split(".")
    for each in relations:
        relation = mapper.relationships.get(each)
        if relation is None:
            raise ConfigurationError(
                _unknown(mapper, each, "relation", mapper.relationships.keys())
            )
        alias = aliased(relation.mapper.class_)
        attribute = getattr(owner, each).of_type(alias)
        is_many = bool(relation.uselist)
        steps.append(Step(attribute, is_many, attribute.any() if is_many else attribute.has()))
        owner, mapper = alias, relation.mapper
    if mapper.relationships.get(name) is not None:
        key = mapper.relationships[name].mapper.primary_key[0].key
        raise ConfigurationError(
            f"{mapper.class_.__qualname__}.{name} is a relation, which has no value; name a "
            f"column of it: Field(path={f'{path}.{key}'!r})"
        )
    if name not in mapper.all_orm_descriptors:
        names = set(mapper.all_orm_descriptors.keys()) - set(mapper.relationships.keys())
        raise ConfigurationError(_unknown(mapper, name, "column", names))
    return target_of(getattr(owner, name), f"{mapper.class_.__qualname__}.{name}", tuple(steps))


def target_of(expression: Any, name: str, steps: tuple[Step, ...] = ()) -> Target:
    """Return the target for *expression*: an attribute of an entity, or any SQL expression.

    Raises:
        ConfigurationError: it is neither, or its type is unknown.
    """
    is_column = isinstance(expression, ColumnElement | QueryableAttribute)
    if not is_column or getattr(expression, "type", None) is None:
        raise ConfigurationError(
            f"{name} is not a column; filters compare columns, hybrid properties and expressions "
            f"of SQL: Field(column=func.lower(Task.title))"
        )
    if isinstance(expression.type, NullType):
        raise ConfigurationError(
            f"{name} has no type, as the result of an unknown function; pass one: "
            f"func.length(Task.title, type_=Integer)"
        )
    return Target(expression, steps, _is_nullable(expression))


def _is_nullable(expression: Any) -> bool:
    """Whether *expression* may be NULL; True for expressions other than columns."""
    found = getattr(expression, "property", None)
    column = found.columns[0] if isinstance(found, ColumnProperty) else expression
    return bool(getattr(column, "nullable", True))


def _unknown(mapper: Mapper[Any], name: str, kind: str, names: Any) -> str:
    meant = nearest(name, sorted(names))
    hint = f"; did you mean {meant!r}?" if meant else ""
    return f"{mapper.class_.__qualname__} has no {kind} {name!r}{hint}"
