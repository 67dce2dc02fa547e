"""`Repository`: the queries of one entity, in the session of the message."""

from collections.abc import AsyncIterator, Sequence
from typing import Any, ClassVar, Generic, TypeVar

from injector import inject
from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy import inspect as sqlalchemy_inspect
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapper

from bundles.resources.database.message_sessions import MessageSessions
from bundles.resources.entities.column_value import is_same, is_storable
from bundles.resources.entities.mapped import column_of, entity_of
from bundles.resources.entities.page import Page
from bundles.resources.entities.slice import Slice
from rxkernel import ConfigurationError, NotFoundException, request_scope

E = TypeVar("E")

_BATCH = 100
"""The number of rows that `Repository.stream` reads at a time."""


@request_scope
class Repository(Generic[E]):
    """``class Articles(Repository[Article])``: derive a class, and add queries as methods.

    An action takes it as an argument, ``articles: Articles``, and a service in its constructor;
    both get the same instance in one message. Elsewhere create it with a session:
    ``Articles(session)``. If a subclass has a constructor, for further services, it must pass the
    session on; for an entity in another database, ``Annotated[AsyncSession, Db("reports")]``.

    Attributes:
        entity: the class of the rows.
        session: the session of the message.
    """

    entity: ClassVar[Any] = None

    @inject
    def __init__(self, session: AsyncSession, sessions: MessageSessions | None = None) -> None:
        self.session = session if sessions is None else sessions.session_of(self.entity)

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        cls.entity = entity_of(cls, Repository) or cls.entity
        if cls.entity is None and not getattr(cls, "__parameters__", None):
            raise ConfigurationError(
                f"{cls.__qualname__} does not name its entity; write "
                f"class {cls.__name__}(Repository[…]) with a mapped class"
            )

    # --- single rows

    async def get(self, key: Any) -> E:
        """Return the row with the primary *key*, which is a tuple if it has several columns.

        Raises:
            NotFoundException: the row does not exist; the code is ``not_found``.
        """
        found = await self.find(key)
        if found is None:
            raise NotFoundException(code="not_found")
        return found

    async def find(self, key: Any) -> E | None:
        """Return the row with the primary *key*, or None. Texts are compared exactly, also on
        MariaDB."""
        parts = key if isinstance(key, tuple) else (key,)
        if not all(map(is_storable, parts)):
            return None
        found: E | None = await self.session.get(self.entity, key)
        if found is None or not all(map(is_same, sqlalchemy_inspect(found).identity, parts)):
            return None
        return found

    async def find_by(self, **values: Any) -> E | None:
        """Return the row whose columns have these *values*, or None.

        Raises:
            sqlalchemy.exc.MultipleResultsFound: several rows have these values.
        """
        if not all(map(is_storable, values.values())):
            return None
        criteria = (_attribute(self.entity, name) == value for name, value in values.items())
        found = await self.session.scalars(self.select(*criteria))
        return found.unique().one_or_none()

    # --- several rows

    def select(self, *criteria: ColumnElement[bool]) -> Select[E]:
        """Return the statement for all rows that meet *criteria*."""
        return select(self.entity).where(*criteria)

    async def all(self, *criteria: ColumnElement[bool], order_by: Any = ()) -> Sequence[E]:
        """Return all rows that meet *criteria*.

        Args:
            order_by: one column or expression, or a sequence of these.
        """
        order = order_by if isinstance(order_by, list | tuple) else (order_by,)
        found = await self.session.scalars(self.select(*criteria).order_by(*order))
        return found.unique().all()

    async def page(self, statement: Select[E], page: Page, *, has_total: bool = True) -> Slice[E]:
        """Return the rows of *statement* in *page*.

        The primary key is added to the order of *statement*; without it, a row could be on two
        pages.

        Args:
            has_total: whether to count all rows of *statement*, by a second query.
        """
        total = await self._count(statement) if has_total else None
        ordered = statement.order_by(*_primary_key(statement))
        rows = await self.session.scalars(ordered.limit(page.limit).offset(page.skip))
        return Slice(rows.unique().all(), total, page.limit, page.skip)

    async def count(self, *criteria: ColumnElement[bool]) -> int:
        """Return the number of rows that meet *criteria*."""
        return await self._count(self.select(*criteria))

    async def _count(self, statement: Select[Any]) -> int:
        keys = _primary_key(statement)
        if keys and len(statement.column_descriptions) == 1:
            # other columns may be expensive, for example a subquery for each row
            statement = statement.with_only_columns(*keys, maintain_column_froms=True)
        rows = statement.order_by(None).subquery()
        return await self.session.scalar(select(func.count()).select_from(rows)) or 0

    async def stream(self, statement: Select[E] | None = None) -> AsyncIterator[E]:
        """Yield the rows of *statement*, by default all, without keeping them all in memory."""
        statement = self.select() if statement is None else statement
        rows = await self.session.stream_scalars(statement.execution_options(yield_per=_BATCH))
        try:
            async for row in rows:
                yield row
        finally:
            await rows.close()

    # --- changes

    async def add(self, entity: E) -> E:
        """Insert *entity* now, so that its id is set, and return it."""
        self.session.add(entity)
        await self.session.flush()
        return entity

    async def refresh(self, entity: E) -> E:
        """Flush the changes of this session, read *entity* again, with its computed columns and
        eager relations, and return it."""
        await self.session.flush()
        await self.session.refresh(entity)
        return entity

    async def remove(self, entity: E) -> None:
        """Delete *entity* now."""
        await self.session.delete(entity)
        await self.session.flush()


def _attribute(entity: type[Any], name: str) -> Any:
    """Return the attribute *name* of *entity*, for a criterion.

    Raises:
        TypeError: *entity* has no such column.
    """
    try:
        column_of(entity, name)
    except ConfigurationError as error:
        raise TypeError(str(error)) from None
    return getattr(entity, name)


def _primary_key(statement: Select[Any]) -> list[Any]:
    """Return the attributes of the primary key of the entity that *statement* selects."""
    entity = statement.column_descriptions[0].get("entity")
    inspected = sqlalchemy_inspect(entity, raiseerr=False)
    mapper = getattr(inspected, "mapper", None)
    if not isinstance(mapper, Mapper):
        return []
    columns = (mapper.get_property_by_column(column) for column in mapper.primary_key)
    return [getattr(entity, each.key) for each in columns]
