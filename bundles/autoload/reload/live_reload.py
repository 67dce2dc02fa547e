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
    """Loads changed files of an application, and its settings, again."""

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
        """The errors for which the last change is not loaded; empty if the files are loaded."""
        return self._reloader.problems

    async def reload(self) -> bool:
        """Load changed files, also if live reload is disabled, or if these files have failed
        before. Return whether messages read another snapshot now. An error is logged, and the
        application is unchanged.

        Raises:
            RxKernelError: the application is stopping.
        """
        return await self._reloader.reload(again=True)

    async def start(self) -> None:
        """Watch the root if live reload is enabled; do nothing if it is already watched."""
        if self._watcher is not None and self._task is None:
            self._task = asyncio.create_task(self._follow(self._watcher))
            self._settings.start()
            await asyncio.sleep(0)  # so that the task has begun to watch

    async def stop(self) -> None:
        """Stop watching; a change that is being loaded is undone."""
        await self._settings.stop()
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait({task})

    async def close(self) -> None:
        """Stop, and call the pending stop hooks of replaced files."""
        await self.stop()
        await self._reloader.close()
        await self._retirement.close()

    async def _follow(self, watcher: Watcher) -> None:
        try:
            async for changed in watcher.batches():
                await self._load(changed)
        except Exception:
            logger.exception("%s is not watched any more; changes are not loaded", watcher.root)

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
                logger.exception(
                    "the changed files are not loaded; the previous version stays in use"
                )


def _watcher(autoload: Autoload, is_wanted: bool | None, *, is_debug: bool) -> Watcher | None:
    """Return the watcher; None if live reload is disabled.

    Raises:
        ConfigurationError: live reload is enabled, but watchfiles is not installed.
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
