"""Passes the packets of a namespace through its packet middlewares."""

from collections.abc import Sequence
from typing import Any

from bundles.gateway.sockets.packet import Packet
from bundles.gateway.sockets.rules import Bound
from rxkernel import Connection, Request


def connection_of(request: Request) -> Connection:
    connection = request.connection
    assert connection is not None  # events have one
    return connection


async def filtered(request: Request, middlewares: Sequence[Bound]) -> list[Any]:
    """Return the arguments of the event once *middlewares* have seen them, in their order."""
    packet = Packet(connection_of(request), request.url, request.body)
    for middleware in middlewares:
        await middleware(packet)
    return packet.args
