"""One call of an operation: its message, and its access to rows."""

from collections.abc import Iterable
from typing import Any, cast

import attrs
from sqlalchemy import ColumnElement, Select
from sqlalchemy import inspect as state_of
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import QueryableAttribute
from sqlalchemy.orm.exc import StaleDataError

from bundles.resources.entities.column_value import is_same, is_storable
from bundles.resources.operations.changes import Changes
from bundles.resources.operations.facts import Facts
from bundles.resources.operations.output import Output
from bundles.resources.operations.row_rules import RowRules
from bundles.resources.operations.versions import Expected
from rxkernel import (
    NotFoundException,
    PreconditionFailedException,
    Request,
    Response,
    RxKernelError,
)


@attrs.define(eq=False)
class Call:
    """The state of one call.

    Attributes:
        facts: the facts of the resource, read at boot.
        request: the message.
        resource: the instance of the resource, built by the injector.
        session: the session of the message.
        output: makes the contents of responses.
        arguments: the values that the client sent, by the names of the parameters.
        is_readonly: whether the transaction is read-only.
        input: see `OperationEvent`.
        expected: the versions of the row that the client accepts.
        changes: the changes to push after the commit.
        cursor: the cursor of the next page of a list.
        total: the number of rows of all pages, if it is counted.
    """

    facts: Facts
    request: Request
    resource: RowRules[Any]
    session: AsyncSession
    output: Output
    arguments: dict[str, Any]
    is_readonly: bool = False
    input: Any = None
    expected: Expected = attrs.field(factory=Expected)
    changes: Changes = attrs.field(init=False)
    cursor: str | None = attrs.field(default=None, init=False)
    total: int | None = attrs.field(default=None, init=False)

    @changes.default
    def _no_changes(self) -> Changes:
        return Changes(self.facts, self.resource, self.output)

    # --- rows that are stored

    def visible(self) -> ColumnElement[bool]:
        """Return the condition for the rows that the client may see.

        Raises:
            RxKernelError: the resource returns another value, which must not mean all rows.
        """
        found = self.resource.visible(self.request)
        if not isinstance(cast(object, found), ColumnElement | QueryableAttribute):
            raise RxKernelError(
                f"{type(self.resource).__qualname__}.visible returned {found!r:.100}; return a "
                f"condition, as Task.owner == request.user, or true() of SQLAlchemy for all rows"
            )
        return found

    def select(self) -> Select[Any]:
        """Return the statement for the rows that the client may see."""
        return self.facts.select(self.visible())

    async def row(self, *, changes: bool = False, removes: bool = False) -> Any:
        """Return the row with the argument ``id``. With *changes* or *removes*, lock it and
        compare its version, so that it may be changed or removed.

        Raises:
            NotFoundException: it does not exist, or the client may not see it (404).
            PreconditionFailedException: its version is not one that the client expects (412).
        """
        found = await self._find([self.arguments["id"]], locks=changes or removes)
        row = next(iter(found), None)
        if row is None:
            raise NotFoundException(code="not_found")
        if self.expected and not self.output.versions.matches(self.expected, self.output.tag(row)):
            raise _other_version()
        if changes or removes:
            self.changes.loaded(row)
        return row

    async def rows(self) -> list[Any]:
        """Return the rows with the keys in the argument ``ids`` that the client may see, in the
        order of their keys. They may be changed or removed."""
        found = await self._find(self.arguments["ids"], locks=True)
        for row in found:
            self.changes.loaded(row)
        return found

    async def _find(self, sent: Iterable[Any], *, locks: bool) -> list[Any]:
        """Return the visible rows whose key is exactly equal to one of *sent*."""
        keys = {each for each in sent if is_storable(each)}
        if not keys:
            return []
        key = self.facts.key
        is_one = key == next(iter(keys)) if len(keys) == 1 else key.in_(keys)
        statement = self.select().where(is_one).order_by(key)
        if locks:
            statement = self._locked(statement)
        rows = (await self.session.scalars(statement)).unique()
        return [row for row in rows if any(is_same(getattr(row, key.key), each) for each in keys)]

    def _locked(self, statement: Select[Any]) -> Select[Any]:
        """Lock the rows of *statement*, if the database can, so that they stay visible and keep
        their values until the commit. Rows with a version column need no lock, since UPDATE and
        DELETE compare it."""
        if self.facts.version is not None or self.is_readonly:
            return statement
        # a row that the session has read before is read again, since it may have changed
        locked = statement.with_for_update(of=self.facts.entity)
        return locked.execution_options(populate_existing=True)

    # --- changes

    def add(self, row: Any) -> None:
        """Add *row*, which is new, to the session."""
        self.session.add(row)
        self.changes.created(row)

    async def delete(self, row: Any) -> None:
        """Delete *row*."""
        await self.session.delete(row)

    async def store(self) -> None:
        """Flush the changes of the session, and load the values that the view needs: those that
        the database has computed, and relationships.

        Raises:
            PreconditionFailedException: the client expects a version, and another client has
                changed the row since it was loaded (412).
        """
        try:
            await self.session.flush()
        except StaleDataError as exc:
            if not self.expected:
                raise
            raise _other_version() from exc
        facts = self.facts
        stale = [row for row in self.changes.rows if facts.view.options or self._lacks(row)]
        if stale:
            keys = [getattr(row, facts.key.key) for row in stale]
            statement = facts.select(facts.key.in_(keys))
            options = {"populate_existing": True}
            (await self.session.execute(statement, execution_options=options)).unique().all()

    def _lacks(self, row: Any) -> bool:
        needed = self.facts.view.attributes | {self.facts.version}
        return not needed.isdisjoint(state_of(row).unloaded)

    # --- responses

    def with_tag(self, response: Response, row: Any) -> Response:
        """Return *response* with the ``ETag`` of *row*."""
        response.set_etag(self.output.tag(row))
        return response


def _other_version() -> PreconditionFailedException:
    return PreconditionFailedException(
        "the row has another version; read it again", code="other_version"
    )
