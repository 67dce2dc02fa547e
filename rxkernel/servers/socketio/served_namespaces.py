"""The namespaces that clients can connect to."""

from rxkernel.kernel.compiled import Compiled
from rxkernel.routing.shapes import Match
from rxkernel.settings import SocketioSettings

INVALID_NAMESPACE = "Invalid namespace"
"""The message of the CONNECT_ERROR for any other namespace, the same as in Node's Socket.IO."""


def find_namespace(
    namespace: str, compiled: Compiled, settings: SocketioSettings
) -> Match[str] | None:
    """Return the namespace of the routes for *namespace*, and its parameters.

    None unless *namespace* is ``/``, has an event, or is listed in ``socketio.namespaces``.
    """
    found = compiled.namespaces.find(namespace)
    if found is None and (namespace == "/" or namespace in settings.namespaces):
        return namespace, {}
    return found
