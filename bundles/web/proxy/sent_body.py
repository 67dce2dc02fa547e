"""Passes the body of a request to another server."""

from collections.abc import AsyncIterator

from aiohttp import Payload
from aiohttp.abc import AbstractStreamWriter

from bundles.web.proxy.deadline import Deadline
from bundles.web.proxy.settings import ProxySettings
from rxkernel import RxKernelError


class SentBody(Payload):
    """Sends the pieces of *source* once, each when the previous one was accepted.

    Args:
        length: the ``Content-Length`` of the request; None without it. The other server would read
            further bytes as another request.

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
        """Return the next piece. The client must send it within the limits of this server."""
        self._deadline.set(None)
        try:
            return await anext(self._source, None)
        except Exception as exc:
            self.failure = exc
            raise

    def _count(self, size: int | None) -> None:
        """Count *size* bytes; None: the body has ended.

        Raises:
            RxKernelError: the length of the body differs from ``Content-Length``.
        """
        if self._left is None:
            return
        self._left -= size or 0
        if self._left < 0 or (size is None and self._left):
            self.failure = RxKernelError(
                "the length of the body to forward differs from Content-Length of the request; "
                "pass the argument of the action unchanged"
            )
            raise self.failure
