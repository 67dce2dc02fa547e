"""The HTTP server: a catch-all handler with the kernel's own router, and native routes."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import attrs
from aiohttp import web
from aiohttp.http import SERVER_SOFTWARE
from aiohttp.typedefs import Handler

from rxkernel.exceptions import ConfigurationError
from rxkernel.kernel.compiled import Compiled
from rxkernel.kernel.kernel import Kernel
from rxkernel.messages.request import Request
from rxkernel.messages.response import Response
from rxkernel.messages.transport import Transport
from rxkernel.routing.syntax import TemplateSyntax
from rxkernel.servers.access_log import application_name
from rxkernel.servers.aiohttp.aiohttp_path import AiohttpPath
from rxkernel.servers.aiohttp.connection.access_log import HttpAccessLog
from rxkernel.servers.aiohttp.connection.registry import ConnectionRegistry
from rxkernel.servers.aiohttp.fast_path.compatibility import is_aiohttp_supported
from rxkernel.servers.aiohttp.fast_path.fast_path import FastPath
from rxkernel.servers.aiohttp.host_application import HostApplication
from rxkernel.servers.aiohttp.listener import KEEPALIVE_GRACE, Listener
from rxkernel.servers.aiohttp.mounted_checks import check_mounted, check_shared
from rxkernel.servers.aiohttp.mounted_listener import MountedListener
from rxkernel.servers.aiohttp.redirect import HttpsRedirect
from rxkernel.servers.aiohttp.request.body_loader import BodyLoader
from rxkernel.servers.aiohttp.request.body_reader import defer_continue
from rxkernel.servers.aiohttp.request.native_paths import MountUse, NativePaths
from rxkernel.servers.aiohttp.request.request_id_header import NativeRequestIdHeader
from rxkernel.servers.aiohttp.response.header_signals import header_signal
from rxkernel.servers.aiohttp.response.sender import ResponseSender
from rxkernel.servers.aiohttp.shared_listener import SharedListener
from rxkernel.servers.aiohttp.shared_port import Share
from rxkernel.servers.aiohttp.websocket import WebSocketLimits
from rxkernel.servers.aiohttp.websocket_routes import Accept, Drain, WebSocketRoutes
from rxkernel.servers.certificates import Certificates
from rxkernel.servers.http.allowed_hosts import HostPolicy
from rxkernel.servers.http.body_decoding import BodyDecoder
from rxkernel.servers.http.compression import Compression
from rxkernel.servers.http.cors import CorsPolicy
from rxkernel.servers.http.forwarded import ForwardedHeaders
from rxkernel.servers.http.pipeline import HttpPipeline
from rxkernel.servers.http.post_handlers import Fail, PostHandlers, Respond
from rxkernel.servers.http.response_writer import HeaderPolicy, ResponseWriter
from rxkernel.servers.http.rewriting import ListedRule, Rewriter, Rewriting
from rxkernel.servers.http.security_headers import SecurityHeaders
from rxkernel.servers.server import Server
from rxkernel.servers.workers.listening_sockets import Sockets
from rxkernel.settings import Settings

logger = logging.getLogger(__name__)


class HttpServer(Server):
    """Serves the kernel's HTTP definitions.

    ``engine`` is the `aiohttp.web.Application`. Routes and middlewares that a listener of
    ``server.configure`` adds to it run before the kernel. Until the server has started, bundles
    get paths of their own with `mount`, `websocket` and `handle`.

    Attributes:
        forwarded: reads the headers of trusted proxies.
        cors: decides which origins may send requests.
        ids: reads and creates the ids of requests.
        keepalive_grace: seconds for which idle connections stay open when the server stops, for
            requests that are on their way.
        access_log: None if the access log is off.
        certificates: the certificates of ``http.tls``; None without it, or if the port is shared.
        rewriting: changes the targets of requests, see `rewrite`.
        sockets: the connections or the port of a worker, if its supervisor accepts or opens them.
    """

    name = "http"
    transport = Transport.HTTP
    label = "HTTP"

    def __init__(
        self,
        settings: Settings,
        mounted_in: HostApplication | None = None,
        share: Share | None = None,
        sockets: Sockets | None = None,
    ) -> None:
        http = settings.http
        self._share = share
        self.sockets = sockets if share is None else share.port.sockets
        self._all_settings = settings
        self._mounted_in = mounted_in
        self.forwarded = ForwardedHeaders(http.trusted_proxies, http.own_scheme)
        self.certificates = (
            None if http.tls is None or share is not None else Certificates(http.tls)
        )
        self.ids = NativeRequestIdHeader(settings.request_id_header)
        self.keepalive_grace = KEEPALIVE_GRACE
        self.access_log = (
            HttpAccessLog(self.ids, self.forwarded) if settings.logging.access else None
        )
        self.cors = CorsPolicy(http, self.forwarded, settings.request_id_header)
        hosts = () if share is not None else http.allowed_hosts  # the port compares them
        self._hosts = HostPolicy(hosts, self.forwarded, http.unknown_host)
        self._settings = http
        self.connections = self._new_connections()
        self._compression = Compression(http.compression_minimum) if http.compression else None
        self._parts: _Parts | None = None
        self._listener: Listener | MountedListener | SharedListener | None = None
        self._redirect: Listener | None = None
        self._fast_path: FastPath | None = None
        self.native_paths = NativePaths()
        self.post_handlers = PostHandlers()
        self.rewriting = Rewriting()
        self._websockets = WebSocketRoutes(self)

    @property
    def counts(self) -> Mapping[str, int]:
        """How often each limit was reached, by the name of its setting, and other misuse."""
        return self.connections.counts

    @property
    def host(self) -> str | None:
        return None if self._mounted_in else self._settings.host

    @property
    def port(self) -> int | None:
        if self._mounted_in:
            return None
        if self._share is not None:
            return self._share.port.port
        return self._listener.port if self._listener else self._settings.port

    @property
    def scheme(self) -> str:
        return self._settings.scheme

    def reload_certificates(self) -> None:
        """Read the files of ``http.tls`` again, for new connections; ``serve`` calls it on SIGHUP.

        An error is logged, and the old certificates stay in use. Without TLS this does nothing.
        Changed files are also read without this call.
        """
        if self.certificates is not None:
            self.certificates.reload()

    def _new_connections(self) -> ConnectionRegistry:
        return ConnectionRegistry(self._settings, self.forwarded, self.ids, self.access_log)

    def mount(self, path: str, handler: Handler, long_lived: bool = False) -> None:
        """Pass all requests to *path*, with any method, to the native aiohttp *handler*.

        *path* is a template as for routes, either literal or ending with ``{name:path}``: then all
        paths below are mounted, and ``native.match_info`` has the rest. ``http.prefix`` is not
        put before it. Draining does not wait for *long_lived* requests.

        Raises:
            ConfigurationError: the template has other parameters, or is mounted already.
            RxKernelError: the server has started.
        """
        self.native_paths.mount(path, handler, handler, long_lived=long_lived)

    def websocket(
        self,
        path: str,
        accept: Accept,
        *,
        max_size: int | None = None,
        heartbeat: float = 25.0,
        shared: bool = False,
        drain: Drain | None = None,
    ) -> None:
        """Call *accept* with the `WebSocket` of each client that connects to *path*.

        Args:
            path: as for `mount`.
            accept: completes the handshake, or raises an `HttpException` to refuse it. The
                WebSocket is closed when *accept* returns, or with 1011 when it raises.
            max_size: the largest message in bytes; a larger one closes the WebSocket with 1009.
                None stands for ``http.body_limit``.
            heartbeat: seconds without data from the client after which it is pinged. The WebSocket
                is closed if no data arrives in half of that time.
            shared: requests to *path* that are not handshakes are handled by routes of the kernel,
                or by the handler of *path* for `mount` or `handle`.
            drain: awaited when the server stops, before the WebSockets are closed with 1001. A
                function that several paths use is called once.

        Raises:
            ConfigurationError, RxKernelError: see `mount`.
        """
        limits = WebSocketLimits(
            max_size=max_size or self._settings.body_limit, heartbeat=heartbeat
        )
        handler = self._websockets.handler(path, accept, limits, drain)
        if shared:
            other = partial(self.native_paths.other_than, TemplateSyntax.parse(path).text)
            handler = self._websockets.shared(handler, other)
        self.native_paths.mount(path, handler, accept, use=MountUse.WEBSOCKET, is_shared=shared)

    async def upgrade(
        self,
        request: Request,
        accept: Accept,
        *,
        max_size: int | None = None,
        heartbeat: float = 25.0,
        drain: Drain | None = None,
    ) -> Response:
        """Upgrade *request*, the request of a GET route, to a WebSocket; the action must return
        the result.

        The handshake is a message of a route, so access rules, listeners and contracts apply, and
        a reload adds and removes paths. *accept* runs in a task of its own. This method returns as
        soon as *accept* calls `WebSocket.accept`, so that timeouts of the action end there. Then
        the response listeners run, which may add headers to the response with status 101, and the
        handshake is sent. The services of the message stay open until the WebSocket is closed.

        Args:
            accept, max_size, heartbeat, drain: as for `websocket`.

        Returns:
            an `UpgradeResponse`, or the response of `WebSocket.reject`.

        Raises:
            HttpException: *request* is not a WebSocket handshake (426, 405, 400), a page of an
                origin that is not allowed has sent it, *accept* returns without accepting (403),
                or the server is stopping (503).
            Exception: raised by *accept* before the WebSocket was accepted.
        """
        limits = WebSocketLimits(
            max_size=max_size or self._settings.body_limit, heartbeat=heartbeat
        )
        return await self._websockets.upgrade(request, accept, limits, drain)

    def handle(self, path: str, respond: Respond, *, fail: Fail | None = None) -> None:
        """Call *respond* with the `Request` and the whole body of each POST to *path*.

        For protocols that name the definition in the body: the request has no definition until
        *respond* calls ``kernel.answer``. Limits, CORS, other methods and logs work as for a route
        of the kernel. Routes of other methods and a shared `websocket` may have the same path.

        Args:
            path: literal; ``http.prefix`` is not put before it.
            respond: returns the response.
            fail: returns the response to an exception of *respond*, or to a rejected body, for
                protocols with an error format of their own; by default ``kernel.fail``.

        Raises:
            ConfigurationError: the path has parameters, or is mounted already.
            RxKernelError: the server has started.
        """
        self.native_paths.mount(path, None, respond, use=MountUse.POST)
        self.post_handlers.add(path, respond, fail)

    def rewrite(self, rewriter: Rewriter | None, listed: Sequence[ListedRule] = ()) -> None:
        """Call *rewriter* with each request from now on, before anything else reads its target;
        None stops it. It may be called at any time. The target that the client has sent is in
        `Request.attributes` as ``sent_url``, and its path is in the access log. *listed* are the
        rules that ``rxkernel routes`` prints.

        The new target decides which route, native handler, WebSocket or POST handler gets the
        request. If *rewriter* returns a route, it is used after the checks of host, method and
        version.

        Raises:
            ConfigurationError: the application is mounted in an aiohttp application, whose router
                reads the targets.
        """
        if rewriter is not None and self._mounted_in is not None:
            raise ConfigurationError(
                "requests to a mounted application cannot be rewritten, because the router of "
                "aiohttp reads their paths first; remove the rules, or let rxkernel open the port"
            )
        self.rewriting.use(rewriter, listed)

    def handles(self, raw_path: str) -> bool:
        """Whether *raw_path*, a percent-encoded path, was passed to `handle`.

        Raises:
            BadRequestException: *raw_path* has invalid percent-encoding, invalid UTF-8 or a NUL
                byte.
        """
        return self.post_handlers.find(raw_path) is not None

    def check(self, compiled: Compiled) -> None:
        definitions = compiled.definitions[Transport.HTTP]
        self.native_paths.check(definitions, self._settings.prefix)
        if self._mounted_in is not None:
            check_mounted(self._all_settings, definitions, self.native_paths)
        if self._share is not None:
            check_shared(self._all_settings)

    def configure(self, kernel: Kernel) -> None:
        self.native_paths.reopen()
        self._websockets.reopen()
        self.connections = self._new_connections()
        server = None if self._settings.security_headers else SERVER_SOFTWARE
        writer = ResponseWriter(
            server, self.ids.name, self._policies(), self._compression, kernel.serializer
        )
        pipeline = HttpPipeline(
            kernel=kernel,
            prefix=self._settings.prefix,
            ids=self.ids,
            hosts=self._hosts,
            forwarded=self.forwarded,
            cors=self.cors,
            counters=self.connections,
            handlers=self.post_handlers,
        )
        decoder = BodyDecoder(self._settings, self.connections, kernel)
        sender = ResponseSender(self.ids, writer, self._compression, self._is_port_closing)
        aiohttp_path = AiohttpPath(
            kernel=kernel,
            pipeline=pipeline,
            bodies=BodyLoader(self._settings, decoder),
            sender=sender,
            ids=self.ids,
            connections=self.connections,
            native_paths=self.native_paths,
            rewriting=self.rewriting,
        )
        self._parts = _Parts(
            pipeline=pipeline,
            decoder=decoder,
            writer=writer,
            sender=sender,
            aiohttp_path=aiohttp_path,
        )
        self.engine = web.Application(client_max_size=self._settings.body_limit)

    @property
    def _configured(self) -> "_Parts":
        assert self._parts is not None, "call configure() first"
        return self._parts

    def recompiled(self, compiled: Compiled) -> None:
        if self._fast_path is not None:
            self._fast_path.read_definitions()
        if self._parts is not None:
            self._parts.decoder.forget_definitions()

    async def start(self) -> None:
        name = None if self._share is None else self._share.member.name
        token = application_name.set(name)
        try:
            await self._start()
        finally:
            application_name.reset(token)

    async def _start(self) -> None:
        path = self.aiohttp_path
        self.native_paths.install(self.engine.router)
        self.check(path.kernel.compiled)
        has_native_parts = self.native_paths.has_native_routes or bool(self.engine.middlewares)
        is_fast = self._settings.fast_path and self._mounted_in is None
        if is_fast and (self.engine.middlewares or self.engine.on_response_prepare):
            is_fast = False
            logger.info(
                "the fast path is off: the engine of the HTTP server has middlewares or "
                "listeners of on_response_prepare, which see every request"
            )
        self.add_header_signals(self.engine, with_ids=has_native_parts)
        self.engine.middlewares.insert(0, path.track)
        route = self.engine.router.add_route(
            "*", r"/{path:[\s\S]*}", path.handle, expect_handler=defer_continue
        )
        fast_path = self._new_fast_path(route) if is_fast else None
        if fast_path is not None and not is_aiohttp_supported(fast_path, self.connections):
            fast_path = None
        self._fast_path = fast_path
        if self._mounted_in is not None:
            self._listener = MountedListener(
                self.engine, self._mounted_in, self._mounted_paths(), self.connections
            )
            await self._listener.start()
        elif self._share is not None:
            self._listener = SharedListener(
                self.engine,
                self._share,
                self.connections,
                fast_path=fast_path,
                access_log=self.access_log,
                rewriting=self.rewriting,
            )
            await self._listener.start()
        else:
            await self._open_ports()

    def _mounted_paths(self) -> list[str]:
        socketio, prefix = self._all_settings.socketio, self._settings.prefix
        paths = [prefix] if prefix else []
        return [*paths, socketio.path] if socketio.enabled else paths

    async def _open_ports(self) -> None:
        self.connections.apply_fd_limit()
        listener = self._listener = Listener(
            self.engine,
            self._settings.host,
            self._settings.port,
            self.connections,
            reuse_port=self._settings.reuse_port,
            fast_path=self._fast_path,
            certificates=self.certificates,
            rewriting=self.rewriting,
            sockets=self.sockets,
        )
        await listener.start()
        if (tls := self._settings.tls) is not None and tls.redirect_port is not None:
            await self._start_redirect(tls.redirect_port, listener.port)
        self.connections.log_fd_limit()

    async def _start_redirect(self, port: int, target: int) -> None:
        redirect = HttpsRedirect(self.aiohttp_path.pipeline, self.connections, target)
        self._redirect = Listener(
            redirect.new_engine(),
            self._settings.host,
            port,
            self.connections,
            reuse_port=self._settings.reuse_port,
        )
        try:
            await self._redirect.start()
        except BaseException:
            await self.stop()
            raise

    def _new_fast_path(self, route: web.AbstractRoute) -> FastPath:
        parts = self._configured
        return FastPath(
            kernel=parts.aiohttp_path.kernel,
            pipeline=parts.pipeline,
            bodies=parts.decoder,
            writer=parts.writer,
            sender=parts.sender,
            engine=self.engine,
            route=route,
            native_paths=self.native_paths.routes,
            body_limit=self._settings.body_limit,
            rewriting=self.rewriting,
            logs_access=self.access_log is not None,
        )

    def _policies(self) -> list[HeaderPolicy]:
        """The policies that add headers to every response, in this order."""
        policies: list[HeaderPolicy] = []
        if self._settings.origins:
            policies.append(self.cors)
        if self._settings.security_headers:
            policies.append(SecurityHeaders(self.forwarded, SERVER_SOFTWARE))
        return policies

    def add_header_signals(self, engine: web.Application, *, with_ids: bool = True) -> None:
        """Add the headers of the settings to every response of *engine*.

        Without *with_ids*, `AiohttpPath.track` and `ResponseSender` add the ids.
        """
        engine.on_response_prepare.extend(header_signal(policy) for policy in self._policies())
        if with_ids and self.ids.name is not None:
            engine.on_response_prepare.append(self.ids.on_prepare)

    @property
    def in_flight(self) -> "set[asyncio.Task[Any]]":
        """The tasks of the requests whose responses have not been sent."""
        fast = () if self._fast_path is None else self._fast_path.running()
        return self.connections.in_flight.union(fast)

    @property
    def figures(self) -> Mapping[str, int]:
        """Open connections, and requests in flight."""
        return {"connections": self.connections.quota.used, "requests": len(self.in_flight)}

    async def drain(self) -> None:
        if self._listener is None:
            return
        if self._redirect is not None:
            await self._redirect.stop_accepting()
        sender = self._configured.sender
        sender.is_draining = True
        await self._listener.stop_accepting()
        await self._websockets.drain()
        sender.end_endless_streams()
        await self._listener.wait_for_clients(self.keepalive_grace)
        while running := self.in_flight:
            await asyncio.wait(running)

    def _is_port_closing(self) -> bool:
        return self._share is None or self._share.port.is_stopping

    async def stop(self) -> None:
        listeners = self._redirect, self._listener
        self._redirect = self._listener = None
        await self._websockets.stop()
        for listener in listeners:
            if listener is not None:
                await listener.close()

    @property
    def aiohttp_path(self) -> AiohttpPath:
        """The handler of all requests that are not on the fast path."""
        return self._configured.aiohttp_path


@attrs.frozen(eq=False, kw_only=True)
class _Parts:
    """The parts that `HttpServer.configure` creates."""

    pipeline: HttpPipeline
    decoder: BodyDecoder
    writer: ResponseWriter
    sender: ResponseSender
    aiohttp_path: AiohttpPath
