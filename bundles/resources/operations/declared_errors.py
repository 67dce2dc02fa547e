"""Errors of the database for clients of resources, which name only declared fields."""

from collections.abc import Iterable, Iterator

import attrs
from injector import inject
from sqlalchemy.exc import SQLAlchemyError

from bundles.resources.database.databases import Databases
from bundles.resources.database.error_responses import respond_to
from bundles.resources.database.tables import Tables
from bundles.resources.entities.sent_fields import field_names
from bundles.resources.operations.own import OwnOperation
from bundles.resources.operations.run import RunMarker
from bundles.resources.operations.views import classes_in
from rxkernel import Definition, ExceptionEvent, KernelEvents, Transport, observe

_BEFORE_OTHERS = 1001
"""A priority before that of `DatabaseListeners.respond`, which names the fields of all columns."""


class DeclaredErrors:
    """Replaces an error of the database in an operation by its response."""

    @inject
    def __init__(self, databases: Databases) -> None:
        self._databases = databases

    @observe(KernelEvents.KERNEL_EXCEPTION, priority=_BEFORE_OTHERS)
    async def respond(self, event: ExceptionEvent) -> None:
        """Respond as for any action, but name only fields in the view or the input of the
        operation, so that a client does not learn the names of other columns."""
        marker = _marker_of(event.request.definition)
        if marker is not None and isinstance(event.exception, SQLAlchemyError):
            respond_to(event, _DeclaredTables(self._databases.tables.bases, marker))


@attrs.frozen
class _DeclaredTables(Tables):
    """Returns only the fields that clients of an operation know."""

    marker: RunMarker

    def fields(self, table: str | None, columns: Iterable[str]) -> list[str]:
        return self._declared(table, super().fields(table, columns))

    def fields_of_constraint(self, table: str | None, name: str | None) -> list[str]:
        return self._declared(table, super().fields_of_constraint(table, name))

    def fields_if_known(self, table: str | None, column: str) -> list[str]:
        return self._declared(table, super().fields_if_known(table, column))

    def only_reference(self, table: str | None) -> list[str]:
        return self._declared(table, super().only_reference(table))

    def _declared(self, table: str | None, fields: Iterable[str]) -> list[str]:
        if table is not None and self.table(table) not in self.marker.facts.mapper.tables:
            return []
        names = {*_declared_names(self.marker)}
        return [field for field in fields if field in names]


def _marker_of(definition: Definition | None) -> RunMarker | None:
    parameters = () if definition is None else definition.signature.parameters
    markers = (parameter.marker for parameter in parameters)
    return next((marker for marker in markers if isinstance(marker, RunMarker)), None)


def _declared_names(marker: RunMarker) -> Iterator[str]:
    facts, operation = marker.facts, marker.operation
    yield facts.key.key
    yield from field_names(facts.view.cls) or ()
    for name, (annotation, _) in operation.parameters(facts, Transport.HTTP).items():
        if isinstance(operation, OwnOperation):  # other operations have no parameters for values
            yield name
        for cls in classes_in(annotation):
            yield from field_names(cls) or ()
