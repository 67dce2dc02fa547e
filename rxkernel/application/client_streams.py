"""The streams that a test reads. The message of a stream ends when the stream ends."""

import asyncio
from collections.abc import AsyncIterable
from contextvars import Context
from typing import Any

from rxkernel.kernel.contexts import ReadInContext, run
from rxkernel.kernel.kernel import Kernel
from rxkernel.messages.request import Request
from rxkernel.messages.response import Response


class ClientStream(ReadInContext):
    """The source of *response*, read by the test in the context of its message.

    The services of the message exist until the source has ended or is closed. Closing it before
    its end means that the client has disconnected.
    """

    def __init__(
        self,
        streams: "ClientStreams",
        kernel: Kernel,
        request: Request,
        response: Response,
        context: Context,
    ) -> None:
        super().__init__(response.content, context)
        self._streams = streams
        self._kernel = kernel
        self._request = request
        self._response = response

    async def __anext__(self) -> Any:
        try:
            return await super().__anext__()
        except StopAsyncIteration:
            await self._end(None)
            raise
        except BaseException as exc:
            await self._end(exc)
            raise

    async def aclose(self) -> None:
        """Stop reading, like a client that disconnects."""
        await self._end(asyncio.CancelledError("the stream was closed before its end"))

    async def _end(self, failure: BaseException | None) -> None:
        if not self._streams.take(self):
            return
        try:
            await super().aclose()
        finally:
            await run(self._terminate(failure), self._context)
            await self._kernel.drain()

    async def _terminate(self, failure: BaseException | None) -> None:
        self._kernel.terminate(self._request, self._response, failure=failure)


class ClientStreams:
    """The streams that have not ended yet."""

    def __init__(self) -> None:
        self._open: set[ClientStream] = set()

    def open(
        self, kernel: Kernel, request: Request, response: Response, context: Context
    ) -> AsyncIterable[Any]:
        """Return the stream that replaces the content of *response*."""
        stream = ClientStream(self, kernel, request, response, context)
        self._open.add(stream)
        return stream

    def take(self, stream: ClientStream) -> bool:
        """Remove *stream*; return whether it was open."""
        is_open = stream in self._open
        self._open.discard(stream)
        return is_open

    async def close(self) -> None:
        """Close the streams that the test has not read to their end."""
        for stream in tuple(self._open):
            await stream.aclose()
