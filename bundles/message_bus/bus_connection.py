"""One connection to a bus, from its opening until it is lost or closed."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any

from bundles.message_bus.transporter import BusUnavailableError
from rxkernel import ServerStartError


class BusConnection(ABC):
    """Pings the bus regularly, so that a bus that hangs is noticed.

    `subscribe`, `publish` and `has_subscriber` raise `BusUnavailableError` if the connection is
    lost or the bus does not reply.

    Args:
        timeout: seconds within which the bus must reply.
    """

    def __init__(self, timeout: float) -> None:
        self._timeout = timeout
        self._lost: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    @abstractmethod
    async def subscribe(self, topics: Iterable[str]) -> None:
        """Return when the bus has read the subscriptions."""

    @abstractmethod
    async def publish(self, topic: str, data: bytes) -> None:
        """See `Transporter.publish`."""

    @abstractmethod
    async def has_subscriber(self, topic: str) -> bool:
        """See `Transporter.has_subscriber`."""

    @abstractmethod
    async def close(self) -> None:
        """Send the packets that were published before, then disconnect; raises nothing."""

    @abstractmethod
    async def discard(self) -> None:
        """Disconnect at once, after the connection was lost; raises nothing."""

    @abstractmethod
    async def _round_trip(self) -> None:
        """Return when the bus has read all that was sent.

        Raises:
            BusUnavailableError: the connection is lost, or the bus does not reply.
        """

    async def watch(self) -> str:
        """Return the reason when the connection is lost or the bus does not reply."""
        while True:
            await asyncio.wait({self._lost}, timeout=self._timeout / 2)
            if self._lost.done():
                return self._lost.result()
            try:
                await self._round_trip()
            except BusUnavailableError as exc:
                return str(exc)

    def _lose(self, reason: str) -> None:
        if not self._lost.done():
            self._lost.set_result(reason)

    async def _until(self, reply: asyncio.Future[Any]) -> None:
        """Wait for *reply*.

        Raises:
            BusUnavailableError: see `_round_trip`.
        """
        waited: set[asyncio.Future[Any]] = {reply, self._lost}
        # In two halves: if this process was blocked for the first one, the reply is there already,
        # and is read in the second one.
        for _ in range(2):
            await asyncio.wait(
                waited, timeout=self._timeout / 2, return_when=asyncio.FIRST_COMPLETED
            )
        if not reply.done():
            self._lose("it does not reply")
            raise BusUnavailableError(self._lost.result())


def tls_failure(bus: str, exc: BaseException, setting: str) -> ServerStartError:
    """The error for a *bus*, with its place, whose certificate is not accepted."""
    return ServerStartError(
        f"TLS with {bus} fails: {exc}; {setting} must name a host of the server's certificate, "
        f"and an authority of the system or of SSL_CERT_FILE must have signed the certificate"
    )
