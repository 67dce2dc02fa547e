"""What one client asks for: conditions, an order, and a page."""

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
        where: the conditions; all rows for an empty tuple.
        orders: the keys of the order; the last ones are those of the primary key, so that two
            requests never sort equal rows differently.
        limit: most rows of the page. skip: rows before it.
        position: the values of the last row of the page before, from a cursor; or None.
    """

    where: tuple[ColumnElement[bool], ...]
    orders: Sequence[Order]
    limit: int
    skip: int
    position: Sequence[Any] | None = None

    def filter(self, statement: Select[Any]) -> Select[Any]:
        """*statement* for the rows of all pages."""
        return statement.where(*self.where)

    def apply(self, statement: Select[Any]) -> Select[Any]:
        """*statement* for one page: filtered, sorted and limited. It must not be DISTINCT.

        Each row has further columns at its end and there is one row more than ``limit``, from
        which `page` reads whether another page follows.
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
        """The items in *rows*, which `apply` has selected, and the cursor of the next page.

        An item is the entity where the statement selects one thing, else a tuple. The cursor is
        None on the last page.
        """
        width = len(self.orders)
        items = [row[0] if len(row) == width + 1 else tuple(row[:-width]) for row in rows]
        if len(rows) <= self.limit:
            return items, None
        last = rows[self.limit - 1]
        return items[: self.limit], cursor_of(self.orders, last[-width:])

    def count(self, statement: Select[Any]) -> Select[int]:
        """A statement that counts the rows of all pages of *statement*."""
        rows = self.filter(statement).order_by(None).subquery()
        return select(func.count()).select_from(rows)
