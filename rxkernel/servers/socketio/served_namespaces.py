"""The namespaces that clients can connect to."""

from rxkernel.kernel.compiled import Compiled
from rxkernel.settings import SocketioSettings

INVALID_NAMESPACE = "Invalid namespace"
"""The message of the CONNECT_ERROR for any other namespace, as that of Node's Socket.IO."""


def is_served(namespace: str, compiled: Compiled, settings: SocketioSettings) -> bool:
    """Whether *namespace* is ``/``, has an event, or is listed in ``socketio.namespaces``."""
    return namespace == "/" or namespace in compiled.events or namespace in settings.namespaces
