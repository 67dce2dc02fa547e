"""The changes of rows that clients are told when they are committed."""

from collections.abc import Iterator
from typing import Any, Literal

import attrs

from bundles.resources.operations.facts import Facts
from bundles.resources.operations.output import Output
from bundles.resources.operations.row_rules import RowRules

Kind = Literal["created", "changed", "removed"]


@attrs.frozen
class Push:
    """One event: its name, its argument and its rooms."""

    event: str
    content: Any
    rooms: tuple[str, ...]


class Changes:
    """The changes of one call. Nothing is kept for a resource that cannot be watched."""

    def __init__(self, facts: Facts, resource: RowRules[Any]) -> None:
        self._facts = facts
        self._resource = resource
        self._found: list[tuple[Kind, Any, frozenset[str]]] = []

    def rooms_of(self, row: Any) -> frozenset[str]:
        """Return the rooms that get the changes of *row* as it is now."""
        return frozenset(self._resource.rooms_of(row)) if self._facts.is_watched else frozenset()

    def created(self, row: Any) -> None:
        self._add("created", row, self.rooms_of(row))

    def changed(self, row: Any, before: frozenset[str]) -> None:
        """Add a change of *row*, whose rooms were those of *before*. For clients of other rooms it
        is a new row, or one that is gone."""
        now = self.rooms_of(row)
        self._add("changed", row, now & before)
        self._add("created", row, now - before)
        self._add("removed", row, before - now)

    def removed(self, row: Any) -> None:
        self._add("removed", row, self.rooms_of(row))

    def _add(self, kind: Kind, row: Any, rooms: frozenset[str]) -> None:
        if rooms:
            self._found.append((kind, row, rooms))

    def pushes(self, output: Output) -> Iterator[Push]:
        """Yield the events; called when the rows have been stored."""
        facts = self._facts
        for kind, row, rooms in self._found:
            key = {"id": getattr(row, facts.key.key)}
            content = key if kind == "removed" else output.view(row)
            inner = tuple(map(facts.room_of, sorted(rooms)))
            yield Push(f"{facts.name}_{kind}", content, inner)
