"""The query of one client: conditions, an order, and a page."""

from collections.abc import Sequence
from typing import Any

import attrs
from sqlalchemy import ColumnElement, Select, func, select

from bundles.resources.filters.cursor import cursor_of
from bundles.resources.filters.sorting import Order, after, with_relations


@attrs.frozen(eq=False)
class FilterQuery:
    """The filters of a request, for any SELECT of the entity.

    Attributes:
        where: the conditions; empty: all rows.
        orders: the keys of the order. The last ones are the primary key, so that the order of
            equal rows is always the same.
        limit: the maximum of rows of the page.
        skip: the number of rows before the page.
        position: the values of the last row of the previous page, from a cursor; or None.
    """

    where: tuple[ColumnElement[bool], ...]
    orders: Sequence[Order]
    limit: int
    skip: int
    position: Sequence[Any] | None = None

    def filter(self, statement: Select[Any]) -> Select[Any]:
        """Return *statement* restricted to the rows of all pages."""
        return statement.where(*self.where)

    def apply(self, statement: Select[Any]) -> Select[Any]:
        """Return *statement* for one page: filtered, sorted and limited. It must not be DISTINCT.

        Each row has further columns at its end, and one row more than ``limit`` is selected, so
        that `page` knows whether another page follows.
        """
        found = with_relations(self.filter(statement), self.orders)
        if self.position is not None:
            found = found.where(after(self.orders, self.position))
        clauses = [clause for order in self.orders for clause in order.clauses()]
        keys = [
            order.key.target.expression.label(f"sort_key_{place}")
            for place, order in enumerate(self.orders)
        ]
        found = found.add_columns(*keys).order_by(None).order_by(*clauses).limit(self.limit + 1)
        return found.offset(self.skip) if self.skip else found

    def page(self, rows: Sequence[Sequence[Any]]) -> tuple[list[Any], str | None]:
        """Return the items in *rows*, which `apply` has selected, and the cursor of the next page.

        If the statement selects one entity or column, an item is this value, otherwise a tuple.
        The cursor is None on the last page.
        """
        width = len(self.orders)
        items = [row[0] if len(row) == width + 1 else tuple(row[:-width]) for row in rows]
        if len(rows) <= self.limit:
            return items, None
        last = rows[self.limit - 1]
        return items[: self.limit], cursor_of(self.orders, last[-width:])

    def count(self, statement: Select[Any]) -> Select[int]:
        """Return a statement that counts the rows of all pages of *statement*."""
        rows = self.filter(statement).order_by(None).subquery()
        return select(func.count()).select_from(rows)
