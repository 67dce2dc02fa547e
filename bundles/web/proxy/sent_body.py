"""The body of a request, on its way to another server."""

from collections.abc import AsyncIterator

from aiohttp import Payload
from aiohttp.abc import AbstractStreamWriter

from bundles.web.proxy.deadline import Deadline
from bundles.web.proxy.settings import ProxySettings
from rxkernel import RxKernelError


class SentBody(Payload):
    """Sends the pieces of *source*, each when the one before was accepted; once.

    Args:
        length: bytes that the head of the request promises; None if it promises none. What
            exceeded it would be another request to the other server.

    Attributes:
        failure: the exception with which the body has ended, or None.
    """

    def __init__(
        self,
        source: AsyncIterator[bytes],
        deadline: Deadline,
        settings: ProxySettings,
        length: int | None,
    ) -> None:
        super().__init__(source)
        self._source = source
        self._deadline = deadline
        self._settings = settings
        self._left = length
        self.failure: Exception | None = None

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        raise TypeError("the body of a forwarded request is a stream")

    async def write(self, writer: AbstractStreamWriter) -> None:
        self._consumed = True  # aiohttp does not send it again over another connection
        while (piece := await self._read()) is not None:
            self._deadline.set(self._settings.idle_timeout)
            self._count(len(piece))
            await writer.write(piece)
        self._count(None)
        self._deadline.set(self._settings.head_timeout)

    async def _read(self) -> bytes | None:
        """Return the next piece, which the client has to send within its own limits."""
        self._deadline.set(None)
        try:
            return await anext(self._source, None)
        except Exception as exc:
            self.failure = exc
            raise

    def _count(self, size: int | None) -> None:
        """Count *size* bytes; None: the body has ended.

        Raises:
            RxKernelError: the body has another length than the head promises.
        """
        if self._left is None:
            return
        self._left -= size or 0
        if self._left < 0 or (size is None and self._left):
            self.failure = RxKernelError(
                "the body to forward has another length than Content-Length of the request; pass "
                "the argument of the action unchanged"
            )
            raise self.failure
