"""The rules of a resource for its rows: methods that may be overridden."""

from collections.abc import Iterable
from typing import Any, Generic, TypeVar, get_args, get_origin

from sqlalchemy import ColumnElement, true

from bundles.resources.entities.apply import apply
from bundles.resources.entities.sent_fields import sent_fields
from rxkernel import Request

E = TypeVar("E")


class RowRules(Generic[E]):
    """The base class of `Resource`, with the methods that its operations call."""

    def visible(self, request: Request) -> ColumnElement[bool]:
        """Return the condition for the rows that the client of *request* may see; ``true()`` of
        SQLAlchemy for all rows. Another value, such as None after a missing ``return``, is an
        error.

        All statements that select rows have this condition, so other rows do not exist for the
        client. It may depend on ``request.user``, or on a parameter of the path of the resource.
        """
        return true()

    def build(self, sent: Any, request: Request) -> E:
        """Return a new row with the fields of *sent*, the input of ``create``.

        Override it for fields of *sent* that are not attributes of the entity.
        """
        row: E = entity_of(type(self))(**sent_fields(sent))
        return row

    def change(self, row: E, sent: Any, request: Request) -> None:
        """Set the fields of *sent*, the input of ``update`` or ``patch``, on *row*."""
        apply(row, sent)

    def room_of(self, request: Request) -> str:
        """Return the name of the room that the client of *request*, a ``watch`` or ``unwatch``,
        joins or leaves, without the prefix of the resource.

        Override it and `rooms_of` together with `visible`, so that clients receive only the
        changes of rows that they may see.
        """
        return ""

    def rooms_of(self, row: E) -> Iterable[str]:
        """Return the rooms that receive the changes of *row*, with names as in `room_of`."""
        return ("",)


def entity_of(cls: type[RowRules[Any]]) -> Any:
    """Return ``Task`` for a subclass of ``Resource[Task]``; None if it does not name a class."""
    for base in (b for one in cls.__mro__ for b in vars(one).get("__orig_bases__", ())):
        origin = get_origin(base)
        if isinstance(origin, type) and issubclass(origin, RowRules):
            found = get_args(base)[0]
            if isinstance(found, type):
                return found
    return None
