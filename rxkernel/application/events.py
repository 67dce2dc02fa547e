"""The events of an application's life."""

from enum import StrEnum

import attrs
from injector import Injector

from rxkernel.events.event import Event
from rxkernel.routing.storage import (
    HttpMetadataStorage,
    ProcedureMetadataStorage,
    WebSocketMetadataStorage,
)


class ApplicationEvents(StrEnum):
    """The names of the application's events."""

    BOOTSTRAP = "application.bootstrap"
    """`BootstrapEvent`: the services are there, the definitions are not yet."""
    SHUTDOWN = "application.shutdown"
    """`ShutdownEvent`: the servers have stopped, the services are still there."""


@attrs.define(eq=False)
class BootstrapEvent(Event):
    """The moment to add routes by hand: into the storages, before the kernel compiles them."""

    injector: Injector
    http_metadata_storage: HttpMetadataStorage
    websocket_metadata_storage: WebSocketMetadataStorage
    procedure_metadata_storage: ProcedureMetadataStorage


@attrs.define(eq=False)
class ShutdownEvent(Event):
    """The moment to finish; a listener that raises is logged and stops nothing."""

    injector: Injector
