"""Reads the settings again when their files have changed."""

import asyncio
from pathlib import Path

from rxkernel import Application
from rxkernel.application.settings_changes import settings_errors_logged
from rxkernel.file_stamp import FileStamp, stamp_of

_CHECK = 1.0
"""Seconds between two checks. The files cannot be watched instead, since editors replace them."""

_State = tuple[FileStamp | None, ...]


class SettingsWatch:
    """Watches the settings files of *application*, if it has read any."""

    def __init__(self, application: Application) -> None:
        self._application = application
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Start watching."""
        files = self._application.settings_files
        if files and self._task is None:
            self._task = asyncio.create_task(self._follow(files, _state_of(files)))

    async def stop(self) -> None:
        """Stop watching."""
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
                with settings_errors_logged(self._application.shared_name):
                    await self._application.reload_settings()


def _state_of(files: tuple[Path, ...]) -> _State:
    return tuple(map(stamp_of, files))
