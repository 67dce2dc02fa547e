"""The lifecycle events of an application."""

from collections.abc import Collection, Iterator, Sequence
from enum import StrEnum

import attrs
from injector import Injector

from rxkernel.events.event import Event
from rxkernel.exceptions import ConfigurationError
from rxkernel.messages.transport import Transport
from rxkernel.routing.decorators import routes_of
from rxkernel.routing.metadata import ProcedureMetadata, RouteMetadata
from rxkernel.routing.storage import (
    HttpMetadataStorage,
    ProcedureMetadataStorage,
    WebSocketMetadataStorage,
)


class ApplicationEvents(StrEnum):
    """The names of the application's events."""

    BOOTSTRAP = "application.bootstrap"
    """`BootstrapEvent`: the services exist, the definitions do not yet."""
    RELOAD = "application.reload"
    """`ReloadEvent`: a reload is about to compile the routes."""
    SETTINGS = "application.settings"
    """`SettingsChangedEvent`: the settings were read again."""
    SHUTDOWN = "application.shutdown"
    """`ShutdownEvent`: the servers have stopped, the services still exist."""


@attrs.define(eq=False)
class BootstrapEvent(Event):
    """Dispatched before the kernel compiles the routes of the storages; listeners can add routes.

    Attributes:
        services: the singletons of the application, dependencies first; also its controllers,
            listeners and bundles. A bundle finds methods with its decorators there.
        scoped_classes: the classes that are bound in another scope, which boot does not build.
        problems: listeners add problems here. Boot reports them together with those of the routes,
            whereas an exception of a listener ends the boot immediately.
    """

    injector: Injector
    http_metadata_storage: HttpMetadataStorage
    websocket_metadata_storage: WebSocketMetadataStorage
    procedure_metadata_storage: ProcedureMetadataStorage
    services: Sequence[object] = ()
    scoped_classes: Sequence[type] = ()
    problems: list[str] = attrs.field(factory=list)

    def add_procedures(
        self, transports: Collection[Transport], noun: str, message: str
    ) -> list[ConfigurationError]:
        """Add the procedures of *services* over *transports*. Boot adds those of controllers.

        Args:
            noun: the term for a procedure in errors, with ``{}`` for its name: ``the task {}``.
            message: the term for one message in errors: ``run``.

        Returns:
            The error of each invalid route, and of each procedure of *scoped_classes*.
        """
        errors: list[ConfigurationError] = []
        storage = self.procedure_metadata_storage
        for service in self.services:
            for route in _procedures_of(service, transports, errors):
                known = storage.get(route.key)
                if known is None or known.target is not type(service):  # not a controller
                    storage.add(route)
        for cls in self.scoped_classes:
            errors += [
                ConfigurationError(
                    f"{route.place} is {noun.format(repr(route.name))}, and {cls.__qualname__} is "
                    f"not a singleton; bind it with scope=singleton, and take services of a "
                    f"{message} as arguments: session: Annotated[Session, Inject()]"
                )
                for route in _procedures_of(cls, transports, errors)
            ]
        return errors


def _procedures_of(
    target: object, transports: Collection[Transport], errors: list[ConfigurationError]
) -> Iterator[ProcedureMetadata]:
    for route in routes_of(target):
        if isinstance(route, ConfigurationError):
            errors.append(route)
        elif isinstance(route, ProcedureMetadata) and route.transport in transports:
            yield route


@attrs.define(eq=False)
class ReloadEvent(Event):
    """Dispatched before a reload compiles its routes. After an exception nothing has changed.

    Attributes:
        routes: all routes of the next state. A listener may add routes, and remove its own.
    """

    routes: list[RouteMetadata]


@attrs.define(eq=False)
class ShutdownEvent(Event):
    """Dispatched before services are closed. Every listener is called; their errors are logged."""

    injector: Injector
