"""What the commands that serve log, and how it reads."""

import logging
from datetime import UTC, datetime
from typing import Any

import msgspec

from rxkernel.kernel.log_records import NO_REQUEST, RequestIdFilter, printable
from rxkernel.kernel.serialization import encode_json
from rxkernel.servers.access_log import logger as access_logger
from rxkernel.settings import LoggingSettings

_LONGEST = 8_192
"""Characters of one message; a client may have chosen part of it."""

_OWN = frozenset((*vars(logging.makeLogRecord({})), "message", "asctime", "taskName"))
"""What every record has; anything else came with ``extra=``."""


def configure_logging(settings: LoggingSettings) -> None:
    """Log to stderr, one line per record; an application that has set handlers keeps those."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonFormatter() if settings.format == "json" else TextFormatter())
    handler.addFilter(RequestIdFilter())
    logging.basicConfig(level=settings.level, handlers=[handler])


class TextFormatter(logging.Formatter):
    """A line to read; a traceback follows on lines of its own, indented.

    What would begin another line, or tell the terminal something, is escaped.
    """

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(name)s: %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        record.message = printable(record.message, _LONGEST)
        line = super().formatMessage(record)
        request_id = getattr(record, "request_id", NO_REQUEST)
        is_told = request_id == NO_REQUEST or record.name == access_logger.name
        return line if is_told else f"{line} id={request_id}"

    def format(self, record: logging.LogRecord) -> str:
        """Whoever formatted it before has left its traceback on the record, not indented."""
        text, record.exc_text = record.exc_text, None
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
    where there are any ``request_id``, ``route``, ``exception``, ``stack`` and what ``extra=``
    gave, in this order. What JSON cannot hold is written as `repr` shows it.
    """

    def format(self, record: logging.LogRecord) -> str:
        entry: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": _message(record),
        }
        given = {k: v for k, v in vars(record).items() if k not in _OWN and v != NO_REQUEST}
        entry |= {name: given[name] for name in ("request_id", "route") if name in given}
        if record.exc_info:
            entry["exception"] = self.formatException(record.exc_info)
        if record.stack_info:
            entry["stack"] = record.stack_info
        return _json({**entry, **given, **entry})  # in the order of the first, as the last says


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
    """*value* where JSON holds it, else a text that it surely does."""
    try:
        encode_json(value)
    except Exception:  # noqa: BLE001 - a log line is never the reason why anything fails
        return _shown(value)
    return value


def _shown(value: Any) -> str:
    try:
        text = value if isinstance(value, str) else repr(value)
    except Exception as exc:  # noqa: BLE001 - as above
        text = f"<{type(value).__name__}: {type(exc).__name__} in its repr>"
    return text.encode(errors="backslashreplace").decode()


def _indented(text: str) -> str:
    """Every line of *text* behind two spaces, so that none looks like a record of its own."""
    lines = text.splitlines()
    return "\n".join("  " + printable(line, _LONGEST) for line in lines)
