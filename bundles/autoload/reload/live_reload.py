"""Live reload: watches the root from the start of the servers until they stop."""

import asyncio
import logging

from injector import inject

from bundles.autoload.autoload import Autoload
from bundles.autoload.endpoints.publishing import Endpoints
from bundles.autoload.reload.reloader import Reloader
from bundles.autoload.reload.retirement import Retirement
from bundles.autoload.reload.settings_watch import SettingsWatch
from bundles.autoload.reload.watcher import CERTIFICATES, Watcher, is_installed
from bundles.autoload.settings import AutoloadSettings
from rxkernel import Application, HttpServer, RxKernelError, Settings

logger = logging.getLogger(__name__)


class LiveReload:
    """Loads the files of an application, and its settings, again after each change."""

    @inject
    def __init__(
        self,
        application: Application,
        autoload: Autoload,
        endpoints: Endpoints,
        http: HttpServer,
        settings: AutoloadSettings,
        kernel_settings: Settings,
    ) -> None:
        self._http = http
        self._retirement = Retirement(autoload, kernel_settings.shutdown_timeout)
        self._reloader = Reloader(application, autoload, endpoints, self._retirement)
        self._watcher = _watcher(autoload, settings.reload, is_debug=kernel_settings.debug)
        self._settings = SettingsWatch(application)
        self._task: asyncio.Task[None] | None = None
        if self._watcher is not None:
            application.live_directories.add(autoload.root)

    @property
    def problems(self) -> tuple[str, ...]:
        """Why the last change is not loaded; empty if the files are those that run."""
        return self._reloader.problems

    async def reload(self) -> bool:
        """Load what has changed, also if live reload is disabled, or if these files have failed
        before. Return whether messages read another snapshot now. After an error, which is
        logged, everything is as it was.

        Raises:
            RxKernelError: the application stops.
        """
        return await self._reloader.reload(again=True)

    async def start(self) -> None:
        """Watch the root, if live reload is enabled; does nothing if it is watched."""
        if self._watcher is not None and self._task is None:
            self._task = asyncio.create_task(self._follow(self._watcher))
            self._settings.start()
            await asyncio.sleep(0)  # the first step of the task begins to watch

    async def stop(self) -> None:
        """Watch no longer; a change that is being loaded is undone."""
        await self._settings.stop()
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait({task})

    async def close(self) -> None:
        """Stop, and call the stop hooks of replaced files that are left."""
        await self.stop()
        await self._reloader.close()
        await self._retirement.close()

    async def _follow(self, watcher: Watcher) -> None:
        try:
            async for changed in watcher.batches():
                await self._load(changed)
        except Exception:
            logger.exception("%s is not watched any more, so changes are not loaded", watcher.root)

    async def _load(self, changed: frozenset[str]) -> None:
        certificates = {key for key in changed if key.startswith(f"{CERTIFICATES}/")}
        if certificates:
            self._http.reload_certificates()
        if not changed or changed - certificates:
            try:
                await self._reloader.reload(changed - certificates)
            except RxKernelError as exc:
                logger.warning("the changed files are not loaded: %s", exc)
            except Exception:
                logger.exception("the changed files are not loaded, the version before runs on")


def _watcher(autoload: Autoload, is_wanted: bool | None, *, is_debug: bool) -> Watcher | None:
    """Return the watcher; None if live reload is disabled.

    Raises:
        ConfigurationError: it is enabled, but watchfiles is missing.
    """
    if is_wanted is None and is_debug and not is_installed():
        logger.warning(
            "live reload is disabled, since watchfiles is not installed; in the clone of "
            "rxkernel: pip install '.[reload]'"
        )
        return None
    is_enabled = is_debug if is_wanted is None else is_wanted
    return (
        Watcher(autoload.root, [place.name for place in autoload.places]) if is_enabled else None
    )
