"""From the kernel's response to aiohttp's."""

import asyncio
from typing import Any

from aiohttp import web
from multidict import CIMultiDict

from rxkernel.kernel.event_stream import encode_event
from rxkernel.kernel.serialization import encode_json
from rxkernel.messages.response import (
    EventStreamResponse,
    Response,
    StreamResponse,
    close_source,
)

_WATCH = 0.25
"""Seconds between two looks at whether the client of a waiting stream is still there."""


def native_response(response: Response) -> web.StreamResponse:
    """What aiohttp can send for any response but a stream or a file.

    Raises:
        TypeError, ValueError, RecursionError: the content or a header cannot be written.
    """
    headers = checked_headers(response.headers)
    body, content_type = encode_content(response.content, headers.get("Content-Type"))
    if content_type is not None:
        headers["Content-Type"] = content_type
    return web.Response(body=body, status=response.status_code, headers=headers)


def checked_headers(headers: CIMultiDict[str]) -> CIMultiDict[str]:
    """A copy that is safe to write (RFC 9110 §5.5).

    Raises:
        ValueError: a value holds a line break or NUL, which would begin another header.
        TypeError: a value is no text.
    """
    for name, value in headers.items():
        if not isinstance(value, str):
            raise TypeError(f"header {name!r} is {value!r}; a header is a text")
        if any(c in name or c in value for c in "\r\n\0"):
            raise ValueError(f"header {name!r} holds a line break or NUL: {value!r}")
    return headers.copy()


def encode_content(content: Any, content_type: str | None) -> tuple[bytes, str | None]:
    """The bytes of *content*, and their type where none was given.

    None is no content, str is text in UTF-8, bytes are sent as they are, all else is JSON.
    """
    if content is None:
        return b"", content_type
    if isinstance(content, str):
        if content_type is not None and "charset" not in content_type.lower():
            content_type += "; charset=utf-8" if content_type.startswith("text/") else ""
        return content.encode(), content_type or "text/plain; charset=utf-8"
    if isinstance(content, bytes | bytearray | memoryview):
        return bytes(content), content_type or "application/octet-stream"
    return encode_json(content), content_type or "application/json"


class Stream:
    """A body sent piece by piece in a task of its own, which ends when the client leaves."""

    def __init__(
        self, native: web.Request, response: StreamResponse | EventStreamResponse
    ) -> None:
        self._native = native
        self._response = response
        self.out = web.StreamResponse(
            status=response.status_code, headers=checked_headers(response.headers)
        )
        self._pump: asyncio.Task[None] | None = None
        self._ended = native.method == "HEAD"

    @property
    def endless(self) -> bool:
        """Whether it is to be ended, not waited for, when the server stops."""
        return isinstance(self._response, EventStreamResponse)

    async def send(self) -> None:
        """Send it all, or as much as the client takes.

        Raises:
            Exception: the source failed; before the first byte when ``out`` is not prepared.
        """
        if self._ended:
            await close_source(self._response)
            return
        self._pump = asyncio.create_task(self._copy())
        try:
            while not self._pump.done():
                await asyncio.wait({self._pump}, timeout=_WATCH)
                if is_gone(self._native):
                    self.end()
        except BaseException:
            self.end()
            await asyncio.wait({self._pump})
            raise
        self._raise_failure(self._pump)

    def _raise_failure(self, pump: asyncio.Task[None]) -> None:
        if pump.cancelled():
            if not self._ended:
                raise RuntimeError("the source of the stream was cancelled from within")
        elif (failure := pump.exception()) is not None and not is_gone(self._native):
            raise failure

    def end(self) -> None:
        """Send nothing more. The source is told once: its clean-up may take its time."""
        if not self._ended and self._pump is not None:
            self._pump.cancel()
        self._ended = True

    async def _copy(self) -> None:
        try:
            if self.endless:
                await self.out.prepare(self._native)
            async for piece in self._response.content:
                if not self.out.prepared:
                    await self.out.prepare(self._native)
                await self.out.write(self._encode(piece))
        finally:
            await close_source(self._response)

    def _encode(self, piece: Any) -> bytes:
        if self.endless:
            return encode_event(piece)
        return piece.encode() if isinstance(piece, str) else piece


def is_gone(native: web.Request) -> bool:
    """Whether the client of *native* has left."""
    return native.transport is None or native.transport.is_closing()
