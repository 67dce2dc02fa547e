"""The three storages of one application, with common operations."""

from collections.abc import Iterable

import attrs

from rxkernel.exceptions import ConfigurationError
from rxkernel.routing.metadata import (
    HttpMetadata,
    ProcedureMetadata,
    RouteMetadata,
    WebSocketMetadata,
)
from rxkernel.routing.storage import (
    HttpMetadataStorage,
    ProcedureMetadataStorage,
    WebSocketMetadataStorage,
)


@attrs.frozen(eq=False)
class MetadataStorages:
    """The routes of an application: over HTTP, events of Socket.IO, and procedures."""

    http: HttpMetadataStorage = attrs.field(factory=HttpMetadataStorage)
    websocket: WebSocketMetadataStorage = attrs.field(factory=WebSocketMetadataStorage)
    procedure: ProcedureMetadataStorage = attrs.field(factory=ProcedureMetadataStorage)

    def all(self) -> tuple[RouteMetadata, ...]:
        """Return all routes, in the order of the storages."""
        return (*self.http, *self.websocket, *self.procedure)

    def add(self, route: RouteMetadata) -> None:
        """Add *route* to the storage of its kind.

        Raises:
            ConfigurationError: its name is already used.
        """
        if isinstance(route, HttpMetadata):
            self.http.add(route)
        elif isinstance(route, WebSocketMetadata):
            self.websocket.add(route)
        elif isinstance(route, ProcedureMetadata):
            self.procedure.add(route)
        else:
            raise ConfigurationError(
                f"{route!r:.200} is not a route; pass an HttpMetadata, a WebSocketMetadata or a "
                f"ProcedureMetadata"
            )

    def extend(self, routes: Iterable[RouteMetadata | ConfigurationError]) -> None:
        """Add each of *routes*; errors are collected.

        Raises:
            ConfigurationError: with every problem, including the errors in *routes*.
        """
        errors: list[ConfigurationError] = []
        for route in routes:
            if isinstance(route, ConfigurationError):
                errors.append(route)
                continue
            try:
                self.add(route)
            except ConfigurationError as error:
                errors.append(error)
        if errors:
            raise ConfigurationError.merge(errors)

    def replace(self, routes: Iterable[RouteMetadata]) -> None:
        """Replace all routes by *routes*."""
        for storage in (self.http, self.websocket, self.procedure):
            storage.reset()
        for route in routes:
            self.add(route)
