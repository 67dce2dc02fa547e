"""Serves the WebSockets of bundles: checks the handshake, calls the bundle, closes at the end."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Protocol

from aiohttp import hdrs, web

from rxkernel.exceptions import (
    BadRequestException,
    ForbiddenException,
    HttpException,
    MethodNotAllowedException,
    ServiceUnavailableException,
    UpgradeRequiredException,
)
from rxkernel.kernel.contexts import current_context, start
from rxkernel.kernel.errors import to_failure
from rxkernel.messages.request import Request
from rxkernel.messages.response import Response, UpgradeResponse
from rxkernel.servers.access_log import GONE
from rxkernel.servers.aiohttp.aiohttp_path import AiohttpPath
from rxkernel.servers.aiohttp.request.disconnect import is_disconnected
from rxkernel.servers.aiohttp.request.request_id_header import NativeRequestIdHeader
from rxkernel.servers.aiohttp.websocket import WebSocket, WebSocketLimits
from rxkernel.servers.aiohttp.websocket_handshake import PendingHandshake
from rxkernel.servers.aiohttp.websocket_stream import wants_websocket
from rxkernel.servers.disconnect_reason import DisconnectReason
from rxkernel.servers.http.cors import CorsPolicy
from rxkernel.servers.http.forwarded import ForwardedHeaders
from rxkernel.servers.http.pipeline import add_path_parameters

logger = logging.getLogger(__name__)

Accept = Callable[[WebSocket], Awaitable[None]]
"""The callable of a bundle for a path. The WebSocket is closed when it returns."""

Drain = Callable[[], Awaitable[None]]
"""The callable of a bundle that is awaited before its WebSockets are closed."""

NativeHandler = Callable[[web.Request], Awaitable[web.StreamResponse]]

GOING_AWAY, INTERNAL_ERROR = 1001, 1011
_VERSION = "13"

_CANCEL_TIMEOUT = 2.0
"""Seconds in which functions must end after they are cancelled, when the server stops."""


class WebSocketHost(Protocol):
    """The parts of the HTTP server that its WebSockets use."""

    ids: NativeRequestIdHeader
    cors: CorsPolicy
    forwarded: ForwardedHeaders

    @property
    def aiohttp_path(self) -> AiohttpPath: ...


class WebSocketRoutes:
    """The WebSockets of one server."""

    def __init__(self, host: WebSocketHost) -> None:
        self._host = host
        self._open: dict[WebSocket, Drain | None] = {}
        self._serving: set[asyncio.Task[object]] = set()
        self._is_draining = False

    def handler(
        self, path: str, accept: Accept, limits: WebSocketLimits, drain: Drain | None = None
    ) -> NativeHandler:
        """A native handler that calls *accept* with each WebSocket of *path*."""

        async def handle(native: web.Request) -> web.StreamResponse:
            return await self._handle(native, path, accept, limits, drain)

        return handle

    def shared(
        self, handler: NativeHandler, other: Callable[[], NativeHandler | None]
    ) -> NativeHandler:
        """A native handler that calls *handler* for handshakes. Other requests are passed to the
        handler that *other* returns, or to the kernel if it returns None."""

        async def handle(native: web.Request) -> web.StreamResponse:
            if wants_websocket(native):
                return await handler(native)
            return await (other() or self._host.aiohttp_path.handle)(native)

        return handle

    def reopen(self) -> None:
        """Accept WebSockets again, when the server is started a second time."""
        self._is_draining = False

    async def drain(self) -> None:
        """Reject new WebSockets and close the open ones, each after its `Drain`."""
        self._is_draining = True
        by_drain: dict[Drain | None, list[WebSocket]] = {}
        for socket, drain in self._open.items():
            socket.is_draining = True
            by_drain.setdefault(drain, []).append(socket)
        await asyncio.gather(*(_close(drain, sockets) for drain, sockets in by_drain.items()))

    async def stop(self) -> None:
        """Cancel the functions that still run although their WebSockets are closed."""
        late = tuple(self._serving)
        for task in late:
            task.cancel()
        if late:
            await asyncio.wait(late, timeout=_CANCEL_TIMEOUT)

    async def _handle(
        self,
        native: web.Request,
        path: str,
        accept: Accept,
        limits: WebSocketLimits,
        drain: Drain | None,
    ) -> web.StreamResponse:
        host, aiohttp_path = self._host, self._host.aiohttp_path
        counters = aiohttp_path.connections
        kernel = aiohttp_path.kernel
        request = aiohttp_path.new_request(native)
        request.path = request.route_name = path
        add_path_parameters(request, dict(native.match_info))
        kernel.begin(request)
        ids = host.ids.headers(native)
        socket = WebSocket(native, request, limits, counters, ids, host.forwarded)
        self._add(socket, drain)
        try:
            self._check(native)
            await accept(socket)
            if socket.rejection is not None:
                return await aiohttp_path.send_response(native, request, socket.rejection)
            if not socket.is_accepted:
                raise ForbiddenException("the WebSocket was not accepted")
            await socket.close()
        except BaseException as exc:
            failure = to_failure(exc)
            if not socket.is_accepted and is_disconnected(native) and _is_expected(failure):
                logger.debug(
                    "client disconnected in the handshake of the WebSocket %s: %r", path, failure
                )
                kernel.terminate(request, None)
                return web.Response(status=GONE)
            if not socket.is_accepted:
                return await aiohttp_path.send_error(native, request, failure)
            await self._fail(socket, failure)
        finally:
            self._remove(socket)
            if socket.is_accepted:
                kernel.terminate(request, None)
        return socket.response

    def _add(self, socket: WebSocket, drain: Drain | None) -> None:
        """Add *socket*, which the current task serves."""
        task = asyncio.current_task()
        assert task is not None
        self._open[socket] = drain
        self._serving.add(task)

    def _remove(self, socket: WebSocket) -> None:
        task = asyncio.current_task()
        assert task is not None
        del self._open[socket]
        self._serving.discard(task)

    async def upgrade(
        self, request: Request, accept: Accept, limits: WebSocketLimits, drain: Drain | None
    ) -> Response:
        """See `HttpServer.upgrade`."""
        native = request.native
        if not isinstance(native, web.Request):
            raise _upgrade_required()
        self._check(native)
        host, pending = self._host, PendingHandshake()
        socket = pending.websocket = WebSocket(
            native,
            request,
            limits,
            host.aiohttp_path.connections,
            host.ids.headers(native),
            host.forwarded,
            pending,
        )
        pending.work = start(self._serve(socket, accept, drain), current_context())
        rejection = await pending.rejection()
        if rejection is not None:
            return rejection
        request.after_sending(pending.aclose)
        return UpgradeResponse(pending)

    async def _serve(self, socket: WebSocket, accept: Accept, drain: Drain | None) -> None:
        """Call *accept*, then close *socket*. An exception before it is accepted is raised."""
        self._add(socket, drain)
        try:
            await accept(socket)
            if socket.is_accepted:
                await socket.close()
        except BaseException as exc:
            failure = to_failure(exc)
            if not socket.is_accepted:
                raise failure from failure.__cause__
            await self._fail(socket, failure)
        finally:
            self._remove(socket)

    def _check(self, native: web.Request) -> None:
        """Check that *native* is a WebSocket handshake, and that its origin is allowed.

        Raises:
            HttpException: the error to respond with.
        """
        if self._is_draining:
            raise ServiceUnavailableException("the server is stopping")
        if native.method != "GET":
            raise MethodNotAllowedException(headers={"Allow": "GET"})
        if not wants_websocket(native):
            raise _upgrade_required()
        if native.headers.get(hdrs.SEC_WEBSOCKET_VERSION) != _VERSION:
            raise UpgradeRequiredException(
                "the version of the WebSocket protocol must be 13",
                headers={"Sec-WebSocket-Version": _VERSION},
            )
        if not web.WebSocketResponse().can_prepare(native):
            raise BadRequestException("the WebSocket handshake is malformed")
        if not self._host.cors.allows(native):
            event = f"rejected a page of the origin {native.headers['Origin'][:100]!r}"
            self._host.aiohttp_path.connections.record("http.origins", event)
            raise ForbiddenException("origin not allowed (CORS)")

    async def _fail(self, socket: WebSocket, failure: Exception) -> None:
        path = socket.request.path
        if isinstance(failure, ConnectionError) and socket.is_closed:
            logger.debug("client of the WebSocket %s disconnected", path)
        else:
            logger.error("the WebSocket %s failed", path, exc_info=failure)
            await socket.close(INTERNAL_ERROR)


async def _close(drain: Drain | None, sockets: list[WebSocket]) -> None:
    if drain is not None:
        try:
            await drain()
        except Exception:
            logger.exception("the drain function of WebSockets failed; closing them now")
    accepted = [socket for socket in sockets if socket.is_accepted]
    for socket in accepted:
        socket.reason = socket.reason or DisconnectReason.SHUTDOWN
    await asyncio.gather(*(s.close(GOING_AWAY, "the server is stopping") for s in accepted))


def _upgrade_required() -> UpgradeRequiredException:
    headers = {"Upgrade": "websocket", "Connection": "Upgrade"}
    return UpgradeRequiredException("this path serves WebSockets only", headers=headers)


def _is_expected(failure: Exception) -> bool:
    """Whether *failure* is not a bug, so that it is not logged if the client has disconnected."""
    return isinstance(failure, ConnectionError | HttpException)
