"""The events of the lifecycle of an application."""

from collections.abc import Sequence
from enum import StrEnum

import attrs
from injector import Injector

from rxkernel.events.event import Event
from rxkernel.routing.metadata import RouteMetadata
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
    SHUTDOWN = "application.shutdown"
    """`ShutdownEvent`: the servers have stopped, the services still exist."""


@attrs.define(eq=False)
class BootstrapEvent(Event):
    """Dispatched before the kernel compiles the routes of the storages: more can be added.

    Attributes:
        services: the singletons of the application, dependencies first; also its controllers,
            listeners and bundles. A bundle finds methods with its decorators there.
        scoped_classes: the classes that are bound in another scope, which boot does not build.
    """

    injector: Injector
    http_metadata_storage: HttpMetadataStorage
    websocket_metadata_storage: WebSocketMetadataStorage
    procedure_metadata_storage: ProcedureMetadataStorage
    services: Sequence[object] = ()
    scoped_classes: Sequence[type] = ()


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
