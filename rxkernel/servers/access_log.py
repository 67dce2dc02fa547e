"""The access log: one line per request and per socket event, once its answer has left.

``logging.access`` turns it on. The lines go to the logger ``rxkernel.access`` at INFO, those of
probes at DEBUG; what they are made of is on each record (``extra=``), for a handler that writes
JSON.
"""

import logging

import attrs

from rxkernel.kernel.log_records import printable
from rxkernel.messages.connection import ClientAddress
from rxkernel.messages.transport import Transport

logger = logging.getLogger("rxkernel.access")

GONE = 499
"""The status of what the client did not wait for, as nginx has it."""

_PROBES = frozenset(("healthz", "readyz"))
"""Routes that are asked every few seconds, see ``http.health``."""


def _microseconds(seconds: float) -> float:
    return round(seconds, 6)


def _shown(text: str | None) -> str | None:
    return None if text is None else printable(text)


@attrs.frozen(kw_only=True)
class Access:
    """One line.

    Attributes:
        method: as sent; over a socket ``EVENT``, or ``CONNECT`` to a namespace.
        path: without the query, where tokens live; of an event its name, ``/chat:say``
            outside ``/``. Escaped and cut, as ``user_agent`` is: clients choose them.
        route: the name of the route, None where none was met.
        duration: seconds, to the microsecond, of a clock that only goes forward.
        size: bytes of the answer, head included over HTTP; None where it is not known.
        client: the address that trusted proxies tell.
        connection_id, namespace: of a socket; the lines of HTTP do not have them.
    """

    transport: Transport
    method: str = attrs.field(converter=printable)
    path: str = attrs.field(converter=printable)
    route: str | None
    status: int
    duration: float = attrs.field(converter=_microseconds)
    size: int | None
    client: ClientAddress | None
    request_id: str
    user_agent: str | None = attrs.field(converter=_shown)
    connection_id: str | None = None
    namespace: str | None = attrs.field(default=None, converter=_shown)

    def write(self) -> None:
        host = self.client.host if self.client is not None else None
        names = _FIELDS if self.transport is Transport.SOCKET else _HTTP_FIELDS
        fields = {name: getattr(self, name) for name in names}
        logger.log(
            logging.DEBUG if self.route in _PROBES else logging.INFO,
            "%s %s %d %.1f ms %s id=%s",
            self.method.replace(" ", "\\x20"),  # an event may be called anything
            self.path.replace(" ", "\\x20"),
            self.status,
            self.duration * 1000,
            host or "-",
            self.request_id,
            extra={**fields, "client": host, "transport": str(self.transport)},
        )


_FIELDS = tuple(field.name for field in attrs.fields(Access))
_HTTP_FIELDS = tuple(name for name in _FIELDS if name not in ("connection_id", "namespace"))
