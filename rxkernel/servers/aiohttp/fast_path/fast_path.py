"""The fast path: handles requests that arrived whole, and sends each response in one write.

aiohttp's request handler costs more than the kernel, so the fast path uses only aiohttp's parser.
It passes all other requests to aiohttp's handler as raw bytes.
"""

import asyncio
import logging
from collections.abc import Coroutine
from contextvars import Context, copy_context
from functools import partial
from time import perf_counter
from typing import Any, Protocol

import attrs
from aiohttp import HttpVersion11, hdrs, web

from rxkernel.kernel.errors import error_response
from rxkernel.kernel.kernel import Kernel
from rxkernel.messages.connection import ClientAddress
from rxkernel.messages.request import Request
from rxkernel.messages.response import Response, close_source
from rxkernel.routing.definitions import HttpDefinition
from rxkernel.servers.access_log import GONE, level_for
from rxkernel.servers.aiohttp.fast_path.deferred_exchange import DeferredExchange
from rxkernel.servers.aiohttp.fast_path.framing import ConnectionHandle, Message
from rxkernel.servers.aiohttp.fast_path.native_request import FastPathNative
from rxkernel.servers.aiohttp.request.native_paths import PathSet
from rxkernel.servers.aiohttp.response.sender import ResponseSender
from rxkernel.servers.http.access_log import log_request
from rxkernel.servers.http.body_decoding import BodyDecoder, is_empty_form
from rxkernel.servers.http.pipeline import HttpPipeline, RouteResult
from rxkernel.servers.http.response_writer import (
    ResponseWriter,
    body_size,
    closes_connection,
)
from rxkernel.servers.http.rewriting import SENT_URL, Rewriting

logger = logging.getLogger(__name__)

OTHER_TARGET = "fast path: other target or version"
EXPECT = "fast path: Expect"
NATIVE_PATH = "fast path: native path"
STREAM = "fast path: stream or file"
"""Counters of the messages that are passed to aiohttp, by reason."""

Sent = web.StreamResponse | None
"""The response that aiohttp has sent; None if the fast path has sent it, or if it was not sent."""


class FastPathHandle(ConnectionHandle, Protocol):
    """The methods of a connection that the fast path calls."""

    peer: ClientAddress | None
    """The address of the other side, which may be a proxy."""

    task: "asyncio.Task[Sent] | None"
    """The task of the request on the fast path; None without one."""

    is_full: bool
    """Whether the client must receive something before more is sent."""

    def write(self, data: bytes) -> bool:
        """Send *data*; return False if the connection is closed."""

    async def drained(self) -> None:
        """Wait until it is not full; raise `ConnectionError` if the client disconnects before."""

    def stop(self) -> None:
        """Handle no further message."""

    def finish_fast_request(
        self, request: Request, response: Response | None, keep_alive: bool, size: int | None
    ) -> None:
        """End *request*, then handle the next message or, unless *keep_alive*, close.

        *size* is the size of the sent body; None if it was not sent, or if no listener of the
        terminate phase asks for it.
        """

    def hand_over_to_aiohttp(self, message: Message, deferred: DeferredExchange) -> None:
        """Pass *message* to aiohttp's handler, which then resolves *deferred*."""


@attrs.define(eq=False, kw_only=True)
class FastPath:
    """Handles the messages of all connections that need no feature of aiohttp.

    Attributes:
        route: the route of *engine* for all paths that have no native route.
        native_paths: the paths of native routes.
        rewriting: changes the targets of requests.
        context: a copy of it is the context of each request.
        connections: the open connections.
    """

    kernel: Kernel
    pipeline: HttpPipeline
    bodies: BodyDecoder
    writer: ResponseWriter
    sender: ResponseSender
    engine: web.Application
    route: web.AbstractRoute
    native_paths: PathSet
    body_limit: int
    rewriting: Rewriting
    logs_access: bool
    loop: asyncio.AbstractEventLoop = attrs.field(factory=asyncio.get_running_loop, init=False)
    context: Context = attrs.field(factory=copy_context, init=False)
    connections: "set[FastPathHandle]" = attrs.field(factory=set, init=False)
    _are_streamed: dict[HttpDefinition, bool] = attrs.field(factory=dict, init=False)
    _static_routes: dict[str, dict[str, RouteResult]] = attrs.field(factory=dict, init=False)

    def __attrs_post_init__(self) -> None:
        self.read_definitions()

    def try_handle(
        self, connection: FastPathHandle, message: Message
    ) -> Coroutine[Any, Any, Sent] | str:
        """Return the coroutine that handles *message*, or the counter for the reason why aiohttp
        must handle it."""
        headers = message.headers
        if message.version[0] != 1:
            return OTHER_TARGET
        if hdrs.EXPECT in headers:
            return EXPECT
        if self.rewriting.rewriter is not None and (rewrite := self.rewriting.of(message)):
            message.rewrite(rewrite.target, rewrite.url)
            if rewrite.route is not None:
                return self._handle_route(connection, message, rewrite.route)
        routes = self._static_routes.get(message.method)
        if routes is not None and (static := routes.get(message.raw_path)) is not None:
            return self._respond(connection, message, static)
        found = self._find(message)
        return found if isinstance(found, str) else self._respond(connection, message, found)

    def _handle_route(
        self, connection: FastPathHandle, message: Message, route: RouteResult
    ) -> Coroutine[Any, Any, Sent] | str:
        """Do the work of `try_handle` for a message whose rewriter has found *route*."""
        found = self.pipeline.rejection_for(message) or route
        if isinstance(found, tuple) and self._is_streamed(found[0]):
            return STREAM
        return self._respond(connection, message, found)

    def _find(self, message: Message) -> RouteResult | str:
        """Return the result of the pipeline, or the counter that `try_handle` returns."""
        target = message.raw_path
        if target[0] != "/":
            return OTHER_TARGET
        path = message.rel_url.raw_path if "?" in target or "#" in target else target
        native = self.native_paths
        if (
            path in native.exact
            or (native.prefixes and path.startswith(native.prefixes))
            or ("%" in path and native.covers(message.rel_url))
        ):
            return NATIVE_PATH
        found = self.pipeline.find(message)
        if not isinstance(found, tuple):
            return found
        return STREAM if self._is_streamed(found[0]) else found

    def _is_streamed(self, definition: HttpDefinition) -> bool:
        is_streamed = self._are_streamed.get(definition)
        if is_streamed is None:
            is_streamed = self._are_streamed[definition] = _is_streamed(definition)
        return is_streamed

    def read_definitions(self) -> None:
        """Collect the routes that need no search. Called after the kernel has compiled."""
        native = self.native_paths
        self._are_streamed.clear()
        self._static_routes = {
            method: {
                target: found
                for target, found in routes.items()
                if not (isinstance(found, tuple) and _is_streamed(found[0]))
                and not native.covers_target(target)
            }
            for method, routes in self.pipeline.static_routes().items()
        }

    async def _respond(
        self, connection: FastPathHandle, message: Message, found: RouteResult
    ) -> Sent:
        """Run the pipeline and write its response."""
        final: Response | None = None
        sent_size: int | None = None
        keep_alive = False
        headers = message.headers
        request = self.pipeline.receive(message, connection.peer)
        request.native_source = message
        if message.sent_target is not None:
            request.attributes[SENT_URL] = message.sent_target
        load_body = None
        if message.body or (hdrs.CONTENT_LENGTH in headers and is_empty_form(headers)):
            load_body = partial(self.bodies.load, message.body)
        try:
            try:
                response = await self.pipeline.start(message, request, found, load_body)
            except BaseException as exc:
                response = await self.pipeline.recover(found, request, exc)
            sender = self.sender
            may_keep = not (
                message.parsed.should_close or (sender.is_draining and sender.is_port_closing())
            )
            status, data = 0, None
            if not response.is_streamed:
                try:
                    if may_keep and message.version == HttpVersion11 and message.method != "HEAD":
                        data = self.writer.write_common(message, request, response)
                    if data is None:
                        may_keep = may_keep and not closes_connection(response)
                        status, data = await self.writer.write(
                            message, request, response, may_keep
                        )
                except Exception as exc:
                    response, status, data = await self._write_error(
                        message, request, exc, may_keep
                    )
            final = response
            written = 0
            if message.cached_native is not None:
                written = message.cached_native.writer.output_size
            if written:  # the action has used aiohttp to respond
                await close_source(response)
                may_keep, data = False, b""
            elif data is None:
                return await self._send_by_aiohttp(connection, message, request, response)
            is_sent = connection.write(data)
            if connection.is_full and is_sent:
                is_sent = await _is_drained(connection)
            if self.logs_access:
                status = (status or response.status_code) if is_sent else GONE
                _log(message, request, status, (written or len(data)) if is_sent else None)
            if is_sent and data and (definition := request.definition) is not None:
                has_listeners = definition.pipeline.has_terminate_listeners
                sent_size = body_size(data) if has_listeners else None
            keep_alive = may_keep and is_sent
        except asyncio.CancelledError:
            raise
        except Exception:
            logger.exception("no response could be sent to a request")
        finally:
            connection.finish_fast_request(request, final, keep_alive, sent_size)
        return None

    async def _write_error(
        self, message: Message, request: Request, exc: Exception, keep_alive: bool
    ) -> tuple[Response, int, bytes | None]:
        """Return the response to *exc*, its status, and its bytes; None for a stream.

        If it cannot be encoded either, it is replaced by the standard error response.
        """
        response = await self.kernel.fail(request, exc)
        if response.is_streamed:
            return response, 0, None
        try:
            return response, *await self.writer.write(message, request, response, keep_alive)
        except Exception as exc:
            logger.exception("the error response cannot be encoded")
            plain = error_response(exc)
            return plain, *await self.writer.write(message, request, plain, keep_alive)

    async def _send_by_aiohttp(
        self, connection: FastPathHandle, message: Message, request: Request, response: Response
    ) -> Sent:
        """Send *response* through aiohttp, in this task: its source must be closed in the context
        in which it was created."""
        deferred = DeferredExchange(self.kernel, request, message.cached_native)
        connection.hand_over_to_aiohttp(message, deferred)
        try:
            native = await deferred.native
        except (ConnectionError, asyncio.CancelledError) as exc:
            await close_source(response)
            if self.logs_access:
                _log(message, request, GONE, None)
            if isinstance(exc, asyncio.CancelledError):
                raise
            return None
        return await self.sender.send(native, deferred, response)

    def native(self, handler: web.RequestHandler, message: Message) -> web.Request:
        """Return aiohttp's request for *message*, which the current task handles."""
        return FastPathNative.of(message, handler, self.engine, self.route, self.body_limit)

    # --- shutdown

    def running(self) -> "list[asyncio.Task[Sent]]":
        """Return the tasks of the requests on the fast path."""
        return [connection.task for connection in self.connections if connection.task is not None]

    async def close(self, timeout: float) -> None:
        """Accept no more requests. Cancel the current ones after *timeout* seconds."""
        self.sender.is_draining = True
        for connection in tuple(self.connections):
            connection.stop()
        if running := self.running():
            _, late = await asyncio.wait(running, timeout=timeout)
            for task in late:
                task.cancel()


def _is_streamed(definition: HttpDefinition) -> bool:
    """Whether the action declares to return a stream or a file, which aiohttp sends."""
    returns = definition.signature.returns
    return isinstance(returns, type) and issubclass(returns, Response) and returns.is_streamed


async def _is_drained(connection: FastPathHandle) -> bool:
    try:
        await connection.drained()
    except ConnectionError:
        return False
    return True


def _log(message: Message, request: Request, status: int, size: int | None) -> None:
    duration = perf_counter() - request.received_at
    level = level_for(request.definition, status)
    sent, route, client = message.sent_target, request.route_name, request.client
    log_request(message, sent, route, client, request.id, status, duration, size, level)
