"""The fast path: requests that have arrived whole, with their responses in one write.

aiohttp's own handler costs more than the kernel. What is common and simple goes past it, over
aiohttp's parser; the rest goes through it, with the very same bytes.
"""

import asyncio
import logging
from collections.abc import Coroutine
from contextvars import copy_context
from functools import partial
from time import perf_counter
from typing import Any, Protocol

import attrs
from aiohttp import HttpVersion11, hdrs, web
from yarl import URL

from rxkernel.kernel.errors import error_response
from rxkernel.kernel.kernel import Kernel
from rxkernel.messages.connection import ClientAddress
from rxkernel.messages.request import Request
from rxkernel.messages.response import Response, close_source
from rxkernel.routing.definitions import HttpDefinition
from rxkernel.servers.access_log import GONE, level_for
from rxkernel.servers.aiohttp.connection.access_log import FAST_PATH_DURATION
from rxkernel.servers.aiohttp.fast_path.framing import ConnectionHandle, Message
from rxkernel.servers.aiohttp.fast_path.native_request import FastPathNative
from rxkernel.servers.aiohttp.request.native_paths import PathSet
from rxkernel.servers.aiohttp.response.exchange import Exchange
from rxkernel.servers.aiohttp.response.sender import ResponseSender
from rxkernel.servers.http.access_log import log_request
from rxkernel.servers.http.body_decoding import BodyDecoder, is_empty_form
from rxkernel.servers.http.pipeline import HttpPipeline, RouteResult
from rxkernel.servers.http.response_writer import ResponseWriter, body_size

logger = logging.getLogger(__name__)

OTHER_TARGET = "fast path: other target or version"
EXPECT = "fast path: Expect"
CONTENT_CODING = "fast path: compressed body"
NATIVE_PATH = "fast path: native path"
STREAM = "fast path: stream or file"
"""Counters of the messages that are left to aiohttp."""

Sent = web.StreamResponse | None
"""What aiohttp has sent; None where the fast path has, or nobody could."""


class FastPathHandle(ConnectionHandle, Protocol):
    """A connection, as its requests on the fast path see it."""

    peer: ClientAddress | None
    """Who is connected; it may be a proxy."""

    task: "asyncio.Task[Sent] | None"
    """The request that the fast path runs, None while it runs none."""

    is_full: bool
    """Whether the client has to take something before more is sent."""

    def write(self, data: bytes) -> bool:
        """Send *data*; False when the client has left."""

    async def drained(self) -> None:
        """Wait until it is full no more; `ConnectionError` when the client left before."""

    def stop(self) -> None:
        """Begin nothing more."""

    def finish_fast_request(
        self, request: Request, response: Response | None, keeps: bool, size: int | None
    ) -> None:
        """The fast path has nothing more to do for *request*; the connection *keeps* going, or
        not. *size* is that of the body that was sent."""

    def hand_over_to_aiohttp(self, message: Message, deferred: "DeferredExchange") -> None:
        """Give *message* to aiohttp, whose handler then asks for *deferred*."""


@attrs.define(eq=False, kw_only=True)
class FastPath:
    """Past aiohttp's handler.

    Attributes:
        route: the route that aiohttp finds in *engine* for every path that is not native.
        native_paths: the paths of native routes.
        context: what every request begins with.
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
    logs_access: bool
    loop: asyncio.AbstractEventLoop = attrs.field(factory=asyncio.get_running_loop, init=False)
    context: Any = attrs.field(factory=copy_context, init=False)
    connections: "set[FastPathHandle]" = attrs.field(factory=set, init=False)
    _are_streamed: dict[HttpDefinition, bool] = attrs.field(factory=dict, init=False)
    _static_routes: dict[str, dict[str, RouteResult]] = attrs.field(factory=dict, init=False)

    def __attrs_post_init__(self) -> None:
        self.read_definitions()

    def try_handle(
        self, connection: FastPathHandle, message: Message
    ) -> Coroutine[Any, Any, Sent] | str:
        """What handles *message*; or the counter of why aiohttp must."""
        headers = message.headers
        if message.version[0] != 1:
            return OTHER_TARGET
        if hdrs.EXPECT in headers:
            return EXPECT
        if message.body and hdrs.CONTENT_ENCODING in headers:
            return CONTENT_CODING
        routes = self._static_routes.get(message.method)
        if routes is not None and (static := routes.get(message.raw_path)) is not None:
            return self._respond(connection, message, static)
        found = self._find(message)
        return found if isinstance(found, str) else self._respond(connection, message, found)

    def _find(self, message: Message) -> RouteResult | str:
        """What the pipeline finds for *message*; or the counter of why aiohttp must handle it."""
        target = message.raw_path
        if target[0] != "/":
            return OTHER_TARGET
        path = message.rel_url.raw_path if "?" in target or "#" in target else target
        native = self.native_paths
        if path in native or ("%" in path and native.covers(message.rel_url)):
            return NATIVE_PATH
        found = self.pipeline.find(message)
        if not isinstance(found, tuple):
            return found
        is_streamed = self._are_streamed.get(found[0])
        if is_streamed is None:
            is_streamed = self._are_streamed[found[0]] = _is_streamed(found[0])
        return STREAM if is_streamed else found

    def read_definitions(self) -> None:
        """Read the routes that need no search; the kernel has new definitions."""
        native = self.native_paths
        self._are_streamed.clear()
        self._static_routes = {
            method: {
                target: found
                for target, found in routes.items()
                if isinstance(found, tuple)
                and not (_is_streamed(found[0]) or native.covers(URL(target, encoded=True)))
            }
            for method, routes in self.pipeline.static_routes().items()
        }

    async def _respond(
        self, connection: FastPathHandle, message: Message, found: RouteResult
    ) -> Sent:
        """Run the pipeline and write its response."""
        answered: Response | None = None
        sent: int | None = None
        keeps = False
        headers = message.headers
        request = self.pipeline.receive(message, connection.peer)
        request.native_source = message
        load_body = None
        if message.body or (hdrs.CONTENT_LENGTH in headers and is_empty_form(headers)):
            load_body = partial(self.bodies.load, message.body)
        try:
            try:
                response = await self.pipeline.start(message, request, found, load_body)
            except BaseException as exc:
                response = await self.pipeline.recover(found, request, exc)
            if response.is_streamed:
                answered = response
                return await self._send_by_aiohttp(connection, message, request, response)
            goes_on = not (message.parsed.should_close or self.sender.is_draining)
            try:
                status, data = 0, None
                if goes_on and message.version == HttpVersion11 and message.method != "HEAD":
                    data = self.writer.write_common(message, request, response)
                if data is None:
                    status, data = await self.writer.write(message, request, response, goes_on)
            except Exception as exc:
                response = await self.kernel.fail(request, exc)
                if response.is_streamed:
                    answered = response
                    return await self._send_by_aiohttp(connection, message, request, response)
                response, status, data = await self._write_error(
                    message, request, response, goes_on
                )
            answered = response
            size = len(data)
            if message.cached_native is not None and (
                written := message.cached_native.writer.output_size
            ):
                goes_on, data, size = False, b"", written  # the action has answered by itself
            is_sent = connection.write(data)
            if connection.is_full and is_sent:
                is_sent = await _is_drained(connection)
            if self.logs_access:
                status = (status or response.status_code) if is_sent else GONE
                _log(message, request, status, size if is_sent else None)
            if is_sent and data and (definition := request.definition) is not None:
                sent = body_size(data) if definition.pipeline.has_terminate_listeners else None
            keeps = goes_on and is_sent
        except asyncio.CancelledError:
            raise
        except Exception:
            logger.exception("a request cannot be answered")
        finally:
            connection.finish_fast_request(request, answered, keeps, sent)
        return None

    async def _write_error(
        self, message: Message, request: Request, response: Response, keeps: bool
    ) -> tuple[Response, int, bytes]:
        """*response*, in place of one that could not be encoded; or the plainest one."""
        try:
            return response, *await self.writer.write(message, request, response, keeps)
        except Exception as exc:
            logger.exception("the error response cannot be encoded either")
            plain = error_response(exc)
            return plain, *await self.writer.write(message, request, plain, keeps)

    async def _send_by_aiohttp(
        self, connection: FastPathHandle, message: Message, request: Request, response: Response
    ) -> Sent:
        """Have aiohttp send *response*, but in this very task, so that all that it is made of
        stays in it."""
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
        """aiohttp's request for *message*, which runs in the current task."""
        return FastPathNative.of(message, handler, self.engine, self.route, self.body_limit)

    # --- the end of the server

    def running(self) -> "list[asyncio.Task[Sent]]":
        """The requests that the fast path runs now."""
        return [connection.task for connection in self.connections if connection.task is not None]

    async def close(self, patience: float) -> None:
        """Let what runs end within *patience* seconds, and begin nothing more."""
        self.sender.is_draining = True
        for connection in tuple(self.connections):
            connection.stop()
        if running := self.running():
            _, late = await asyncio.wait(running, timeout=patience)
            for task in late:
                task.cancel()


class DeferredExchange(Exchange):
    """A request that the fast path has run, and whose response only aiohttp can send.

    ``native`` is aiohttp's request for it, once ``is_resolved``.
    """

    is_resolved = False

    def __init__(
        self, kernel: Kernel, request: Request, cached_native: web.Request | None
    ) -> None:
        super().__init__(kernel, request)
        self._cached_native = cached_native
        self.native: asyncio.Future[web.Request] = asyncio.get_running_loop().create_future()
        self.action_task = asyncio.current_task()

    async def resolve(self, native: web.Request) -> web.StreamResponse:
        """What aiohttp is to end *native* with, which is the same request."""
        assert self.action_task is not None
        if self._cached_native is not None:
            native.update(self._cached_native)  # what has been left there
        self.request.native = native
        native[FAST_PATH_DURATION] = perf_counter() - self.request.received_at
        self.native.set_result(native)
        self.is_resolved = True
        out: web.StreamResponse = await self.action_task
        return out

    @property
    def is_failed(self) -> bool:
        """Whether aiohttp comes too late for it: it has been ended and logged."""
        return self.native.done()

    def fail(self) -> None:
        """The client has left, or the task was cancelled, before aiohttp has begun."""
        if not self.native.done():
            self.native.set_exception(ConnectionResetError("the client has left"))


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
    level = level_for(request.definition)
    log_request(
        message, request.route_name, request.client, request.id, status, duration, size, level
    )
