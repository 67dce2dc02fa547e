"""The interface of a client connection that requests use, for every way of accepting it."""

import asyncio
from typing import Any, Protocol

from aiohttp import StreamReader, web

from rxkernel.exceptions import HttpException
from rxkernel.messages.connection import ClientAddress
from rxkernel.messages.disconnect_callbacks import Callback


class ClientConnection(Protocol):
    """`HttpConnection`, or `MountedConnection` in an aiohttp application of the user."""

    @property
    def peer(self) -> ClientAddress | None:
        """The address of the client or of a proxy; None on a Unix socket."""

    @property
    def is_full(self) -> bool:
        """Whether the write buffer is full, so that nothing more should be written."""

    @property
    def decodes_bodies(self) -> bool:
        """Whether aiohttp's parser has decompressed the bodies of its requests."""

    async def wait_to_start(self) -> None:
        """Wait until the requests that were read before this one have started."""

    def begin_request(self, body: StreamReader) -> "asyncio.Task[Any]":
        """Note that the current task handles a request with *body*, and return it."""

    async def drain(self) -> None:
        """Wait while the write buffer is full. Unlike in aiohttp, cancelling one waiter does not
        cancel the others.

        Raises:
            ConnectionResetError: the connection was lost meanwhile.
        """

    def when_disconnected(self, callback: Callback) -> Callback:
        """See `Request.when_disconnected`."""

    def set_response(self, out: web.StreamResponse) -> None:
        """Called with the response to the request, before it is sent."""

    def stop_timeouts(self) -> None:
        """Stop enforcing timeouts, after an upgrade to a protocol with timeouts of its own."""

    def send_final_response(self, exc: HttpException, native: web.BaseRequest) -> int:
        """Send the error response for *exc*, the last one of the connection; return its size."""
