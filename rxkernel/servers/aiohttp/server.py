"""The HTTP server: one catch-all handler, the kernel's own router, native routes beside it."""

import asyncio
import logging
from typing import Any

import attrs
from aiohttp import web
from aiohttp.typedefs import Handler

from rxkernel.exceptions import (
    ForbiddenException,
    MethodNotAllowedException,
    NotFoundException,
)
from rxkernel.kernel.errors import error_response
from rxkernel.kernel.kernel import Kernel
from rxkernel.kernel.scopes import current_request
from rxkernel.messages.request import Request
from rxkernel.messages.response import (
    EventStreamResponse,
    FileResponse,
    Response,
    StreamResponse,
    close_source,
)
from rxkernel.messages.transport import Transport
from rxkernel.routing.definitions import HttpDefinition
from rxkernel.servers.aiohttp.access_log import HttpAccess
from rxkernel.servers.aiohttp.bodies import leave, leave_to_body
from rxkernel.servers.aiohttp.compression import Compression
from rxkernel.servers.aiohttp.files import file_response
from rxkernel.servers.aiohttp.listener import Listener
from rxkernel.servers.aiohttp.origins import OriginPolicy, is_preflight
from rxkernel.servers.aiohttp.outlet import SlowClientError
from rxkernel.servers.aiohttp.proxies import ForwardedBy
from rxkernel.servers.aiohttp.request_ids import RequestIds
from rxkernel.servers.aiohttp.requests import Bodies, add_path, read_head
from rxkernel.servers.aiohttp.responses import is_gone, native_response
from rxkernel.servers.aiohttp.security_headers import SecurityHeaders
from rxkernel.servers.aiohttp.streams import Stream, stream_of
from rxkernel.servers.server import Server
from rxkernel.settings import HttpSettings

logger = logging.getLogger(__name__)


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

    def __init__(self, settings: HttpSettings, *, logs_access: bool = False) -> None:
        self.proxies = ForwardedBy(settings.trusted_proxies)
        self.ids = RequestIds(settings.request_id_header)
        self.access_log = HttpAccess(self.ids, self.proxies) if logs_access else None
        self.origins = OriginPolicy(settings, self.proxies)
        self._settings = settings
        self._compression = (
            Compression(settings.compression_minimum) if settings.compression else None
        )
        self._kernel: Kernel | None = None
        self._listener: Listener | None = None
        self.not_awaited: set[str] = set()
        self._requests: set[asyncio.Task[Any]] = set()
        self._event_streams: set[Stream] = set()
        self._draining = False

    @property
    def host(self) -> str:
        return self._settings.host

    @property
    def port(self) -> int:
        return self._listener.port if self._listener else self._settings.port

    def configure(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self._bodies = Bodies(self._settings)
        self._draining = False
        self.engine = web.Application(client_max_size=self._settings.body_limit)

    async def start(self) -> None:
        self.mark_answers_of(self.engine, with_ids=self._has_native_parts)
        self.engine.middlewares.insert(0, self._tracked)
        self.engine.router.add_route(
            "*", r"/{path:[\s\S]*}", self._handle, expect_handler=leave_to_body
        )
        self._listener = Listener(
            self.engine,
            self._settings.host,
            self._settings.port,
            keepalive_timeout=self._settings.keepalive_timeout,
            reuse_port=self._settings.reuse_port,
            access_log=self.access_log,
        )
        await self._listener.start()

    @property
    def _has_native_parts(self) -> bool:
        """Whether there are routes or middleware that may write an answer by themselves."""
        paths = {resource.canonical for resource in self.engine.router.resources()}
        return bool(self.engine.middlewares) or not paths <= self.not_awaited

    def mark_answers_of(self, engine: web.Application, *, with_ids: bool = True) -> None:
        """Have every answer of *engine* carry the headers that the settings ask for.

        Not *with_ids*: `_tracked` and `_stream` see to them.
        """
        if self._settings.origins:
            engine.on_response_prepare.append(self.origins.mark)
        if self._settings.security_headers:
            engine.on_response_prepare.append(SecurityHeaders(self.proxies).mark)
        if with_ids and self.ids.name is not None:
            engine.on_response_prepare.append(self.ids.mark)

    async def drain(self) -> None:
        if self._listener is None:
            return
        self._draining = True
        await self._listener.refuse()
        for stream in tuple(self._event_streams):
            stream.end()
        await self._listener.linger()
        while self._requests:
            await asyncio.wait(self._requests)

    async def stop(self) -> None:
        listener, self._listener = self._listener, None
        if listener is not None:
            await listener.close()

    @web.middleware
    async def _tracked(self, native: web.Request, handler: Handler) -> web.StreamResponse:
        """aiohttp has one task per request, which ends when the answer has been written."""
        task = asyncio.current_task()
        if task is not None and native.path not in self.not_awaited:
            self._requests.add(task)
            task.add_done_callback(self._requests.discard)
        try:
            out = await handler(native)
        except web.HTTPException as exc:
            self.ids.write(native, exc)
            raise
        if not out.prepared:
            self.ids.write(native, out)
        is_last = self._draining and native.path not in self.not_awaited
        if is_last or native.content.exception() is not None:
            out.force_close()
        return out

    async def _handle(self, native: web.Request) -> web.StreamResponse:
        assert self._kernel is not None
        exchange = _Exchange(self._kernel, read_head(native, self.proxies.client(native)))
        exchange.request.id = self.ids.given(native)
        current_request.set(exchange.request)
        task = asyncio.current_task()
        assert task is not None
        task.add_done_callback(exchange.end)
        try:
            response = await self._answer(self._kernel, native, exchange.request)
            return await self._deliver(native, exchange, response)
        except ConnectionError:
            logger.debug("client left: %s %r", native.method, native.raw_path[:200])
            return web.Response(status=499)
        finally:
            if not native.content.is_eof():
                leave(native)

    async def _answer(self, kernel: Kernel, native: web.Request, request: Request) -> Response:
        try:
            if is_preflight(native):
                granted = self._preflight(kernel, native)
                return await kernel.respond(request, Response(None, 204, granted))
            definition, values = self._find(kernel, native)
            add_path(request, values)
            await self._bodies.read(native, request, definition)
        except MethodNotAllowedException as exc:
            if native.method == "OPTIONS":
                return await kernel.respond(request, Response(None, 204, exc.headers))
            return await kernel.fail(request, exc)
        except Exception as exc:
            _raise_if_gone(native, exc)
            return await kernel.fail(request, exc)
        return await kernel.answer(definition, request)

    def _preflight(self, kernel: Kernel, native: web.Request) -> dict[str, str]:
        if not self.origins.allows(native):
            raise ForbiddenException("pages of this origin may not call this server")
        methods = kernel.http_router.allowed(self._path(native))
        if not methods:
            raise NotFoundException
        return self.origins.preflight(native, methods)

    def _find(
        self, kernel: Kernel, native: web.Request
    ) -> tuple[HttpDefinition, dict[str, object]]:
        return kernel.http_router.match(native.method, self._path(native))

    def _path(self, native: web.Request) -> str:
        """The path below the prefix."""
        path = native.rel_url.raw_path
        if prefix := self._settings.prefix:
            if path != prefix and not path.startswith(prefix + "/"):
                raise NotFoundException
            path = path[len(prefix) :] or "/"
        return path

    async def _deliver(
        self, native: web.Request, exchange: "_Exchange", response: Response
    ) -> web.StreamResponse:
        """Hand *response* to aiohttp; in place of one that cannot be written goes an error."""
        try:
            return await self._send(native, exchange, response)
        except Exception as exc:
            _raise_if_gone(native, exc)
            response = await exchange.kernel.fail(exchange.request, exc)
        try:
            return await self._send(native, exchange, response)
        except Exception as exc:
            _raise_if_gone(native, exc)
            logger.exception("the error cannot be written either")
            return await self._send(native, exchange, error_response(exc))

    async def _send(
        self, native: web.Request, exchange: "_Exchange", response: Response
    ) -> web.StreamResponse:
        if isinstance(response, StreamResponse | EventStreamResponse):
            out = await self._stream(native, exchange.request, response)
        elif isinstance(response, FileResponse):
            out = await file_response(native, response)
        else:
            out = await native_response(native, response, self._compression)
        exchange.response = response
        return out

    async def _stream(
        self, native: web.Request, request: Request, response: StreamResponse | EventStreamResponse
    ) -> web.StreamResponse:
        timeout = self._settings.send_timeout
        try:
            stream = stream_of(native, response, timeout, self._compression)
        except ValueError:
            await close_source(response)
            raise
        self.ids.write(native, stream.out)
        if stream.endless:
            self._event_streams.add(stream)
            if self._draining:
                stream.end()
        try:
            await stream.send()
        except SlowClientError:
            logger.info("%s: took nothing for %g s, cut off", request.route_name, timeout)
            if native.transport is not None:
                native.transport.abort()
        except Exception as exc:
            if not stream.out.prepared:
                raise
            logger.error("%s broke off while it was sent", request.route_name, exc_info=exc)
            if native.transport is not None:
                native.transport.abort()  # a chunked body without its end: the client can tell
        finally:
            self._event_streams.discard(stream)
        return stream.out


@attrs.define(eq=False)
class _Exchange:
    """A request and what was sent for it, if anything could be."""

    kernel: Kernel
    request: Request
    response: Response | None = None

    def end(self, _: object) -> None:
        """The request's task is done."""
        self.kernel.terminate(self.request, self.response)


def _raise_if_gone(native: web.Request, exc: Exception) -> None:
    """A broken connection to the client is nobody's failure; one to a database is."""
    if isinstance(exc, ConnectionError) and is_gone(native):
        raise exc
