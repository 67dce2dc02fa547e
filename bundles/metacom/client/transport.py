"""The interface of the client's transports."""

from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from bundles.metacom.client.packets import Args

OnConnect = Callable[[], Awaitable[Any]]
"""See `Metacom.on_connect`."""


class ClientTransport(Protocol):
    """Implemented by `HttpTransport` and `WebSocketTransport`."""

    async def open(self) -> None:
        """Connect.

        Raises:
            ConnectionError: the server cannot be reached, or rejects the handshake.
        """

    async def call(self, method: str, args: Args) -> Any:
        """Call a method. The caller limits the time."""

    async def close(self) -> None: ...

    @property
    def delay_reason(self) -> str:
        """The reason why calls receive no response, if the transport knows it; otherwise empty."""
