"""The interfaces that streams use: of the connection and of the event loop."""

import asyncio
from collections.abc import Callable
from collections.abc import Set as AbstractSet
from typing import Any, Protocol

from bundles.metacom.dialect import Id
from rxkernel import HttpException


class Link(Protocol):
    """The part of a connection that its streams use."""

    @property
    def calls(self) -> AbstractSet[asyncio.Task[Any]]:
        """The tasks of the running calls. When one has ended, the link calls
        `Streams.call_ended`."""

    def put(self, packet: bytes) -> None:
        """Send a text message, encoded as UTF-8, without waiting. Does nothing once closed."""

    async def send_chunk(self, chunk: bytes) -> None:
        """Send a binary message after all packets before it. Wait while the peer does not read.

        Raises:
            ConnectionError: the connection is closed.
        """

    def report(self, id: Id | None, error: HttpException) -> None:
        """Send *error*, as a callback with *id*."""

    def pause_reading(self) -> None:
        """Receive no further messages until `resume_reading` is called."""

    def resume_reading(self) -> None: ...


class Timer(Protocol):
    def cancel(self) -> None: ...


class Loop(Protocol):
    """The part of the event loop that streams use. A test replaces it, to control the time."""

    def time(self) -> float: ...

    def call_later(self, delay: float, callback: Callable[[], None], /) -> Timer: ...
