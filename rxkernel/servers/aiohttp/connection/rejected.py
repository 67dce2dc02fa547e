"""A connection that was one too many: it gets an error response and is closed."""

import asyncio

_READING_TIME = 1.0
"""Seconds in which a rejected client can read its response."""

_MOST_WAITING = 100
"""Rejected connections that get `_READING_TIME` at a time; the others are closed at once."""


class RejectedConnection(asyncio.Protocol):
    """Sends *response*, and ignores what the client sends until the connection is closed.

    Closing at once would lose the response: the system resets a connection with unread data.
    """

    def __init__(self, transport: asyncio.Transport, others: set[asyncio.Transport]) -> None:
        self._transport = transport
        self._others = others

    def reject(self, response: bytes) -> None:
        self._transport.set_protocol(self)
        self._transport.write(response)
        delay = _READING_TIME if len(self._others) < _MOST_WAITING else 0.0
        self._others.add(self._transport)
        asyncio.get_running_loop().call_later(delay, self._transport.abort)
        self._transport.write_eof()

    def connection_lost(self, exc: Exception | None) -> None:
        self._others.discard(self._transport)
