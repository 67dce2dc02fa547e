"""Passes the body of a response of another server to the client."""

import asyncio
from typing import Self

from aiohttp import ClientError, ClientResponse

from bundles.web.proxy.exceptions import UpstreamFailedException, UpstreamLateException
from rxkernel import EncodedEvent


class RelayedBody:
    """The pieces of *upstream*, read as fast as the client reads.

    Args:
        idle_timeout: seconds within which the next piece must arrive.
    """

    def __init__(self, upstream: ClientResponse, idle_timeout: float) -> None:
        self._upstream = upstream
        self._idle_timeout = idle_timeout

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        if piece := await self.read():
            return piece
        raise StopAsyncIteration

    async def read(self) -> bytes:
        """Return the next piece; empty at the end.

        Raises:
            UpstreamFailedException: the body is incomplete or malformed (502).
            UpstreamLateException: the next piece did not arrive in time (504).
        """
        try:
            async with asyncio.timeout(self._idle_timeout):
                return await self._upstream.content.readany()
        except TimeoutError:
            message = "the other server did not complete its response in time"
            raise UpstreamLateException(
                message, f"{self._idle_timeout:g} s without data"
            ) from None
        except (ClientError, OSError) as exc:
            message = "the response of the other server is incomplete"
            raise UpstreamFailedException(message, type(exc).__name__) from None

    async def read_all(self) -> bytes:
        pieces = []
        try:
            while piece := await self.read():
                pieces.append(piece)
        finally:
            await self.aclose()
        return b"".join(pieces)

    async def aclose(self) -> None:
        """Close the connection, unless the body was read to its end."""
        self._upstream.close()


class RelayedEvents:
    """The pieces of *body*, an event stream, unchanged."""

    def __init__(self, body: RelayedBody) -> None:
        self._body = body

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> EncodedEvent:
        return EncodedEvent(encoded=await anext(self._body))

    async def aclose(self) -> None:
        await self._body.aclose()
