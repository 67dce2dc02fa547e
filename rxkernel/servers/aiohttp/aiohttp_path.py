"""The path through aiohttp: handles all requests that the fast path does not."""

import logging
from functools import partial

import attrs
from aiohttp import HttpVersion11, web
from aiohttp.typedefs import Handler

from rxkernel.kernel.errors import error_response
from rxkernel.kernel.kernel import Kernel
from rxkernel.kernel.scopes import current_request
from rxkernel.messages.disconnect_callbacks import Callback
from rxkernel.messages.request import Request
from rxkernel.messages.response import Response
from rxkernel.servers.access_log import GONE
from rxkernel.servers.aiohttp.connection.access_log import IS_LOGGED
from rxkernel.servers.aiohttp.connection.already_sent import AlreadySent
from rxkernel.servers.aiohttp.connection.protocol import connection_of
from rxkernel.servers.aiohttp.connection.registry import ConnectionRegistry
from rxkernel.servers.aiohttp.fast_path.protocol import deferred_exchange
from rxkernel.servers.aiohttp.request.body_loader import BodyLoader
from rxkernel.servers.aiohttp.request.body_reader import discard_rest, unreadable_body
from rxkernel.servers.aiohttp.request.decompressed_body import decompress_body
from rxkernel.servers.aiohttp.request.native_paths import NativePaths
from rxkernel.servers.aiohttp.request.request_id_header import NativeRequestIdHeader
from rxkernel.servers.aiohttp.request.rewritten import ROUTE, SENT_TARGET
from rxkernel.servers.aiohttp.response.exchange import Exchange
from rxkernel.servers.aiohttp.response.sender import ResponseSender
from rxkernel.servers.aiohttp.websocket_stream import wants_websocket
from rxkernel.servers.http.final_response import encode_final_response
from rxkernel.servers.http.handshake_headers import handshake_headers
from rxkernel.servers.http.pipeline import HttpPipeline, RouteResult
from rxkernel.servers.http.rewriting import SENT_URL, Rewriting
from rxkernel.servers.http.statuses import WITHOUT_CONTENT

logger = logging.getLogger(__name__)


@attrs.frozen(eq=False)
class AiohttpSource:
    """The source of a message that aiohttp has parsed."""

    request: web.Request

    def native(self) -> web.Request:
        return self.request

    def when_disconnected(self, callback: Callback) -> Callback:
        return connection_of(self.request).when_disconnected(callback)


@attrs.frozen(eq=False, kw_only=True)
class AiohttpPath:
    """A middleware for the requests of all ports, and the handler of all paths that have no native
    route."""

    kernel: Kernel
    pipeline: HttpPipeline
    bodies: BodyLoader
    sender: ResponseSender
    ids: NativeRequestIdHeader
    connections: ConnectionRegistry
    native_paths: NativePaths
    rewriting: Rewriting

    @web.middleware
    async def track(self, native: web.Request, handler: Handler) -> web.StreamResponse:
        """The outermost middleware, also for native routes and for Socket.IO's own port.

        It rejects requests that no route may handle, and tracks the requests in flight: aiohttp
        has one task per request, which ends when the response is written.
        """
        connection = connection_of(native)
        await connection.wait_to_start()
        body = native.content if connection.decodes_bodies else decompress_body(native)
        task = connection.begin_request(body)
        is_awaited = native.path not in self.native_paths.long_lived
        if is_awaited:
            self.connections.in_flight.add(task)
        try:
            error = self.pipeline.rejection_for(native)
        except Exception as exc:  # a converter failed in the search for ``Allow``
            error = exc
        try:
            if error is None:
                # aiohttp's router has no route for "*", and for "http://host" without a path
                respond = handler if native.path.startswith("/") else self.handle
                if self._route_of(native) or deferred_exchange(native) is not None:
                    respond = self.handle  # precedes the route that aiohttp has found
                try:
                    out = await respond(native)
                except web.RequestPayloadError as exc:
                    out = await self._reject_body(native, exc)
            elif native.version[0] != 1:
                out = await self._reject_version(native, error)
            else:
                out = await self.handle(native, error)
        except web.HTTPException as exc:
            self.ids.add_to(exc, native)
            raise
        if not out.prepared:
            self.ids.add_to(out, native)
        connection.set_response(out)
        if (
            (self.sender.is_draining and is_awaited and self.sender.is_port_closing())
            or body.exception() is not None
            or (native.version < HttpVersion11 and _ends_with_connection(native, out))
        ):
            out.force_close()
        return out

    async def _reject_version(self, native: web.Request, error: Exception) -> web.StreamResponse:
        """Respond in HTTP/1.1 and close; aiohttp would use the version of the request."""
        kernel = self.kernel
        what = f"a request of {native.remote or 'a client'} has HTTP/{native.version[0]}"
        self.connections.record("protocol error", what)
        request = self.new_request(native)
        kernel.begin(request)
        try:
            response = await kernel.fail(request, error)
            self.connections.add_default_headers(response.headers, native)
            data = encode_final_response(response, kernel.serializer)
        except Exception:
            logger.exception("the response to an unsupported HTTP version cannot be encoded")
            response = error_response(error)
            data = encode_final_response(response)
        kernel.terminate(request, response)
        if native.transport is not None:
            native.transport.write(data)
        return AlreadySent(response.status_code, len(data))

    async def _reject_body(
        self, native: web.Request, exc: "web.RequestPayloadError"
    ) -> web.StreamResponse:
        """Send the response to a body that a native handler could not read.

        Raises:
            RequestPayloadError: *exc*, if the handler has begun its response.
        """
        if native.writer.output_size:
            raise exc
        return await self.handle(native, unreadable_body(native, exc))

    async def handle(
        self, native: web.Request, error: Exception | None = None
    ) -> web.StreamResponse:
        """Send the response of the kernel, or the error response to *error*.

        If the fast path has handled the request already, send its response.
        """
        deferred = deferred_exchange(native)
        if deferred is not None and deferred.is_failed:
            native[IS_LOGGED] = True
            return web.Response(status=GONE)
        exchange = deferred or Exchange(self.kernel, self.new_request(native))
        current_request.set(exchange.request)
        exchange.begin_sending()
        try:
            if deferred is not None:
                return await deferred.resolve(native)
            found = error or self._route_of(native) or self.pipeline.find(native)
            load_body = partial(self.bodies.load, native)
            request = exchange.request
            try:
                response = await self.pipeline.start(native, request, found, load_body)
            except BaseException as exc:
                response = await self.pipeline.recover(found, request, exc)
            return await self.sender.send(native, exchange, response)
        except ConnectionError:
            return _disconnected(native)
        finally:
            if not native.content.is_eof():
                discard_rest(native)

    async def send_error(
        self, native: web.Request, request: Request, exc: Exception
    ) -> web.StreamResponse:
        """Send the error response to *exc*, and terminate *request*."""
        response = await self.kernel.fail(request, exc)
        return await self.send_response(native, request, response)

    async def send_response(
        self, native: web.Request, request: Request, response: Response
    ) -> web.StreamResponse:
        """Send *response*, and terminate *request*."""
        exchange = Exchange(self.kernel, request)
        exchange.begin_sending()
        try:
            return await self.sender.send(native, exchange, response)
        except ConnectionError:
            return _disconnected(native)

    def _route_of(self, native: web.Request) -> RouteResult | None:
        """Return the route that the rewriter has found."""
        return native.get(ROUTE) if self.rewriting.is_used else None

    def new_request(self, native: web.Request) -> Request:
        """Return the kernel's request for *native*."""
        request = self.pipeline.receive(native, connection_of(native).peer)
        request.native_source = AiohttpSource(native)
        if self.rewriting.is_used and (sent := native.get(SENT_TARGET)) is not None:
            request.attributes[SENT_URL] = sent
        if wants_websocket(native):
            request.headers = handshake_headers(native, self.pipeline.cors)
        return request


def _disconnected(native: web.Request) -> web.StreamResponse:
    """Return a response that cannot be sent any more, for the access log."""
    logger.debug("client disconnected: %s %.200r", native.method, native.raw_path)
    return web.Response(status=GONE)


def _ends_with_connection(native: web.Request, out: web.StreamResponse) -> bool:
    """Whether only the end of the connection ends the body of *out*, sent in HTTP/1.0."""
    return (
        out.content_length is None
        and native.method != "HEAD"
        and out.status not in WITHOUT_CONTENT
    )
