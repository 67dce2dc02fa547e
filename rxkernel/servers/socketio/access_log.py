"""Access log lines of Socket.IO."""

from time import perf_counter

from rxkernel.messages.request import Request
from rxkernel.messages.response import Response
from rxkernel.servers.access_log import GONE, level_for, log_access
from rxkernel.servers.socketio.connection import SocketioConnection


def log_socket(
    method: str, request: Request, response: Response | None, size: int | None = None
) -> None:
    """Log an event (*method* ``EVENT``) or a request to connect (``CONNECT``).

    *size* is the size of the packet sent in response; None if no packet was sent.
    """
    connection = request.connection
    assert isinstance(connection, SocketioConnection)
    is_gone = response is None or (size is not None and connection.is_ended and method == "EVENT")
    status = GONE if response is None or is_gone else response.status_code
    log_access(
        transport=request.transport,
        method=method,
        path=_path(method, request.url, connection.namespace),
        route=request.route_name,
        status=status,
        duration=perf_counter() - request.received_at,
        size=size,
        client=connection.client,
        request_id=request.id,
        user_agent=connection.headers.get("User-Agent"),
        level=level_for(request.definition, status),
        connection_id=connection.id,
        namespace=connection.namespace,
    )


def _path(method: str, event: str, namespace: str) -> str:
    if method == "CONNECT":
        return namespace
    return event if namespace == "/" else f"{namespace}:{event}"
