"""aiohttp's own handler, past its application, where that has no say in what is answered.

An answer is written with its head, in one go. What is rare, or is a stream or a file, still takes
all of aiohttp's way.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import attrs
from aiohttp import EMPTY_PAYLOAD, HttpVersion11, hdrs, web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.http import RawRequestMessage
from aiohttp.streams import StreamReader

from rxkernel.exceptions import MisdirectedRequestException
from rxkernel.messages.response import Response
from rxkernel.servers.access_log import GONE
from rxkernel.servers.aiohttp.connection.protocol import HttpConnection
from rxkernel.servers.aiohttp.fast_path.context import METHODS, Lane
from rxkernel.servers.aiohttp.fast_path.raw_response import RawResponse
from rxkernel.servers.aiohttp.request.body_reader import leave
from rxkernel.servers.aiohttp.request.native_request import NativeRequest
from rxkernel.servers.aiohttp.response.exchange import Exchange
from rxkernel.servers.aiohttp.response.sender import raise_if_gone
from rxkernel.servers.http.request_factory import add_path, below, new_request

logger = logging.getLogger(__name__)


@attrs.define(eq=False, kw_only=True)
class HandlerPath(Lane):
    """Within aiohttp's handler, before its application.

    ``engine_handle`` is the long way.
    """

    engine_handle: Callable[[Any], Awaitable[web.StreamResponse]] = attrs.field(init=False)

    def take_over(self, server: web.Server) -> None:
        """Be asked by *server* before its application is."""
        self.engine_handle = server.request_handler
        server.request_handler = self.handle  # type: ignore[assignment]
        server.request_factory = self._native

    def _native(
        self,
        message: RawRequestMessage,
        payload: StreamReader,
        protocol: web.RequestHandler,
        writer: AbstractStreamWriter,
        task: "asyncio.Task[None]",
    ) -> NativeRequest:
        return NativeRequest(
            message, payload, protocol, writer, task, self.loop, client_max_size=self.body_limit
        )

    async def handle(self, native: NativeRequest) -> web.StreamResponse:
        """What aiohttp is to answer *native* with.

        Every request comes this way, so all is written out: each call counts.
        """
        guard: HttpConnection = native.protocol.guard  # type: ignore[attr-defined]
        method, target, version = native.method, native.raw_path, native.version
        if method not in METHODS or target[0] != "/" or version[0] != 1:
            return await self.engine_handle(native)
        path = native.rel_url.raw_path if "?" in target or "#" in target else target
        if (
            path in self.not_awaited
            or ("%" in path and native.path in self.not_awaited)
            or guard.claim() is not None
            or not (self.hosts.is_open or self._is_served(native))
            or (self.has_native_routes and not await self._is_found(native))
        ):
            return await self.engine_handle(native)
        native.engine = self.engine
        native.route = self.route
        task, body, headers = asyncio.current_task(), native.content, native.headers
        assert task is not None
        guard.begin(task, body)
        self.connections.in_flight.add(task)
        client = guard.peer
        if self.proxies.are_any:
            client = self.proxies.client_behind(client, native)
        request = new_request(self.ids, method, target, native.rel_url, headers, client)
        request.native = native
        guard.exchange = exchange = Exchange(self.kernel, request)
        exchange.guard = guard
        self.kernel.begin(request)
        task.add_done_callback(exchange.end)
        try:
            try:
                if self.prefix:
                    path = below(self.prefix, path)
                definition, values = self.kernel.compiled.http_router.match(method, path, native)
                request.route_name = definition.name
                if values:
                    add_path(request, values)
                if (
                    body is not EMPTY_PAYLOAD
                    or hdrs.CONTENT_LENGTH in headers
                    or hdrs.EXPECT in headers
                ):
                    await self.bodies.read(native, request, definition)
            except Exception as exc:
                raise_if_gone(native, exc)
                response = await self.kernel.fail(request, exc)
            else:
                response = await self.kernel.answer(definition, request)
            if type(response) is not Response and response.is_streamed:
                return await self._deliver(native, exchange, response, task)
            keeps, data = native.keep_alive and not self.delivery.is_draining, None
            if body is not EMPTY_PAYLOAD:
                if not body.is_eof():
                    leave(native)
                keeps = keeps and body.exception() is None
            status = response.status_code
            try:
                if keeps and version == HttpVersion11 and method != "HEAD":
                    data = self.prepared.usual(request, response)
                if data is None:
                    status, data = await self.prepared.any(native, request, response, keeps)
            except Exception:  # which the long way meets too, and answers
                return await self._deliver(native, exchange, response, task)
            out = RawResponse(status, data, keeps=keeps)
            exchange.response, exchange.out = response, out
            guard.answers(out)
            return out
        except ConnectionError:
            logger.debug("client left: %s %.200r", native.method, native.raw_path)
            return web.Response(status=GONE)
        finally:
            if body is not EMPTY_PAYLOAD and not body.is_eof():
                leave(native)
            guard.exchange = None

    async def _is_found(self, native: web.Request) -> bool:
        """Whether *native* is for none of the application's own routes."""
        found = await self.engine.router.resolve(native)
        return found.route is self.route

    def _is_served(self, native: web.Request) -> bool:
        try:
            self.hosts.check(native)
        except MisdirectedRequestException:
            return False
        return True

    async def _deliver(
        self,
        native: web.Request,
        exchange: Exchange,
        response: Response,
        task: "asyncio.Task[Any]",
    ) -> web.StreamResponse:
        """Have aiohttp send what is not written here, the long way where that has a say in it."""
        exchange.sender = task
        if self.engine.on_response_prepare:
            exchange.waiting = response
            out = await self.engine_handle(native)
        else:
            out = await self.delivery.deliver(native, exchange, response)
        if not out.prepared:
            self.ids.write(native, out)
        if exchange.guard is not None:
            exchange.guard.answers(out)
        if self.delivery.is_draining or native.content.exception() is not None:
            out.force_close()
        return out
