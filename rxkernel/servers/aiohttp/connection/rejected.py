"""Rejects a connection above the limits: sends an error response and closes it."""

import asyncio

_CLOSE_DELAY = 1.0
"""Seconds that a rejected client has to read its response."""

_MAX_DELAYED = 100
"""Rejected connections that may be open at a time; more are closed without a delay."""


class RejectedConnection(asyncio.Protocol):
    """The protocol of a rejected connection. It ignores what the client sends.

    The connection is closed after a delay: the system resets a connection that is closed with
    unread data, and the client would lose the response.
    """

    def __init__(self, transport: asyncio.Transport, others: set[asyncio.Transport]) -> None:
        self._transport = transport
        self._others = others

    def reject(self, response: bytes) -> None:
        """Send *response* and close the connection."""
        self._transport.set_protocol(self)
        self._transport.write(response)
        delay = _CLOSE_DELAY if len(self._others) < _MAX_DELAYED else 0.0
        self._others.add(self._transport)
        asyncio.get_running_loop().call_later(delay, self._transport.abort)
        self._transport.write_eof()

    def connection_lost(self, exc: Exception | None) -> None:
        self._others.discard(self._transport)
