"""What ``serve`` reads again while it runs."""

import asyncio
import logging

from rxkernel.application.application import Application
from rxkernel.application.events import ApplicationEvents
from rxkernel.application.settings_changes import SettingsChangedEvent
from rxkernel.cli.logs import LineHandler
from rxkernel.exceptions import ConfigurationError
from rxkernel.servers.aiohttp.server import HttpServer

logger = logging.getLogger(__name__)


async def read_again_when(asked: asyncio.Event, application: Application) -> None:
    """Read the certificates and the settings of *application* again whenever *asked* is set, until
    it is cancelled. Errors are logged, and what runs stays as it is."""
    application.dispatcher.add_listener(ApplicationEvents.SETTINGS, change_log_level)
    try:
        while True:
            await asked.wait()
            asked.clear()
            await _read_again(application)
    finally:
        application.dispatcher.remove_listener(ApplicationEvents.SETTINGS, change_log_level)


async def _read_again(application: Application) -> None:
    http = application.servers["http"]
    if isinstance(http, HttpServer) and http.certificates is not None:
        http.reload_certificates()
    try:
        await application.reload_settings()
    except ConfigurationError as exc:
        logger.error("the settings are not changed: %s", "; ".join(exc.problems))
    except Exception:
        logger.exception("the settings are not changed")


async def change_log_level(event: SettingsChangedEvent) -> None:
    """Use ``logging.level``, unless the application has set the handlers of the log itself."""
    root = logging.getLogger()
    if event.has_changed("logging.level") and any(
        isinstance(handler, LineHandler) for handler in root.handlers
    ):
        root.setLevel(event.settings.logging.level)
        event.applied("logging.level")
