"""Sends the kernel's responses with aiohttp."""

import logging
from collections.abc import Callable

from aiohttp import web

from rxkernel.exceptions import HttpException, PreconditionFailedException
from rxkernel.kernel.errors import error_response
from rxkernel.messages.response import (
    EventStreamResponse,
    FileResponse,
    Response,
    StreamResponse,
    UpgradeResponse,
    close_source,
)
from rxkernel.servers.aiohttp.connection.already_sent import AlreadySent
from rxkernel.servers.aiohttp.request.disconnect import is_disconnected
from rxkernel.servers.aiohttp.request.request_id_header import NativeRequestIdHeader
from rxkernel.servers.aiohttp.response.event_stream import EventStream
from rxkernel.servers.aiohttp.response.exchange import Exchange
from rxkernel.servers.aiohttp.response.file import file_response
from rxkernel.servers.aiohttp.response.stream import Stream
from rxkernel.servers.http.compression import Compression
from rxkernel.servers.http.response_writer import ResponseWriter, closes_connection

logger = logging.getLogger(__name__)


class ResponseSender:
    """Converts the kernel's responses to aiohttp's, and sends streams.

    Attributes:
        is_draining: whether the application is stopping.
        is_port_closing: called while it is stopping; returns whether each response is the last one
            of its connection. Connections of a shared port stay open for other applications.
    """

    def __init__(
        self,
        ids: NativeRequestIdHeader,
        writer: ResponseWriter,
        compression: Compression | None,
        is_port_closing: Callable[[], bool],
    ) -> None:
        self._ids = ids
        self._writer = writer
        self._compression = compression
        self._endless_streams: set[Stream] = set()
        self.is_draining = False
        self.is_port_closing = is_port_closing

    def end_endless_streams(self) -> None:
        """End the open event streams. While `is_draining`, new ones end at once."""
        for stream in tuple(self._endless_streams):
            stream.end()

    async def send(
        self, native: web.Request, exchange: Exchange, response: Response
    ) -> web.StreamResponse:
        """Return aiohttp's response for *response*; a stream has been sent by then, and a
        WebSocket has been closed. If *response* cannot be encoded, the kernel's error response
        replaces it."""
        try:
            return await self._convert(native, exchange, response)
        except Exception as exc:
            _raise_if_disconnected(native, exc)
            response = await exchange.kernel.fail(exchange.request, exc)
        try:
            return await self._convert(native, exchange, response)
        except Exception as exc:
            _raise_if_disconnected(native, exc)
            logger.exception("the error response cannot be encoded")
            return await self._convert(native, exchange, error_response(exc))

    async def _convert(
        self, native: web.Request, exchange: Exchange, response: Response
    ) -> web.StreamResponse:
        exchange.response, exchange.out, exchange.stream = response, None, None
        exchange.is_head = native.method == "HEAD"
        if written := native.writer.output_size:
            await close_source(response)
            return AlreadySent(response.status_code, written)
        if isinstance(response, UpgradeResponse):
            upgraded: web.StreamResponse = await response.content.complete(response.headers)
            exchange.out = upgraded
            return upgraded
        if isinstance(response, StreamResponse | EventStreamResponse):
            out = await self._send_stream(native, exchange, response)
        elif isinstance(response, FileResponse):
            assert exchange.sending_task is not None
            out = await file_response(native, response, exchange.sending_task)
        else:
            status, headers, body = await self._writer.compose(native, exchange.request, response)
            out = web.Response(body=body, status=status, headers=headers)
        if closes_connection(response):
            out.force_close()
        exchange.out = out
        return out

    def _new_stream(
        self, native: web.Request, response: StreamResponse | EventStreamResponse
    ) -> Stream:
        if isinstance(response, EventStreamResponse):
            return EventStream(native, response, self._writer.serializer)
        return Stream(native, response, self._compression)

    async def _send_stream(
        self,
        native: web.Request,
        exchange: Exchange,
        response: StreamResponse | EventStreamResponse,
    ) -> web.StreamResponse:
        try:
            stream = exchange.stream = self._new_stream(native, response)
        except (ValueError, PreconditionFailedException):
            await close_source(response)
            raise
        self._ids.add_to(stream.out, native)
        if stream.is_endless:
            self._endless_streams.add(stream)
            if self.is_draining:
                stream.end()
        try:
            await stream.send()
        except Exception as exc:
            if not stream.out.prepared:
                raise
            _log_failure(exchange.request.route_name, exc)
            if native.transport is not None:
                native.transport.abort()  # a chunked body without an end is an error
        finally:
            self._endless_streams.discard(stream)
        return stream.out


def _log_failure(name: str | None, exc: Exception) -> None:
    """Log *exc* of a stream; without a traceback if it is an `HttpException`, whose text explains
    the failure."""
    if isinstance(exc, HttpException):
        logger.error("sending the stream of route %r failed: %s", name, exc)
        logger.debug("sending the stream of route %r failed at", name, exc_info=exc)
    else:
        logger.error("sending the stream of route %r failed", name, exc_info=exc)


def _raise_if_disconnected(native: web.Request, exc: Exception) -> None:
    """Raise *exc* if the client has disconnected. Otherwise it is an error of the application,
    such as the `ConnectionError` of a database."""
    if isinstance(exc, ConnectionError) and is_disconnected(native):
        raise exc
