"""What the client needs of a transport."""

from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from bundles.metacom.client.packets import Args

OnConnect = Callable[[], Awaitable[Any]]
"""See `Metacom.on_connect`."""


class ClientTransport(Protocol):
    """Over HTTP, or over a WebSocket."""

    async def open(self) -> None:
        """Connect.

        Raises:
            ConnectionError: the server cannot be reached, or has rejected the handshake.
        """

    async def call(self, method: str, args: Args) -> Any:
        """Call a method. The caller limits the time."""

    async def close(self) -> None: ...

    @property
    def delay_reason(self) -> str:
        """Why a call has got no response, as far as the transport knows; else empty."""
