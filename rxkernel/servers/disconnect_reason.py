"""The reasons why connections end."""

from enum import StrEnum


class DisconnectReason(StrEnum):
    """The values of `ConnectionEvent.reason` in ``server.disconnected``."""

    CLIENT = "client"
    """The client disconnected from its namespace, or from the server."""
    SERVER = "server"
    """The application called ``connection.disconnect()``."""
    TRANSPORT_CLOSE = "transport close"
    """The network connection ended: a closed page, a lost network, a process that was killed."""
    TRANSPORT_ERROR = "transport error"
    """The client violated the protocol, and the server closed the connection."""
    PING_TIMEOUT = "ping timeout"
    """The client did not respond to a ping within ``socketio.ping_timeout`` seconds."""
    LIMIT = "limit"
    """The client exceeded a limit, and the server closed the connection."""
    SHUTDOWN = "shutdown"
    """The server is stopping."""
