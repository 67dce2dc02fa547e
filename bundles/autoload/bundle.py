"""What the bundle adds to an application."""

from pathlib import Path

from injector import Binder, Injector, inject, singleton

from bundles.autoload.autoload import Autoload
from bundles.autoload.listeners import AutoloadListeners
from bundles.autoload.reload.live_reload import LiveReload
from bundles.autoload.reload.snapshot_routes import SnapshotRoutes
from bundles.autoload.settings import AutoloadSettings
from rxkernel import Application, Bundle


class AutoloadBundle(Bundle):
    """Makes an application of a directory.

    Args:
        root: the directory, absolute or below the working directory.
    """

    name = "autoload"
    listeners = (AutoloadListeners,)
    settings_class = AutoloadSettings

    def __init__(self, root: Path | str = "application") -> None:
        self._root = Path(root)

    def configure(self, binder: Binder) -> None:
        binder.bind(Autoload, to=self._autoload, scope=singleton)
        binder.bind(SnapshotRoutes, scope=singleton)
        binder.bind(LiveReload, scope=singleton)

    @inject
    def _autoload(
        self, application: Application, injector: Injector, settings: AutoloadSettings
    ) -> Autoload:
        return Autoload(application, injector, self._root, settings)
