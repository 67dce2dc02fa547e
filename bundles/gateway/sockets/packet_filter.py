"""What the events of a gateway do with each message first."""

from collections.abc import Sequence
from typing import Any

from bundles.gateway.sockets.packet import Packet
from bundles.gateway.sockets.rules import Bound
from rxkernel import Connection, Request


def sender_of(request: Request) -> Connection:
    """Return the connection that has sent *request*, whose token is that of the message, too.

    `Gateway.authorize` or a middleware may have set it.
    """
    connection = request.connection
    assert connection is not None  # events have one
    if request.token is None:
        request.token = connection.token
    return connection


async def filtered(request: Request, middlewares: Sequence[Bound]) -> list[Any]:
    """Return the arguments of the event once *middlewares* have seen them, in their order."""
    packet = Packet(sender_of(request), request.url, request.body)
    for middleware in middlewares:
        await middleware(packet)
    return packet.args
