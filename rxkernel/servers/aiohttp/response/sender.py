"""How aiohttp sends the kernel's responses."""

import logging

from aiohttp import web

from rxkernel.kernel.errors import error_response
from rxkernel.messages.response import (
    EventStreamResponse,
    FileResponse,
    Response,
    StreamResponse,
    close_source,
)
from rxkernel.servers.aiohttp.request.native_request import is_gone
from rxkernel.servers.aiohttp.request.request_ids import NativeRequestIds
from rxkernel.servers.aiohttp.response.already_sent import AlreadySent
from rxkernel.servers.aiohttp.response.exchange import Exchange
from rxkernel.servers.aiohttp.response.file import file_response
from rxkernel.servers.aiohttp.response.stream import Stream, stream_of
from rxkernel.servers.http.compression import Compression
from rxkernel.servers.http.response_writer import ResponseWriter

logger = logging.getLogger(__name__)


class ResponseSender:
    """Makes aiohttp's responses of the kernel's, and sends those that are streams.

    ``is_draining`` says whether each answer is the last of its connection.
    """

    def __init__(
        self, ids: NativeRequestIds, writer: ResponseWriter, compression: Compression | None
    ) -> None:
        self._ids = ids
        self._writer = writer
        self._compression = compression
        self._endless: set[Stream] = set()
        self.is_draining = False

    def end_streams(self) -> None:
        """End the streams that would never end; while `is_draining`, later ones end at once."""
        for stream in tuple(self._endless):
            stream.end()

    async def deliver(
        self, native: web.Request, exchange: Exchange, response: Response
    ) -> web.StreamResponse:
        """Hand *response* to aiohttp; in place of one that cannot be written goes an error."""
        try:
            return await self._send(native, exchange, response)
        except Exception as exc:
            raise_if_gone(native, exc)
            response = await exchange.kernel.fail(exchange.request, exc)
        try:
            return await self._send(native, exchange, response)
        except Exception as exc:
            raise_if_gone(native, exc)
            logger.exception("the error cannot be written either")
            return await self._send(native, exchange, error_response(exc))

    async def _send(
        self, native: web.Request, exchange: Exchange, response: Response
    ) -> web.StreamResponse:
        exchange.response, exchange.out, exchange.stream = response, None, None
        if written := native.writer.output_size:
            await close_source(response)
            return AlreadySent(response.status_code, written)
        if isinstance(response, StreamResponse | EventStreamResponse):
            out = await self._stream(native, exchange, response)
        elif isinstance(response, FileResponse):
            assert exchange.sender is not None
            out = await file_response(native, response, exchange.sender)
        else:
            status, headers, body = await self._writer.compose(native, exchange.request, response)
            out = web.Response(body=body, status=status, headers=headers)
        exchange.out = out
        return out

    async def _stream(
        self,
        native: web.Request,
        exchange: Exchange,
        response: StreamResponse | EventStreamResponse,
    ) -> web.StreamResponse:
        try:
            stream = exchange.stream = stream_of(native, response, self._compression)
        except ValueError:
            await close_source(response)
            raise
        self._ids.write(native, stream.out)
        if stream.endless:
            self._endless.add(stream)
            if self.is_draining:
                stream.end()
        try:
            await stream.send()
        except Exception as exc:
            if not stream.out.prepared:
                raise
            name = exchange.request.route_name
            logger.error("%s broke off while it was sent", name, exc_info=exc)
            if native.transport is not None:
                native.transport.abort()  # a chunked body without its end: the client can tell
        finally:
            self._endless.discard(stream)
        return stream.out


def raise_if_gone(native: web.Request, exc: Exception) -> None:
    """A broken connection to the client is nobody's failure; one to a database is."""
    if isinstance(exc, ConnectionError) and is_gone(native):
        raise exc
