"""The changes of rows that are pushed to clients after the commit."""

from collections.abc import Iterator
from typing import Any, Literal

import attrs
from sqlalchemy import inspect as state_of

from bundles.resources.operations.facts import Facts
from bundles.resources.operations.output import Output
from bundles.resources.operations.row_rules import RowRules

Kind = Literal["created", "changed", "removed"]


@attrs.frozen
class Push:
    """One event to push: its name, its argument and its rooms."""

    event: str
    content: Any
    rooms: tuple[str, ...]


@attrs.frozen(eq=False)
class Before:
    """A row before its change: the rooms that receive its changes, and its view as JSON."""

    row: Any
    rooms: frozenset[str]
    view: bytes


class Changes:
    """The rows that one call may change. It is not used if clients cannot watch the resource.

    Attributes:
        rows: the rows that still exist after the flush: the operation, a hook or the method of an
            own operation may have removed some.
    """

    def __init__(self, facts: Facts, resource: RowRules[Any], output: Output) -> None:
        self._facts = facts
        self._resource = resource
        self._output = output
        self._before: dict[int, Before] = {}
        self._created: list[Any] = []

    @property
    def rows(self) -> list[Any]:
        found = [*self._created, *(before.row for before in self._before.values())]
        return [row for row in found if not _is_deleted(row)]

    def loaded(self, row: Any) -> None:
        """Remember *row*, which may be changed."""
        self._before[id(row)] = Before(row, self._rooms_of(row), self._encoded(row))

    def created(self, row: Any) -> None:
        self._created.append(row)

    def _rooms_of(self, row: Any) -> frozenset[str]:
        return frozenset(self._resource.rooms_of(row)) if self._facts.is_watched else frozenset()

    def _encoded(self, row: Any) -> bytes:
        return self._output.encoded(row) if self._facts.is_watched else b""

    def pushes(self) -> Iterator[Push]:
        """Yield the events, after the rows were flushed.

        A row whose view is unchanged is not pushed. In rooms that received its changes only
        before, or only now, it is pushed as removed or created.
        """
        if not self._facts.is_watched:
            return
        for row in self._created:
            if not _is_deleted(row):
                yield from self._push("created", row, self._rooms_of(row))
        for before in self._before.values():
            if _is_deleted(before.row):
                yield from self._push("removed", before.row, before.rooms)
                continue
            row, now = before.row, self._rooms_of(before.row)
            if self._encoded(row) != before.view:
                yield from self._push("changed", row, now & before.rooms)
            yield from self._push("created", row, now - before.rooms)
            yield from self._push("removed", row, before.rooms - now)

    def _push(self, kind: Kind, row: Any, rooms: frozenset[str]) -> Iterator[Push]:
        if rooms:
            facts = self._facts
            key = {"id": getattr(row, facts.key.key)}
            content = key if kind == "removed" else self._output.view(row)
            names = tuple(map(facts.room_of, sorted(rooms)))
            yield Push(f"{facts.name}_{kind}", content, names)


def _is_deleted(row: Any) -> bool:
    """Whether the session has flushed the deletion of *row*."""
    return bool(state_of(row).was_deleted)
