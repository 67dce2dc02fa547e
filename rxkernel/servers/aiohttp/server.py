"""The HTTP server: one catch-all handler, the kernel's own router, native routes beside it."""

import asyncio
import logging
from collections.abc import Mapping
from typing import Any, TypeVar

from aiohttp import web
from aiohttp.http import SERVER_SOFTWARE
from aiohttp.typedefs import Handler

from rxkernel.exceptions import (
    ForbiddenException,
    HttpException,
    HttpVersionNotSupportedException,
    MethodNotAllowedException,
    MisdirectedRequestException,
    NotFoundException,
)
from rxkernel.kernel.compiled import Compiled
from rxkernel.kernel.errors import error_response
from rxkernel.kernel.kernel import Kernel
from rxkernel.kernel.scopes import current_request
from rxkernel.messages.request import Request
from rxkernel.messages.response import Response
from rxkernel.messages.transport import Transport
from rxkernel.routing.definitions import HttpDefinition
from rxkernel.servers.access_log import GONE
from rxkernel.servers.aiohttp.connection.access_log import IS_LOGGED, HttpAccess
from rxkernel.servers.aiohttp.connection.protocol import HttpConnection
from rxkernel.servers.aiohttp.connection.registry import ConnectionRegistry, last_answer
from rxkernel.servers.aiohttp.connection.request_handler import METHODS
from rxkernel.servers.aiohttp.fast_path.context import Lane
from rxkernel.servers.aiohttp.fast_path.fast_path import DeferredExchange, FastPath
from rxkernel.servers.aiohttp.fast_path.handler_path import HandlerPath
from rxkernel.servers.aiohttp.listener import Listener
from rxkernel.servers.aiohttp.request.bodies import Bodies
from rxkernel.servers.aiohttp.request.body_reader import leave, leave_to_body
from rxkernel.servers.aiohttp.request.request_ids import NativeRequestIds
from rxkernel.servers.aiohttp.response.exchange import Exchange
from rxkernel.servers.aiohttp.response.header_signals import signal_of
from rxkernel.servers.aiohttp.response.sender import ResponseSender, raise_if_gone
from rxkernel.servers.http.allowed_hosts import HostPolicy
from rxkernel.servers.http.compression import Compression
from rxkernel.servers.http.cors import CorsPolicy, is_preflight
from rxkernel.servers.http.forwarded import ForwardedHeaders
from rxkernel.servers.http.request_factory import add_path, below, new_request
from rxkernel.servers.http.response_writer import ResponseWriter
from rxkernel.servers.http.security_headers import SecurityHeaders
from rxkernel.servers.server import Server
from rxkernel.settings import HttpSettings

logger = logging.getLogger(__name__)
L = TypeVar("L", bound=Lane)

_REFUSED_METHODS = frozenset(("CONNECT", "TRACE"))
"""The one would be a proxy's, the other shows a script what it may not see (RFC 9110 §9.3.8)."""


class AiohttpServer(Server):
    """Answers HTTP with the kernel's definitions.

    ``engine`` is the `aiohttp.web.Application`: what a listener of ``server.configure``
    adds to it, routes and middleware, comes before the kernel's. ``not_awaited`` are the
    paths of native routes that hold connections open, so draining does not wait for them.
    ``proxies`` tell who sent a request, ``origins`` which pages may, ``ids`` what it is called.
    ``access_log`` is None where none is kept.
    """

    name = "aiohttp"
    transport = Transport.HTTP
    label = "HTTP"

    def __init__(self, settings: HttpSettings, *, logs_access: bool = False) -> None:
        self.proxies = ForwardedHeaders(settings.trusted_proxies)
        self.ids = NativeRequestIds(settings.request_id_header)
        self.access_log = HttpAccess(self.ids, self.proxies) if logs_access else None
        self.origins = CorsPolicy(settings, self.proxies)
        self._hosts = HostPolicy(settings.allowed_hosts, self.proxies)
        self._settings = settings
        self.connections = self._new_connections()
        self._compression = (
            Compression(settings.compression_minimum) if settings.compression else None
        )
        self._kernel: Kernel | None = None
        self._listener: Listener | None = None
        self._lane: FastPath | None = None
        self.not_awaited: set[str] = set()

    @property
    def counts(self) -> Mapping[str, int]:
        """How often each limit was reached, by the name of its setting, and other misuse."""
        return self.connections.counts

    @property
    def host(self) -> str:
        return self._settings.host

    @property
    def port(self) -> int:
        return self._listener.port if self._listener else self._settings.port

    def _new_connections(self) -> ConnectionRegistry:
        return ConnectionRegistry(self._settings, self.proxies, self.ids, self.access_log)

    def configure(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self._bodies = Bodies(self._settings)
        self._delivery = ResponseSender(self.ids, self._compression)
        self.connections = self._new_connections()
        self.engine = web.Application(client_max_size=self._settings.body_limit)

    def recompiled(self, compiled: Compiled) -> None:
        if self._lane is not None:
            self._lane.forget_definitions()
        if self._kernel is not None:
            self._bodies.forget_definitions()

    async def start(self) -> None:
        self.connections.find_room()
        has_routes = self._has_native_routes
        has_native_parts = has_routes or bool(self.engine.middlewares)
        is_open = not (self.engine.middlewares or self.engine.on_response_prepare)
        self.mark_answers_of(self.engine, with_ids=has_native_parts)
        self.engine.middlewares.insert(0, self.tracked)
        route = self.engine.router.add_route(
            "*", r"/{path:[\s\S]*}", self._handle, expect_handler=leave_to_body
        )
        ordinary = lane = None
        if is_open:
            ordinary = self._new_lane(HandlerPath, route, has_native_routes=has_routes)
            if self._settings.fast_path and not has_routes:
                lane = self._new_lane(FastPath, route, has_native_routes=False)
        self._lane = lane
        self._listener = Listener(
            self.engine,
            self._settings.host,
            self._settings.port,
            self.connections,
            reuse_port=self._settings.reuse_port,
            lane=lane,
            ordinary=ordinary,
        )
        await self._listener.start()
        self.connections.tell_room()

    @property
    def _has_native_routes(self) -> bool:
        """Whether there are routes that may write an answer by themselves."""
        paths = {resource.canonical for resource in self.engine.router.resources()}
        return not paths <= self.not_awaited

    def _new_lane(self, kind: type[L], route: web.AbstractRoute, *, has_native_routes: bool) -> L:
        assert self._kernel is not None
        marks = [marker.add for marker in self._markers()]
        return kind(
            kernel=self._kernel,
            engine=self.engine,
            route=route,
            not_awaited=self.not_awaited,
            has_native_routes=has_native_routes,
            bodies=self._bodies,
            body_limit=self._settings.body_limit,
            prefix=self._settings.prefix,
            hosts=self._hosts,
            proxies=self.proxies,
            ids=self.ids,
            prepared=ResponseWriter(SERVER_SOFTWARE, self.ids.name, marks, self._compression),
            delivery=self._delivery,
            connections=self.connections,
            access_log=self.access_log,
        )

    def _markers(self) -> list[CorsPolicy | SecurityHeaders]:
        """What the settings want on every answer, in this order."""
        markers: list[CorsPolicy | SecurityHeaders] = []
        if self._settings.origins:
            markers.append(self.origins)
        if self._settings.security_headers:
            markers.append(SecurityHeaders(self.proxies, SERVER_SOFTWARE))
        return markers

    def mark_answers_of(self, engine: web.Application, *, with_ids: bool = True) -> None:
        """Have every answer of *engine* carry the headers that the settings ask for.

        Not *with_ids*: `tracked` and `ResponseSender` see to them.
        """
        engine.on_response_prepare.extend(signal_of(marker) for marker in self._markers())
        if with_ids and self.ids.name is not None:
            engine.on_response_prepare.append(self.ids.mark)

    @property
    def in_flight(self) -> "set[asyncio.Task[Any]]":
        """The tasks of the requests that are not answered yet."""
        ours = () if self._lane is None else self._lane.running()
        return self.connections.in_flight.union(ours)

    async def drain(self) -> None:
        if self._listener is None:
            return
        self._delivery.is_draining = True
        await self._listener.refuse()
        self._delivery.end_streams()
        await self._listener.linger()
        while running := self.in_flight:
            await asyncio.wait(running)

    async def stop(self) -> None:
        listener, self._listener = self._listener, None
        if listener is not None:
            await listener.close()

    @web.middleware
    async def tracked(self, native: web.Request, handler: Handler) -> web.StreamResponse:
        """Around every request of every port: what it may ask for at all, and how long it is
        in flight. aiohttp has one task per request, which ends when the answer is written.
        """
        guard: HttpConnection = native.protocol.guard  # type: ignore[attr-defined]
        if guard.exchange is not None:
            return await handler(native)  # the aiohttp path is around it
        task, body = asyncio.current_task(), native.content
        assert task is not None
        guard.begin(task, body)
        task.add_done_callback(guard.end)
        is_awaited = native.path not in self.not_awaited
        if is_awaited:
            self.connections.in_flight.add(task)
        try:
            if (
                native.version[0] == 1
                and native.raw_path[0] == "/"
                and native.method not in _REFUSED_METHODS
                and self._hosts.is_open
            ):
                out = await handler(native)
            else:
                out = await self._checked(native, handler)
        except web.HTTPException as exc:
            self.ids.write(native, exc)
            raise
        if not out.prepared:
            self.ids.write(native, out)
        guard.answers(out)
        if (self._delivery.is_draining and is_awaited) or body.exception() is not None:
            out.force_close()
        return out

    async def _checked(self, native: web.Request, handler: Handler) -> web.StreamResponse:
        """Refuse what no route, native ones included, is to see."""
        try:
            if native.version[0] != 1:
                return await self._refuse_version(native)
            if native.method in _REFUSED_METHODS:
                raise MethodNotAllowedException(headers={"Allow": self._allowed(native)})
            self._hosts.check(native)
        except MisdirectedRequestException as exc:
            what = (
                f"refused {native.headers.get('Host', '')!r:.100} of {native.remote or 'a client'}"
            )
            self.connections.crossed("http.allowed_hosts", what)
            return await self._handle(native, exc)
        except Exception as exc:  # also of a converter of the application, asked for ``Allow``
            return await self._handle(native, exc)
        return await handler(native)

    async def _refuse_version(self, native: web.Request) -> web.StreamResponse:
        """Say so in HTTP/1.1 and close; aiohttp would answer in the version that was asked for."""
        assert self._kernel is not None
        what = f"a request of {native.remote or 'a client'} is one of HTTP/{native.version[0]}"
        self.connections.crossed("protocol error", what)
        request = self._read_head(native)
        self._kernel.begin(request)
        exc = HttpVersionNotSupportedException("HTTP/1.0 and HTTP/1.1 are spoken here")
        try:
            response = await self._kernel.fail(request, exc)
            self.connections.mark(response.headers, native)
            answer = last_answer(response)
        except Exception:
            logger.exception("what a listener answers to another version cannot be written")
            response = error_response(exc)
            answer = last_answer(response)
        self._kernel.terminate(request, response)
        if native.transport is not None:
            native.transport.write(answer)
            native.transport.close()
        return web.Response(status=505)

    async def _handle(
        self, native: web.Request, refusal: Exception | None = None
    ) -> web.StreamResponse:
        assert self._kernel is not None
        guard: HttpConnection = native.protocol.guard  # type: ignore[attr-defined]
        if (exchange := guard.exchange) is not None:
            return await self._delivery.deliver(native, exchange, exchange.waiting)
        begun: DeferredExchange | None = guard.claim()
        if begun is not None and begun.is_lost:
            native[IS_LOGGED] = True
            return web.Response(status=GONE)
        exchange = begun or Exchange(self._kernel, self._read_head(native))
        if begun is None:
            self._kernel.begin(exchange.request)
        else:
            current_request.set(begun.request)
        task = asyncio.current_task()
        assert task is not None
        task.add_done_callback(exchange.end)
        exchange.sender = task
        try:
            if begun is not None:
                return await begun.give(native)
            response = await self._answer(self._kernel, native, exchange.request, refusal)
            return await self._delivery.deliver(native, exchange, response)
        except ConnectionError:
            logger.debug("client left: %s %.200r", native.method, native.raw_path)
            return web.Response(status=GONE)
        finally:
            if not native.content.is_eof():
                leave(native)

    def _read_head(self, native: web.Request) -> Request:
        guard: HttpConnection = native.protocol.guard  # type: ignore[attr-defined]
        client = self.proxies.client_behind(guard.peer, native)
        request = new_request(
            self.ids, native.method, native.raw_path, native.rel_url, native.headers, client
        )
        request.native = native
        return request

    async def _answer(
        self,
        kernel: Kernel,
        native: web.Request,
        request: Request,
        refusal: Exception | None,
    ) -> Response:
        try:
            if refusal is not None:
                raise refusal
            if is_preflight(native):
                granted = self._preflight(kernel, native)
                return await kernel.respond(request, Response(None, 204, granted))
            definition, values = self._find(kernel, native)
            request.route_name = definition.name
            add_path(request, values)
            await self._bodies.read(native, request, definition)
        except MethodNotAllowedException as exc:
            if native.method == "OPTIONS":
                return await kernel.respond(request, Response(None, 204, exc.headers))
            return await kernel.fail(request, exc)
        except Exception as exc:
            raise_if_gone(native, exc)
            return await kernel.fail(request, exc)
        return await kernel.answer(definition, request)

    def _allowed(self, native: web.Request) -> str:
        """The methods of the path; of a native or unknown one, those there are at all."""
        assert self._kernel is not None
        try:
            known = self._kernel.compiled.http_router.allowed(self._path(native), native)
        except HttpException:
            known = []
        is_path = native.raw_path.startswith("/")
        return ", ".join(known) if is_path and known else METHODS

    def _preflight(self, kernel: Kernel, native: web.Request) -> dict[str, str]:
        if not self.origins.allows(native):
            raise ForbiddenException("pages of this origin may not call this server")
        methods = kernel.compiled.http_router.allowed(self._path(native), native)
        if not methods:
            raise NotFoundException
        return self.origins.preflight(native, methods)

    def _find(
        self, kernel: Kernel, native: web.Request
    ) -> tuple[HttpDefinition, dict[str, object]]:
        return kernel.compiled.http_router.match(native.method, self._path(native), native)

    def _path(self, native: web.Request) -> str:
        """The path below the prefix."""
        path, prefix = native.rel_url.raw_path, self._settings.prefix
        return below(prefix, path) if prefix else path
