"""The HTTP server: one catch-all handler, the kernel's own router, native routes beside it."""

import asyncio
import logging
from typing import Any

from aiohttp import web

from rxkernel.exceptions import HttpException, MethodNotAllowedException, NotFoundException
from rxkernel.kernel.errors import error_response
from rxkernel.kernel.kernel import Kernel
from rxkernel.kernel.scopes import current_request
from rxkernel.messages.request import Request
from rxkernel.messages.response import EventStreamResponse, Response, StreamResponse
from rxkernel.messages.transport import Transport
from rxkernel.routing.definitions import HttpDefinition
from rxkernel.servers.aiohttp.listener import Listener
from rxkernel.servers.aiohttp.requests import add_path, read_body, read_head
from rxkernel.servers.aiohttp.responses import Stream, native_response
from rxkernel.servers.server import Server
from rxkernel.settings import HttpSettings

logger = logging.getLogger(__name__)


class AiohttpServer(Server):
    """Answers HTTP with the kernel's definitions.

    ``engine`` is the `aiohttp.web.Application`: what a listener of ``server.configure``
    adds to it, routes and middleware, comes before the kernel's.
    """

    name = "aiohttp"
    transport = Transport.HTTP

    def __init__(self, settings: HttpSettings) -> None:
        self._settings = settings
        self._kernel: Kernel | None = None
        self._listener: Listener | None = None
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
        self._draining = False
        self.engine = web.Application(client_max_size=self._settings.body_limit)

    async def start(self) -> None:
        self.engine.router.add_route("*", "/{path:.*}", self._handle)
        self._listener = Listener(
            self.engine,
            self._settings.host,
            self._settings.port,
            keepalive_timeout=self._settings.keepalive_timeout,
            reuse_port=self._settings.reuse_port,
        )
        await self._listener.start()

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

    async def _handle(self, native: web.Request) -> web.StreamResponse:
        assert self._kernel is not None
        request = read_head(native)
        current_request.set(request)
        self._track(asyncio.current_task())
        try:
            response = await self._answer(self._kernel, native, request)
            out = await self._deliver(self._kernel, native, request, response)
        except ConnectionError:
            logger.debug("client left: %s %r", native.method, native.raw_path[:200])
            return web.Response(status=499)
        if self._draining or native.content.exception() is not None:
            out.force_close()
        return out

    def _track(self, task: asyncio.Task[Any] | None) -> None:
        """aiohttp has one task per request; it ends when the answer has been written."""
        assert task is not None
        self._requests.add(task)
        task.add_done_callback(self._requests.discard)

    async def _answer(self, kernel: Kernel, native: web.Request, request: Request) -> Response:
        try:
            definition, values = self._find(kernel, native)
            add_path(request, values)
            await read_body(native, request, self._settings)
        except MethodNotAllowedException as exc:
            if native.method == "OPTIONS":
                return await kernel.respond(request, Response(None, 204, exc.headers))
            return await kernel.fail(request, exc)
        except HttpException as exc:
            return await kernel.fail(request, exc)
        return await kernel.answer(definition, request)

    def _find(
        self, kernel: Kernel, native: web.Request
    ) -> tuple[HttpDefinition, dict[str, object]]:
        path = native.rel_url.raw_path
        if prefix := self._settings.prefix:
            if path != prefix and not path.startswith(prefix + "/"):
                raise NotFoundException
            path = path[len(prefix) :] or "/"
        return kernel.http_router.match(native.method, path)

    async def _deliver(
        self, kernel: Kernel, native: web.Request, request: Request, response: Response
    ) -> web.StreamResponse:
        """Hand *response* to aiohttp; in place of one that cannot be written goes an error."""
        try:
            return await self._send(kernel, native, request, response)
        except ConnectionError:
            raise
        except Exception as exc:
            response = await kernel.fail(request, exc)
        try:
            return await self._send(kernel, native, request, response)
        except ConnectionError:
            raise
        except Exception as exc:
            logger.exception("the error cannot be written either")
            return await self._send(kernel, native, request, error_response(exc))

    async def _send(
        self, kernel: Kernel, native: web.Request, request: Request, response: Response
    ) -> web.StreamResponse:
        if isinstance(response, StreamResponse | EventStreamResponse):
            out = await self._stream(native, request, response)
        else:
            out = await native_response(response)
        task = asyncio.current_task()
        assert task is not None
        task.add_done_callback(lambda _: kernel.terminate(request, response))
        return out

    async def _stream(
        self, native: web.Request, request: Request, response: StreamResponse | EventStreamResponse
    ) -> web.StreamResponse:
        stream = Stream(native, response)
        if stream.endless:
            self._event_streams.add(stream)
        try:
            await stream.send()
        except Exception as exc:
            if not stream.out.prepared:
                raise
            logger.error("%s broke off while it was sent", request.route_name, exc_info=exc)
            if native.transport is not None:
                native.transport.abort()  # a chunked body without its end: the client can tell
        finally:
            self._event_streams.discard(stream)
        return stream.out
