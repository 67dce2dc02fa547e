"""The settings of servers whose clients all have one address."""

from rxkernel import HttpSettings, Settings, SocketioSettings

_MANY = 100_000

RAISED_LIMITS = Settings(
    http=HttpSettings(port=0, max_connections=_MANY, max_connections_per_address=_MANY),
    socketio=SocketioSettings(
        max_sessions=_MANY, max_sessions_per_address=_MANY, max_rate=1_000_000.0
    ),
)
"""The limits of one client and of one address are raised."""
