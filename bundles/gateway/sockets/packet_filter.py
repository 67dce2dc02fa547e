"""The first steps of the events of a gateway with each message."""

from collections.abc import Sequence
from typing import Any

from bundles.gateway.sockets.packet import Packet
from bundles.gateway.sockets.rules import Bound
from rxkernel import Connection, Request


def sender_of(request: Request) -> Connection:
    """Return the connection that sent *request*, and give its token to the request:
    `Gateway.authorize` or a middleware may have set it.
    """
    connection = request.connection
    assert connection is not None  # each event has a connection
    if request.token is None:
        request.token = connection.token
    return connection


async def filtered(request: Request, middlewares: Sequence[Bound]) -> list[Any]:
    """Call *middlewares* in order, and return the arguments of the event, which they may have
    changed."""
    packet = Packet(sender_of(request), request.url, request.body)
    for middleware in middlewares:
        await middleware(packet)
    return packet.args
