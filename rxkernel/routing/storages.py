"""The three storages of one application, addressed as one."""

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
    """Where the routes of an application are: over HTTP, of Socket.IO, and procedures."""

    http: HttpMetadataStorage = attrs.field(factory=HttpMetadataStorage)
    websocket: WebSocketMetadataStorage = attrs.field(factory=WebSocketMetadataStorage)
    procedure: ProcedureMetadataStorage = attrs.field(factory=ProcedureMetadataStorage)

    def all(self) -> tuple[RouteMetadata, ...]:
        """Every route, one storage after the other."""
        return (*self.http, *self.websocket, *self.procedure)

    def add(self, route: RouteMetadata) -> None:
        """Put *route* into the storage of its kind.

        Raises:
            ConfigurationError: its name is taken.
        """
        if isinstance(route, HttpMetadata):
            self.http.add(route)
        elif isinstance(route, WebSocketMetadata):
            self.websocket.add(route)
        elif isinstance(route, ProcedureMetadata):
            self.procedure.add(route)
        else:
            raise ConfigurationError(
                f"{route!r:.200} is not a route; give an HttpMetadata, a WebSocketMetadata or a "
                f"ProcedureMetadata"
            )

    def extend(self, routes: Iterable[RouteMetadata | ConfigurationError]) -> None:
        """Add each of *routes*, going on after a mistake.

        Raises:
            ConfigurationError: with every problem, those among *routes* included.
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
        """Hold *routes* and nothing else."""
        for storage in (self.http, self.websocket, self.procedure):
            storage.reset()
        for route in routes:
            self.add(route)
