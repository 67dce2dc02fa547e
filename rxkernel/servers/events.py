"""The events of the servers."""

from enum import StrEnum

import attrs

from rxkernel.events.event import Event
from rxkernel.messages.connection import Connection
from rxkernel.messages.request import Request
from rxkernel.servers.disconnect_reason import DisconnectReason
from rxkernel.servers.server import Server


class ServerEvents(StrEnum):
    """The names of the servers' events."""

    CONFIGURE = "server.configure"
    """`ServerConfigurationEvent`: ``event.server.engine`` exists, and no port is open yet."""
    STARTED = "server.started"
    """`ServerEvent`: the server listens, and its port is known."""
    STOPPING = "server.stopping"
    """`ServerEvent`: the server will stop accepting messages."""
    READINESS = "server.readiness"
    """`ReadinessEvent`: whether this process can receive requests."""
    CONNECTED = "server.connected"
    """`ConnectionEvent`: a client requests to connect; an `HttpException` rejects it."""
    ACCEPTED = "server.accepted"
    """`ConnectionEvent`: the connection is accepted, and the client is informed."""
    DISCONNECTED = "server.disconnected"
    """`ConnectionEvent`: an accepted connection has ended."""


@attrs.define(eq=False)
class ServerEvent(Event):
    """Something happened to a server as a whole."""

    server: Server


class ServerConfigurationEvent(ServerEvent):
    """The server does not listen yet. Listeners may add native routes and middlewares to
    ``event.server.engine``, and call `HttpServer.mount`."""


@attrs.define(eq=False)
class ReadinessEvent(Event):
    """A monitor requested ``/readyz``; the process is ready unless a listener calls `fail`.

    All listeners are called at the same time, so none can stop the event. A listener that raises,
    or takes longer than 0.8 seconds, makes the process not ready.
    """

    failures: dict[str, str] = attrs.field(factory=dict, init=False)

    def fail(self, name: str, reason: str = "") -> None:
        """Report the process as not ready. *name* is in the response, which anybody may see;
        *reason* is logged, and is in the response only with ``debug``."""
        self.failures[name] = reason


@attrs.define(eq=False)
class ConnectionEvent(Event):
    """A client requests to connect, is accepted, or has disconnected.

    Each of the three events is dispatched once, in this order, after the listeners of the previous
    event. For a rejected client, only CONNECTED is dispatched.

    Attributes:
        server: None for the connections of a `KernelClient`.
        reason: the reason why the connection ended; None before DISCONNECTED.
        request: the event as a message with the headers of the handshake, for ``request.get`` and
            ``request.enter``. Each event has its own request and its own `request_scope`.
    """

    connection: Connection
    server: Server | None = None
    reason: DisconnectReason | None = None
    request: Request = attrs.field(kw_only=True)
