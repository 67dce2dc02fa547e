"""``article: Annotated[Article, Entity("slug")]``: an argument that is loaded from its table."""

from collections.abc import Awaitable, Callable
from typing import Any

import attrs
from injector import inject
from sqlalchemy import bindparam, select
from sqlalchemy.sql.base import ExecutableOption

from bundles.resources.database.databases import Databases
from bundles.resources.database.message_sessions import MessageSessions
from bundles.resources.database.transaction import transaction_of
from bundles.resources.entities.column_value import ABSENT, ColumnValue, is_same
from bundles.resources.entities.mapped import column_of, is_unique, mapper_of
from rxkernel import (
    ConfigurationError,
    Definition,
    HttpDefinition,
    Marker,
    NotFoundException,
    Parameter,
    Request,
    UnprocessableEntityException,
)
from rxkernel.nearest import nearest
from rxkernel.routing.annotations import alternatives

_MISSING: Any = object()


@attrs.frozen
class Entity(Marker):
    """Loads a row of the type of the parameter, in the session of the message.

    If the row does not exist, or the column cannot have the value, the response is 404 with the
    code ``not_found``; a parameter of the type ``Article | None`` is None instead. Texts are
    compared exactly, also on MariaDB.

    Attributes:
        parameter: the parameter of the path; over a socket, of the event.
        column: the unique attribute to search; by default, the one with the name *parameter*.
        options: options of the query, such as ``selectinload(Article.author)``.
        lock: whether the row is locked until the end of the transaction (``SELECT … FOR UPDATE``).
    """

    parameter: str = "id"
    column: str | None = attrs.field(default=None, kw_only=True)
    options: tuple[ExecutableOption, ...] = attrs.field(default=(), converter=tuple, kw_only=True)
    lock: bool = attrs.field(default=False, kw_only=True)

    @property
    def attribute(self) -> str:
        """The attribute of the entity that is compared with the parameter."""
        return self.column or self.parameter


class EntityResolver:
    @inject
    def __init__(self, databases: Databases) -> None:
        self._databases = databases

    def bind(
        self, marker: Entity, parameter: Parameter, definition: Definition
    ) -> Callable[[Request], Awaitable[Any]]:
        entity, is_optional = _entity_of(parameter)
        column = column_of(entity, marker.attribute)
        _check(marker, entity, definition)
        database = self._databases.of(entity).name
        value_of = ColumnValue(column)
        statement = (
            select(entity)
            .where(getattr(entity, marker.attribute) == bindparam("value", type_=column.type))
            .options(*marker.options)
        )
        if marker.lock:
            # a row that the session has read before is read again, since it may have changed
            statement = statement.with_for_update().execution_options(populate_existing=True)

        async def load(request: Request) -> Any:
            value = value_of.read(_raw(request, marker.parameter))
            found = None
            if value is not ABSENT:
                session = (await request.get(MessageSessions)).session(database)
                rows = await session.scalars(statement, {"value": value})
                found = rows.unique().one_or_none()
            if found is not None and not is_same(getattr(found, marker.attribute), value):
                found = None
            if found is None and not is_optional:
                raise NotFoundException(code="not_found")
            return found

        return load

    def describe(self, marker: Entity, parameter: Parameter) -> dict[str, Any]:
        entity, is_optional = _entity_of(parameter)
        schema = ColumnValue(column_of(entity, marker.attribute)).schema()
        value = {"source": "params", "key": marker.parameter, "schema": schema}
        return {"inputs": [value], "statuses": [503] if is_optional else [404, 503]}


def _entity_of(parameter: Parameter) -> tuple[type[Any], bool]:
    """Return the mapped class of *parameter*, and whether it may be None."""
    members = alternatives(parameter.type)
    found = [member for member in members if member is not type(None)]
    if len(found) != 1:
        raise ConfigurationError(
            f"its type is {parameter.type}; write a mapped class, or a mapped class | None"
        )
    mapper_of(found[0])
    return found[0], len(members) > 1


def _check(marker: Entity, entity: type[Any], definition: Definition) -> None:
    problems = []
    name = marker.parameter
    if not is_unique(column_of(entity, marker.attribute)):
        problems.append(
            f"{entity.__qualname__}.{marker.attribute} is not unique, so it does not identify a "
            f"row; declare it unique=True, or load the row in the action"
        )
    if isinstance(definition, HttpDefinition) and name not in definition.template.parameters:
        near = nearest(name, list(definition.template.parameters))
        hint = f"did you mean {near!r}?" if near else f"write {{{name}}} in the path"
        problems.append(f"the path {definition.path!r} has no parameter {name!r}; {hint}")
    if transaction_of(definition).is_off:
        problems.append("it is an entity, and the action has @transaction(None); remove one")
    if problems:
        raise ConfigurationError(*problems)


def _raw(request: Request, name: str) -> Any:
    raw = request.params.get(name, _MISSING)
    if raw is _MISSING:
        entry = {"path": f"params.{name}", "code": "missing", "message": "is missing"}
        raise UnprocessableEntityException(errors=[entry])
    return raw
