"""The handler of ``logging.directory``; a thread writes records to a file for each type."""

import logging
import os
import threading
from collections import deque
from contextlib import suppress
from pathlib import Path
from stat import S_ISDIR

from rxkernel.application.application import current_application
from rxkernel.cli.daily_files import DailyFiles, FileKey, day_of, report
from rxkernel.exceptions import ConfigurationError
from rxkernel.servers.access_log import logger as access_logger
from rxkernel.settings import LoggingSettings

_BY_LOGGER = {access_logger.name: "access", "rxkernel.slow": "slow"}

_GATHERING = 0.05
"""Seconds from the first line of a batch until the batch is written."""

_MOST_WAITING = 100_000
"""Limit of lines that wait while the disk is slow; further ones are lost."""

_PATIENCE = 1.0
"""Seconds that `LogFiles.flush` waits for a write of another thread."""


def type_of(record: logging.LogRecord) -> str:
    """The type of the file for *record*, selected by its logger, else by its level."""
    if (own := _BY_LOGGER.get(record.name)) is not None:
        return own
    if record.levelno >= logging.ERROR:
        return "error"
    if record.levelno >= logging.WARNING:
        return "warning"
    return "server" if record.levelno >= logging.INFO else "debug"


class LogFiles(logging.Handler):
    """Writes to the directory of the application that the record belongs to, see
    `current_application`; other records are written to the directory of *settings*, if it is set.

    The caller formats the record, and a thread writes it soon after. `flush` writes waiting lines.
    """

    def __init__(self, settings: LoggingSettings) -> None:
        super().__init__()
        self._settings = settings
        self._files = DailyFiles()
        self._prepare()
        os.register_at_fork(after_in_child=self._prepare)  # the parent writes the waiting lines

    def _prepare(self) -> None:
        self._lines: deque[tuple[FileKey, int, str]] = deque()
        self._writing = threading.Lock()
        self._wake = threading.Event()
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None
        self._lost = 0

    def emit(self, record: logging.LogRecord) -> None:
        application = current_application.get()
        settings = self._settings if application is None else application.settings.logging
        if settings.directory is None:
            return
        try:
            line = self.format(record)
            key = FileKey(settings.directory, day_of(record.created), type_of(record))
        except Exception:  # noqa: BLE001 - as logging's own handlers do
            self.handleError(record)
            return
        if len(self._lines) >= _MOST_WAITING:
            self._lost += 1
            return
        self._lines.append((key, settings.keep_days, line))
        if self._thread is None:
            self._thread = threading.Thread(target=self._write_batches, daemon=True)
            self._thread.name = "log files"
            self._thread.start()
        if not self._wake.is_set():
            self._wake.set()

    def _write_batches(self) -> None:
        while not self._closing.is_set():
            self._wake.wait()
            self._closing.wait(_GATHERING)
            self._wake.clear()
            with self._writing:
                try:
                    self._write()
                except Exception as exc:  # noqa: BLE001 - the thread has to write the next batch
                    report(f"cannot write log files, lines are lost: {exc!r}")

    def flush(self) -> None:
        """Write the waiting lines; give up if the disk does not respond for a second."""
        if self._writing.acquire(timeout=_PATIENCE):
            try:
                self._write()
            finally:
                self._writing.release()

    def _write(self) -> None:
        batches: dict[int, dict[FileKey, list[str]]] = {}
        with suppress(IndexError):
            for _ in range(_MOST_WAITING):
                key, keep_days, line = self._lines.popleft()
                batches.setdefault(keep_days, {}).setdefault(key, []).append(line)
        for keep_days, lines in batches.items():
            self._files.append(lines, keep_days)
        if lost := self._lost:
            self._lost -= lost
            report(f"lost {lost} lines of log files: the disk is too slow")

    def close(self) -> None:
        """End the thread. The next `flush` writes records that are logged afterwards."""
        self._closing.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join(_PATIENCE)
        self.flush()
        super().close()


def make_directory(directory: Path) -> None:
    """Create *directory*, and check that files can be created in it.

    Raises:
        ConfigurationError: the directory cannot be created, or is not writable.
    """
    try:
        directory.mkdir(mode=0o750, parents=True, exist_ok=True)
    except (OSError, ValueError) as exc:
        raise _cannot_be_made(directory, _reason(exc)) from exc
    if not os.access(directory, os.W_OK | os.X_OK):
        raise ConfigurationError(
            f"logging.directory {str(directory)!r} is not writable for this user; change its "
            f"owner, or set another path"
        )


def check_directory(directory: Path) -> None:
    """Check that `make_directory` would succeed, without creating anything.

    Raises:
        ConfigurationError: see `make_directory`.
    """
    for path in (directory, *directory.parents):
        try:
            is_directory = S_ISDIR(path.stat().st_mode)
        except FileNotFoundError:
            continue
        except (OSError, ValueError) as exc:
            raise _cannot_be_made(directory, _reason(exc)) from exc
        if is_directory and path == directory:
            make_directory(directory)
        elif not is_directory:
            raise _cannot_be_made(directory, f"{path} is not a directory")
        elif not os.access(path, os.W_OK | os.X_OK):
            raise _cannot_be_made(directory, f"{path} is not writable for this user")
        return


def _reason(exc: OSError | ValueError) -> str:
    return exc.strerror or str(exc) if isinstance(exc, OSError) else str(exc)


def _cannot_be_made(directory: Path, why: str) -> ConfigurationError:
    return ConfigurationError(
        f"cannot create logging.directory {str(directory)!r}: {why}; create it, or set another "
        f"path"
    )
