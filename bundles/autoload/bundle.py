"""The bundle autoload."""

import logging
from collections.abc import Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from injector import Binder, Injector, inject, singleton

from bundles.autoload.application_folder import ApplicationFolder
from bundles.autoload.autoload import Autoload
from bundles.autoload.endpoints.context import ContextMarker, ContextResolver
from bundles.autoload.endpoints.endpoint_files import value_of
from bundles.autoload.endpoints.publishing import Endpoints
from bundles.autoload.listeners import AutoloadListeners
from bundles.autoload.loading.place import Place
from bundles.autoload.loading.place_names import SETUP
from bundles.autoload.places.api_paths import ApiPaths
from bundles.autoload.places.site import Site
from bundles.autoload.places.tasks import task_of
from bundles.autoload.reload.live_reload import LiveReload
from bundles.autoload.reload.not_loaded import NotLoaded
from bundles.autoload.settings import AutoloadSettings
from bundles.autoload.setup.commands import setup
from bundles.autoload.setup.script import script_of
from bundles.clock import Clock
from rxkernel import Application, Bundle, HttpServer, Settings

logger = logging.getLogger(__name__)

_FILES = "autoload_static"
"""The name of the route of the folder ``static``."""


class AutoloadBundle(Bundle):
    """Makes an application from a directory.

    Args:
        root: the directory, absolute or relative to the working directory; also an attribute.
    """

    name = "autoload"
    requires = ("contracts",)
    after = ("sessions", "security", "tasks")
    listeners: Sequence[Any] = (AutoloadListeners, Endpoints, NotLoaded)
    resolvers = MappingProxyType({ContextMarker: ContextResolver})
    settings_class = AutoloadSettings
    commands = (setup,)

    def __init__(self, root: Path | str = "application") -> None:
        self.root = Path(root)

    def configure(self, binder: Binder) -> None:
        settings = binder.injector.get(Settings)
        self._add_site(settings.http.prefix, binder.injector)
        if settings.http.tls is None and any((self.root / "cert").glob("*/key.pem")):
            logger.warning(
                "%s has certificates, but http.tls is not set; use create_application, which sets "
                "it, or write http.tls",
                self.root / "cert",
            )
        binder.bind(Autoload, to=self._autoload, scope=singleton)
        binder.bind(ApplicationFolder, to=ApplicationFolder(self.root))
        binder.bind(Endpoints, scope=singleton)
        binder.multibind(list[Place], to=[])
        binder.bind(LiveReload, scope=singleton)
        binder.bind(Clock, scope=singleton)

    def _add_site(self, prefix: str, injector: Injector) -> None:
        """Serve the folder ``static``, if there is one."""
        self.listeners, self.controllers = type(self).listeners, ()
        folder = self.root / "static"
        if folder.is_dir():

            def handles(path: str) -> bool:
                return injector.get(HttpServer).handles(path)

            api = ApiPaths(prefix, files=_FILES, handles=handles)
            self.controllers = (Site(folder, name=_FILES, api=api),)
            self.listeners = (*self.listeners, api)

    @inject
    def _autoload(
        self, application: Application, injector: Injector, settings: AutoloadSettings
    ) -> Autoload:
        values = {"api": value_of, "tasks": task_of, SETUP: script_of}
        places = injector.get(list[Place])
        return Autoload(application, injector, self.root, settings, values, places)
