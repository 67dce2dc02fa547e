"""Writes the line of the access log for one HTTP request."""

from rxkernel.messages.connection import ClientAddress
from rxkernel.messages.transport import Transport
from rxkernel.servers.access_log import log_access
from rxkernel.servers.http.request_head import RequestHead


def log_request(
    head: RequestHead,
    sent: str | None,
    route: str | None,
    client: ClientAddress | None,
    request_id: str,
    status: int,
    duration: float,
    size: int | None,
    level: int,
) -> None:
    """Log the request of *head*; see `log_access` for the other arguments.

    *sent* is the target that the client has sent, if it was rewritten."""
    log_access(
        transport=Transport.HTTP,
        method=head.method,
        path=head.rel_url.raw_path if sent is None else sent.partition("?")[0],
        route=route,
        status=status,
        duration=duration,
        size=size,
        client=client,
        request_id=request_id,
        user_agent=head.headers.get("User-Agent"),
        level=level,
    )
