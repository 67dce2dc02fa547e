"""Logging of the commands that serve: handler, text and JSON formats."""

import asyncio
import logging
import os
import time
from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO

import msgspec

from rxkernel.cli.log_files import LogFiles, make_directory
from rxkernel.kernel.log_records import NO_REQUEST, RequestIdFilter, printable
from rxkernel.kernel.serialization import encode_json
from rxkernel.servers.access_log import logger as access_logger
from rxkernel.settings import LoggingSettings

_LONGEST = 8_192
"""Limit of characters of one message, since a client may have sent a part of it."""

_ACCESS = access_logger.name

_COUNTS_CHANGES = "watchfiles"
"""Its logger writes a line at INFO for each change, although the watching code logs the paths."""

_OWN = frozenset((*vars(logging.makeLogRecord({})), "message", "asctime", "taskName"))
"""The attributes of every record; all others were passed with ``extra=``."""


def configure_logging(
    settings: LoggingSettings,
    *of_applications: LoggingSettings,
    worker: int | None = None,
) -> None:
    """Log to stderr, one line per record, unless the application has set handlers.

    Records are also written to files if a directory is set in *settings*, or in one of
    *of_applications*, the settings of each application if the process has several.

    *worker* is the number of this process in ``serve --workers``, added to each record.

    Raises:
        ConfigurationError: a directory cannot be created, or is not writable.
    """
    directories = directories_of(settings, *of_applications)
    for directory in directories:
        make_directory(directory)
    handler = LineHandler()
    handler.setFormatter(_formatter(settings, worker))
    handler.addFilter(RequestIdFilter())
    logging.basicConfig(level=settings.level, handlers=[handler])
    if directories:
        logging.getLogger().addHandler(_log_files(settings, worker))
    watchfiles = logging.getLogger(_COUNTS_CHANGES)
    if watchfiles.level == logging.NOTSET:
        watchfiles.setLevel(logging.WARNING)


def directories_of(*settings: LoggingSettings) -> set[Path]:
    """The directories of log files in *settings*."""
    return {each.directory for each in settings if each.directory is not None}


def _formatter(settings: LoggingSettings, worker: int | None) -> logging.Formatter:
    return JsonFormatter(worker) if settings.format == "json" else TextFormatter(worker)


def _log_files(settings: LoggingSettings, worker: int | None) -> LogFiles:
    """The handler of files. Their times are in UTC, like the days in their names."""
    formatter = _formatter(settings, worker)
    formatter.converter = time.gmtime
    files = LogFiles(settings)
    files.setFormatter(formatter)
    files.addFilter(RequestIdFilter())
    return files


class LineHandler(logging.StreamHandler[TextIO]):
    """Writes to stderr: each line at once, but the lines of the access log together, once for each
    iteration of the event loop."""

    def __init__(self) -> None:
        super().__init__()
        self._lines: list[str] = []
        self._last: logging.LogRecord | None = None
        self._asked: asyncio.AbstractEventLoop | None = None
        if hasattr(os, "register_at_fork"):  # the parent writes the waiting lines
            os.register_at_fork(after_in_child=self._lines.clear)

    def emit(self, record: logging.LogRecord) -> None:
        loop = _running_loop() if record.name == _ACCESS else None
        if self._lines and loop is not self._asked:
            self.flush()
        if loop is None:
            super().emit(record)
            return
        try:
            self._lines.append(self.format(record))
        except Exception:  # noqa: BLE001 - as logging's own handlers do
            self.handleError(record)
            return
        self._last = record
        if self._asked is None:
            self._asked = loop
            loop.call_soon(self.flush)

    def flush(self) -> None:
        with self.lock or nullcontext():
            text = self.terminator.join([*self._lines, ""])
            self._lines.clear()
            self._asked = None
            try:
                if text:
                    self.stream.write(text)
                super().flush()
            except Exception:
                if self._last is None:
                    raise
                self.handleError(self._last)


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


class TextFormatter(logging.Formatter):
    """One line of text; a traceback follows on separate lines, indented.

    Line breaks and control characters are escaped. The number of a *worker*, if any, is written
    before the logger.
    """

    def __init__(self, worker: int | None = None) -> None:
        super().__init__()
        self._worker = "" if worker is None else f"[worker {worker}] "
        self._second = (0, "")

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: N802 - logging's name
        """Format the time as `logging` does, but only once for all records of a second."""
        second = int(record.created)
        if self._second[0] != second:
            self._second = second, super().formatTime(record, self.default_time_format)
        return f"{self._second[1]},{int(record.msecs):03d}"

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        record.message = printable(record.message, _LONGEST)
        place = f"{record.levelname:7} {self._worker}{record.name}"
        line = f"{self.formatTime(record)} {place}: {record.message}"
        request_id = getattr(record, "request_id", NO_REQUEST)
        is_told = request_id == NO_REQUEST or record.name == _ACCESS
        return line if is_told else f"{line} id={request_id}"

    def format(self, record: logging.LogRecord) -> str:
        """Format *record*, and indent its ``exc_text``, which an earlier formatter or another
        process may have set."""
        if not (record.exc_info or record.exc_text or record.stack_info):
            record.message = record.getMessage()
            return self.formatMessage(record)
        text = record.exc_text
        record.exc_text = _indented(text) if text and not record.exc_info else None
        try:
            return super().format(record)
        finally:
            record.exc_text = text

    def formatException(self, ei: Any) -> str:  # noqa: N802 - logging's name
        return _indented(super().formatException(ei))

    def formatStack(self, stack_info: str) -> str:  # noqa: N802 - logging's name
        return _indented(super().formatStack(stack_info))


class JsonFormatter(logging.Formatter):
    """One JSON object a line: ``time`` (RFC 3339, UTC), ``level``, ``logger``, ``message``, and
    if they exist ``worker``, ``request_id``, ``route``, ``exception``, ``stack`` and the values of
    ``extra=``, in this order. A value that JSON cannot represent is written as its `repr`.
    """

    def __init__(self, worker: int | None = None) -> None:
        super().__init__()
        self._worker = {} if worker is None else {"worker": worker}

    def format(self, record: logging.LogRecord) -> str:
        entry: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": _message(record),
            **self._worker,
        }
        given = {k: v for k, v in vars(record).items() if k not in _OWN and v != NO_REQUEST}
        entry |= {name: given[name] for name in ("request_id", "route") if name in given}
        if record.exc_info:
            entry["exception"] = self.formatException(record.exc_info)
        elif record.exc_text:
            entry["exception"] = record.exc_text
        if record.stack_info:
            entry["stack"] = record.stack_info
        return _json({**entry, **given, **entry})  # the order of *entry*, whose values win


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except Exception as exc:  # noqa: BLE001 - as below
        return f"{_shown(record.msg)} {_shown(record.args)}: {_shown(exc)}"


def _json(entry: dict[str, Any]) -> str:
    try:
        return encode_json(entry).decode()
    except (TypeError, ValueError, RecursionError, msgspec.MsgspecError):
        return encode_json({key: _safe(value) for key, value in entry.items()}).decode()


def _safe(value: Any) -> Any:
    """Return *value* if JSON can represent it, else a text."""
    try:
        encode_json(value)
    except Exception:  # noqa: BLE001 - writing a log line must not raise
        return _shown(value)
    return value


def _shown(value: Any) -> str:
    try:
        text = value if isinstance(value, str) else repr(value)
    except Exception as exc:  # noqa: BLE001 - as above
        text = f"<{type(value).__name__}: {type(exc).__name__} in its repr>"
    return text.encode(errors="backslashreplace").decode()


def _indented(text: str) -> str:
    """Indent every line of *text* by two spaces, so that no line looks like a record."""
    lines = text.splitlines()
    return "\n".join("  " + printable(line, _LONGEST) for line in lines)
