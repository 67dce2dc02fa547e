"""Hearing that a client has left, while nothing is written to it and nothing read from it."""

import asyncio
from collections.abc import Callable
from typing import cast


class Departure(asyncio.Protocol):
    """Stands before the protocol of *transport* and calls *left* once the connection is lost.

    aiohttp tells its handlers only by cancelling them, and looking again and again costs.
    """

    def __init__(self, transport: asyncio.Transport, left: Callable[[], None]) -> None:
        self._transport = transport
        self._behind = cast(asyncio.Protocol, transport.get_protocol())
        self._left = left
        transport.set_protocol(self)

    def step_aside(self) -> None:
        """Hear no more."""
        if self._transport.get_protocol() is self:
            self._transport.set_protocol(self._behind)

    def connection_lost(self, exc: Exception | None) -> None:
        self._behind.connection_lost(exc)
        self._left()

    def data_received(self, data: bytes) -> None:
        self._behind.data_received(data)

    def eof_received(self) -> bool | None:
        return self._behind.eof_received()

    def pause_writing(self) -> None:
        self._behind.pause_writing()

    def resume_writing(self) -> None:
        self._behind.resume_writing()
