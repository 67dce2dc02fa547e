"""The access log: one line per request and per socket event, after its response was sent.

``logging.access`` turns it on. The lines go to the logger ``rxkernel.access`` at INFO, or at
DEBUG for probes and quiet routes. Each record has the fields of its line as attributes
(``extra=``), for a handler that writes JSON. Where applications share a port, a line ends with the
name of its application, which is the attribute ``application``.
"""

import logging
from contextvars import ContextVar
from typing import Any

from rxkernel.kernel.log_records import printable
from rxkernel.messages.connection import ClientAddress
from rxkernel.messages.transport import Transport
from rxkernel.routing.definitions import Definition

logger = logging.getLogger("rxkernel.access")

GONE = 499
"""The status, as in nginx, if the client closed the connection before the response was sent."""

PROBE = "probe"
"""The key of the `option` that marks routes which a monitor requests every few seconds."""

QUIET = "quiet"
"""The key of the `option` that marks routes which a page requests many times, such as files."""

_LINE = "%s %s %d %.1f ms %s id=%s"

application_name: ContextVar[str | None] = ContextVar("application_name", default=None)
"""The name of the application, if it shares a port with others; set where its servers start."""


def level_for(definition: Definition | None, status: int) -> int:
    """DEBUG for a route with ``@option("probe", True)``, and for one with ``@option("quiet",
    True)`` unless *status* is an error; else INFO."""
    options = None if definition is None else definition.options
    if options and (options.get(PROBE) or (options.get(QUIET) and status < 400)):
        return logging.DEBUG
    return logging.INFO


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
    level: int = logging.INFO,
    **of_a_socket: str | None,
) -> None:
    """Write one line.

    Args:
        method: as sent; over a socket ``EVENT``, or ``CONNECT`` to a namespace.
        path: without the query, which may contain tokens; for an event its name, such as
            ``/chat:say`` in the namespace ``/chat``. Escaped and cut like *user_agent*, since
            clients choose both.
        route: the name of the route, None if no route matched.
        duration: seconds of a monotonic clock, logged to the microsecond.
        size: bytes of the response, over HTTP with its head; None if unknown.
        client: the address of the client, as trusted proxies report it.
        level: see `level_for`.
        of_a_socket: ``connection_id`` and ``namespace``; absent for HTTP.
    """
    if not logger.isEnabledFor(level):
        return
    method, path = printable(method), printable(path)
    host = client.host if client is not None else None
    words: tuple[object, ...] = (
        method.replace(" ", "\\x20"),  # so that a line can be split at its spaces
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
    line = _LINE
    if (application := application_name.get()) is not None:
        fields["application"] = application
        line, words = f"{_LINE} application=%s", (*words, application)
    for name, value in of_a_socket.items():
        fields[name] = value and printable(value)
    # `Logger.log` would search the stack for the caller, which takes longer than everything else.
    record = logger.makeRecord(logger.name, level, "", 0, line, words, None, extra=fields)
    logger.handle(record)
