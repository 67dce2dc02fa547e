"""An application from a directory."""

from bundles.autoload.application_folder import ApplicationFolder
from bundles.autoload.arguments_error import ArgumentsError
from bundles.autoload.autoload import Autoload
from bundles.autoload.bundle import AutoloadBundle
from bundles.autoload.directory import create_application
from bundles.autoload.endpoints.context import Context
from bundles.autoload.endpoints.publishing import Endpoints
from bundles.autoload.endpoints.routes import Routes
from bundles.autoload.loading.build import Build
from bundles.autoload.loading.place import Place
from bundles.autoload.loading.registered_values import register
from bundles.autoload.loading.snapshot import Snapshot
from bundles.autoload.loading.snapshot_use import SnapshotUse
from bundles.autoload.reload.live_reload import LiveReload
from bundles.autoload.remote import (
    RemoteConnectionException,
    RemoteException,
    RemoteResponseException,
    RemoteStatusException,
    RemoteTimeoutException,
    RemoteUnavailableException,
)
from bundles.autoload.settings import AutoloadSettings
from bundles.autoload.views import (
    api,
    application,
    bus,
    config,
    db,
    domain,
    init,
    lib,
    model,
    resources,
    schemas,
)

__all__ = [
    "ApplicationFolder",
    "ArgumentsError",
    "Autoload",
    "AutoloadBundle",
    "AutoloadSettings",
    "Build",
    "Context",
    "Endpoints",
    "LiveReload",
    "Place",
    "RemoteConnectionException",
    "RemoteException",
    "RemoteResponseException",
    "RemoteStatusException",
    "RemoteTimeoutException",
    "RemoteUnavailableException",
    "Routes",
    "Snapshot",
    "SnapshotUse",
    "api",
    "application",
    "bus",
    "config",
    "create_application",
    "db",
    "domain",
    "init",
    "lib",
    "model",
    "register",
    "resources",
    "schemas",
]
