"""Reads the settings again when their files have changed."""

import asyncio
import logging
import os
from pathlib import Path

from rxkernel import Application, ConfigurationError

logger = logging.getLogger(__name__)

_CHECK = 1.0
"""Seconds between two checks. An editor replaces a file, so the file itself cannot be watched."""

_State = tuple[tuple[int, int, int] | None, ...]


class SettingsWatch:
    """Watches the files of the settings of *application*, if it has read any."""

    def __init__(self, application: Application) -> None:
        self._application = application
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Watch from now on."""
        files = self._application.settings_files
        if files and self._task is None:
            self._task = asyncio.create_task(self._follow(files, _state_of(files)))

    async def stop(self) -> None:
        """Watch no longer."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait({task})

    async def _follow(self, files: tuple[Path, ...], before: _State) -> None:
        while True:
            await asyncio.sleep(_CHECK)
            now = _state_of(files)
            if now != before:
                before = now
                await self._read()

    async def _read(self) -> None:
        try:
            await self._application.reload_settings()
        except ConfigurationError as exc:
            logger.error("the settings are not changed: %s", "; ".join(exc.problems))
        except Exception:
            logger.exception("the settings are not changed")


def _state_of(files: tuple[Path, ...]) -> _State:
    return tuple(map(_identity_of, files))


def _identity_of(file: Path) -> tuple[int, int, int] | None:
    """What changes with the content of *file*; None if it does not exist."""
    try:
        status = os.stat(file)
    except OSError:
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns
