"""What the bundle adds to an application."""

from pathlib import Path
from types import MappingProxyType

from injector import Binder, Injector, inject, singleton

from bundles.autoload.autoload import Autoload
from bundles.autoload.endpoints.context import ContextMarker, ContextResolver
from bundles.autoload.endpoints.endpoint_files import value_of
from bundles.autoload.endpoints.publishing import Endpoints
from bundles.autoload.listeners import AutoloadListeners
from bundles.autoload.reload.live_reload import LiveReload
from bundles.autoload.settings import AutoloadSettings
from rxkernel import Application, Bundle


class AutoloadBundle(Bundle):
    """Makes an application of a directory.

    Args:
        root: the directory, absolute or below the working directory.
    """

    name = "autoload"
    requires = ("contracts",)
    after = ("sessions", "security")
    listeners = (AutoloadListeners, Endpoints)
    resolvers = MappingProxyType({ContextMarker: ContextResolver})
    settings_class = AutoloadSettings

    def __init__(self, root: Path | str = "application") -> None:
        self._root = Path(root)

    def configure(self, binder: Binder) -> None:
        binder.bind(Autoload, to=self._autoload, scope=singleton)
        binder.bind(Endpoints, scope=singleton)
        binder.bind(LiveReload, scope=singleton)

    @inject
    def _autoload(
        self, application: Application, injector: Injector, settings: AutoloadSettings
    ) -> Autoload:
        return Autoload(application, injector, self._root, settings, {"api": value_of})
