"""Lines of the access log."""

from time import perf_counter

from bundles.metacom.connection import MetacomConnection
from rxkernel import Request, Response, level_for, log_access

_GONE = 499


def log_call(
    request: Request, connection: MetacomConnection, response: Response | None, size: int | None
) -> None:
    """Log a call. *size* is that of the packet that was sent; None if no packet was sent."""
    status = _GONE if response is None or size is None else response.status_code
    log_access(
        transport=request.transport,
        method="CALL",
        path=request.url,
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
