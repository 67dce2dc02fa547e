"""Reads certificates and settings again while ``serve`` runs."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext

from rxkernel.application.application import Application
from rxkernel.application.events import ApplicationEvents
from rxkernel.application.settings_changes import SettingsChangedEvent, settings_errors_logged
from rxkernel.cli.logs import LineHandler

logger = logging.getLogger(__name__)


async def read_again_when(
    asked: asyncio.Event,
    applications: Sequence[Application],
    reload_certificates: Callable[[], None],
    reloading: Callable[[], AbstractContextManager[None]] = nullcontext,
) -> None:
    """Read the certificates, and the settings of *applications*, again whenever *asked* is set,
    until this is cancelled. Errors are logged, and the old values stay in use. Each reading is
    inside a context of *reloading*."""
    for application in applications:
        application.dispatcher.add_listener(ApplicationEvents.SETTINGS, change_log_level)
    try:
        while True:
            await asked.wait()
            asked.clear()
            with reloading():
                try:
                    reload_certificates()
                except Exception:
                    logger.exception("the TLS certificates were not reloaded")
                for application in applications:
                    name = application.shared_name
                    with application.as_current(), settings_errors_logged(name):
                        await application.reload_settings()
    finally:
        for application in applications:
            application.dispatcher.remove_listener(ApplicationEvents.SETTINGS, change_log_level)


async def change_log_level(event: SettingsChangedEvent) -> None:
    """Use ``logging.level``, unless the application has set the handlers of the log itself."""
    root = logging.getLogger()
    if event.has_changed("logging.level") and any(
        isinstance(handler, LineHandler) for handler in root.handlers
    ):
        root.setLevel(event.settings.logging.level)
        event.applied("logging.level")
