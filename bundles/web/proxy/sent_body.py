"""The body of a request, on its way to another server."""

from collections.abc import AsyncIterator

from aiohttp import Payload
from aiohttp.abc import AbstractStreamWriter

from bundles.web.proxy.deadline import Deadline
from bundles.web.proxy.settings import ProxySettings


class SentBody(Payload):
    """Sends the pieces of *source*, each when the one before was accepted; once.

    Attributes:
        failure: the exception of *source*; None if it has none.
    """

    def __init__(
        self, source: AsyncIterator[bytes], deadline: Deadline, settings: ProxySettings
    ) -> None:
        super().__init__(source)
        self._source = source
        self._deadline = deadline
        self._settings = settings
        self.failure: Exception | None = None

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        raise TypeError("the body of a forwarded request is a stream")

    async def write(self, writer: AbstractStreamWriter) -> None:
        self._consumed = True  # aiohttp does not send it again over another connection
        while (piece := await self._read()) is not None:
            self._deadline.set(self._settings.idle_timeout)
            await writer.write(piece)
        self._deadline.set(self._settings.head_timeout)

    async def _read(self) -> bytes | None:
        """Return the next piece, which the client has to send within its own limits."""
        self._deadline.set(None)
        try:
            return await anext(self._source, None)
        except Exception as exc:
            self.failure = exc
            raise
