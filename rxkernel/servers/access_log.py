"""The access log: one line per request and per socket event, once its answer has left.

``logging.access`` turns it on. The lines go to the logger ``rxkernel.access`` at INFO, those of
probes at DEBUG; what they are made of is on each record (``extra=``), for a handler that writes
JSON.
"""

import logging
import os
import threading
import time
from typing import Any

from rxkernel.kernel.log_records import printable
from rxkernel.messages.connection import ClientAddress
from rxkernel.messages.transport import Transport

logger = logging.getLogger("rxkernel.access")

GONE = 499
"""The status of what the client did not wait for, as nginx has it."""

_PROBES = frozenset(("healthz", "readyz"))
"""Routes that are asked every few seconds, see ``http.health``."""


def log_access(
    *,
    transport: Transport,
    method: str,
    path: str,
    route: str | None,
    status: int,
    duration: float,
    size: int | None,
    client: ClientAddress | None,
    request_id: str,
    user_agent: str | None,
    **of_a_socket: str | None,
) -> None:
    """Write one line.

    Args:
        method: as sent; over a socket ``EVENT``, or ``CONNECT`` to a namespace.
        path: without the query, where tokens live; of an event its name, ``/chat:say``
            outside ``/``. Escaped and cut, as *user_agent* is: clients choose them.
        route: the name of the route, None where none was met.
        duration: seconds, written to the microsecond, of a clock that only goes forward.
        size: bytes of the answer, head included over HTTP; None where it is not known.
        client: the address that trusted proxies tell.
        of_a_socket: ``connection_id`` and ``namespace``; the lines of HTTP do not have them.
    """
    level = logging.DEBUG if route in _PROBES else logging.INFO
    if not logger.isEnabledFor(level):
        return
    method, path = printable(method), printable(path)
    host = client.host if client is not None else None
    words = (
        method.replace(" ", "\\x20"),  # an event may be called anything
        path.replace(" ", "\\x20"),
        status,
        duration * 1000,
        host or "-",
        request_id,
    )
    fields: dict[str, Any] = {
        "transport": str(transport),
        "method": method,
        "path": path,
        "route": route,
        "status": status,
        "duration": round(duration, 6),
        "size": size,
        "client": host,
        "request_id": request_id,
        "user_agent": user_agent and printable(user_agent),
    }
    for name, value in of_a_socket.items():
        fields[name] = value and printable(value)
    if logging.getLogRecordFactory() is logging.LogRecord:
        logger.handle(_record(level, words, fields))
    else:
        logger.log(level, _LINE, *words, extra=fields)


_LINE = "%s %s %d %.1f ms %s id=%s"
_EMPTY = vars(logging.LogRecord(logger.name, 0, "", 0, _LINE, (), None))
_NAMES = {level: logging.getLevelName(level) for level in (logging.DEBUG, logging.INFO)}
_STARTED = _EMPTY["created"] - _EMPTY["relativeCreated"] / 1000


def _record(level: int, words: tuple[Any, ...], fields: dict[str, Any]) -> logging.LogRecord:
    """As `logging` makes it, but for who wrote it, which takes it longer than a request: it looks
    at the stack, the thread and the process of each."""
    record = logging.LogRecord.__new__(logging.LogRecord)
    now = time.time()
    record.__dict__ = values = _EMPTY.copy()
    values["args"] = words
    values["levelno"], values["levelname"] = level, _NAMES[level]
    values["created"], values["msecs"] = now, now % 1 * 1000 // 1
    values["relativeCreated"] = (now - _STARTED) * 1000
    values["process"], values["thread"] = os.getpid(), threading.get_ident()
    values.update(fields)
    return record
