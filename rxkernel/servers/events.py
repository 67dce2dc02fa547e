"""The events of the servers."""

from enum import StrEnum

import attrs

from rxkernel.events.event import Event
from rxkernel.messages.connection import Connection
from rxkernel.servers.disconnect_reason import DisconnectReason
from rxkernel.servers.server import Server


class ServerEvents(StrEnum):
    """The names of the servers' events."""

    CONFIGURE = "server.configure"
    """`ServerConfigurationEvent`: ``event.server.engine`` is there, nothing listens yet."""
    STARTED = "server.started"
    """`ServerEvent`: it listens, and its port is known."""
    STOPPING = "server.stopping"
    """`ServerEvent`: about to accept nothing more."""
    READINESS = "server.readiness"
    """`ReadinessEvent`: may this process be sent requests?"""
    CONNECTED = "server.connected"
    """`ConnectionEvent`: a client asks to connect; raising an `HttpException` refuses it."""
    DISCONNECTED = "server.disconnected"
    """`ConnectionEvent`: a client that was connected has left."""


@attrs.define(eq=False)
class ServerEvent(Event):
    """Something happened to a server as a whole."""

    server: Server


class ServerConfigurationEvent(ServerEvent):
    """Before listening: native routes and middleware go onto ``event.server.engine``; `HttpServer`
    takes its last mounts."""


@attrs.define(eq=False)
class ReadinessEvent(Event):
    """Somebody asked ``/readyz``; nobody who objects is consent.

    All listeners are asked at once, so nobody can stop it. One that raises, or takes longer than
    0.8 seconds, objects by that.
    """

    failures: dict[str, str] = attrs.field(factory=dict, init=False)

    def fail(self, name: str, reason: str = "") -> None:
        """Object. *name* goes into the answer, which anybody may see; *reason* into the log,
        and into the answer with ``debug`` only."""
        self.failures[name] = reason


@attrs.define(eq=False)
class ConnectionEvent(Event):
    """A client comes or goes. The pair is delivered in order and once each; a client that
    was refused never connected, so it does not leave either.

    Attributes:
        server: None for the connections of a `KernelClient`.
        reason: why the connection ended; None in CONNECTED.
    """

    connection: Connection
    server: Server | None = None
    reason: DisconnectReason | None = None
