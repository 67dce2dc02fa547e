"""The fast path: requests that have arrived whole, answered with one write.

aiohttp's own handler costs more than the kernel. What is common and simple goes past it, over
aiohttp's parser; all else goes through it, with the very same bytes.
"""

import asyncio
import logging
from collections.abc import Coroutine
from contextvars import copy_context
from time import perf_counter
from typing import Any, Protocol

import attrs
from aiohttp import HttpVersion11, hdrs, web
from multidict import CIMultiDictProxy

from rxkernel.kernel.errors import log_failure
from rxkernel.kernel.kernel import Kernel
from rxkernel.kernel.route import Handle
from rxkernel.kernel.scopes import current_request
from rxkernel.messages.connection import ClientAddress
from rxkernel.messages.request import Request
from rxkernel.messages.response import Response, close_source
from rxkernel.messages.transport import Transport
from rxkernel.routing.definitions import HttpDefinition
from rxkernel.servers.access_log import GONE, log_access
from rxkernel.servers.aiohttp.connection.access_log import EARLIER
from rxkernel.servers.aiohttp.fast_path.context import METHODS, Lane
from rxkernel.servers.aiohttp.fast_path.framing import Line, Message
from rxkernel.servers.aiohttp.fast_path.native_request import FastPathNative
from rxkernel.servers.aiohttp.response.exchange import Exchange
from rxkernel.servers.http.request_factory import below, new_request
from rxkernel.servers.http.response_writer import body_size

logger = logging.getLogger(__name__)

Sent = web.StreamResponse | None
"""What aiohttp has sent; None where the lane has, or nobody could."""


class FastPathHandle(Line, Protocol):
    """A connection, as its requests in the lane see it."""

    peer: ClientAddress | None
    """Who is connected; it may be a proxy."""

    task: "asyncio.Task[Sent] | None"
    """The request that the lane runs, None while it runs none."""

    is_full: bool
    """Whether the client has to take something before more is sent."""

    def write(self, data: bytes) -> bool:
        """Send *data*; False when the client has left."""

    async def drained(self) -> None:
        """Wait until it is full no more; `ConnectionError` when the client left before."""

    def stop(self) -> None:
        """Begin nothing more."""

    def ran(
        self, request: Request, response: Response | None, keeps: bool, size: int | None
    ) -> None:
        """The lane has nothing more to do for *request*; the connection *keeps* going, or not.
        *size* is that of the body that was sent."""

    def hand_over(self, message: Message, handover: "DeferredExchange") -> None:
        """Give *message* to aiohttp, whose handler then claims *handover*."""


@attrs.define(eq=False, kw_only=True)
class FastPath(Lane):
    """Past aiohttp's handler.

    Attributes:
        context: what every request begins with.
        lines: the open connections.
    """

    context: Any = attrs.field(factory=copy_context, init=False)
    lines: "set[FastPathHandle]" = attrs.field(factory=set, init=False)
    _handles: dict[HttpDefinition, Handle | None] = attrs.field(factory=dict, init=False)

    def enter(self, line: FastPathHandle, message: Message) -> Coroutine[Any, Any, Sent] | None:
        """What answers *message*; None, or any exception, where that is aiohttp's.

        Every request comes this way, so all is written out: each call counts.
        """
        parsed, body = message.parsed, message.body
        method, target, headers = parsed.method, parsed.path, parsed.headers
        if (
            method not in METHODS
            or target[0] != "/"
            or parsed.version[0] != 1
            or hdrs.EXPECT in headers
            or (_is_odd(headers) if body else hdrs.CONTENT_LENGTH in headers)
        ):  # without a body, a length may be that of an empty form
            return None
        has_query = "?" in target or "#" in target
        path = parsed.url.raw_path if has_query else target
        if path in self.not_awaited or ("%" in path and parsed.url.path in self.not_awaited):
            return None
        if not self.hosts.is_open:
            self.hosts.check(message)
        if self.prefix:
            path = below(self.prefix, path)
        definition, values = self.kernel.compiled.http_router.match(method, path, message)
        try:
            handle = self._handles[definition]
        except KeyError:
            handle = self._handles[definition] = self._handle(definition)
        if handle is None:
            return None
        client = line.peer
        if self.proxies.are_any:
            client = self.proxies.client_behind(client, message)
        request = new_request(self.ids, method, target, parsed.url, headers, client, values)
        request.make_native = message.native
        return self._answer(line, message, request, definition, handle)

    def forget_definitions(self) -> None:
        """The kernel serves others now."""
        self._handles.clear()

    def _handle(self, definition: HttpDefinition) -> Handle | None:
        return None if definition.signature.is_streamed else self.kernel.handle_of(definition)

    async def _answer(
        self,
        line: FastPathHandle,
        message: Message,
        request: Request,
        definition: HttpDefinition,
        handle: Handle,
    ) -> Sent:
        answered: Response | None = None
        sent: int | None = None
        keeps = False
        request.received_at = perf_counter()  # as `Kernel.begin`
        current_request.set(request)
        if self.kernel.extract is not None:
            self.kernel.extract(request.headers)
        try:
            response: Response | None = None
            if message.body:
                try:
                    self.bodies.take(message.body, request, definition)
                except Exception as exc:
                    request.route_name = definition.name
                    response = await self.kernel.fail(request, exc)
            if response is None:
                try:
                    response = await handle(request, False)
                except BaseException as exc:
                    response = await self.kernel.recover(definition, request, exc)
            if type(response) is not Response and response.is_streamed:
                # its route is left to aiohttp from now on: handing over costs more than that
                self._handles[definition] = None
                answered = response
                return await self._hand_over(line, message, request, response)
            parsed, prepared = message.parsed, self.prepared
            goes_on = not (parsed.should_close or self.delivery.is_draining)
            status, data = 0, None
            try:
                if goes_on and parsed.version == HttpVersion11 and parsed.method != "HEAD":
                    data = prepared.usual(request, response)
                if data is None:
                    status, data = await prepared.any(message, request, response, goes_on)
            except Exception as exc:  # which aiohttp's lane meets too, and answers
                answered = response
                return await self._hand_over(line, message, request, response, exc)
            answered = response
            size = len(data)
            if message.made is not None and (written := message.made.writer.output_size):
                goes_on, data, size = False, b"", written  # the action has answered by itself
            is_sent = line.write(data)
            if line.is_full and is_sent:
                is_sent = await _is_drained(line)
            if self.access_log is not None:
                status = (status or response.status_code) if is_sent else GONE
                _log(message, request, status, size if is_sent else None)
            if definition.pipeline.has_finishers and is_sent and data:
                sent = body_size(data)
            keeps = goes_on and is_sent
        except asyncio.CancelledError:
            raise
        except Exception:
            logger.exception("a request cannot be answered")
        finally:
            line.ran(request, answered, keeps, sent)
        return None

    async def _hand_over(
        self,
        line: FastPathHandle,
        message: Message,
        request: Request,
        response: Response,
        failure: Exception | None = None,
    ) -> Sent:
        """Deliver *response* through aiohttp, but in this very task, so that all that it is made
        of stays in it; *failure* is why the lane cannot."""
        handover = DeferredExchange(self.kernel, request, message.made)
        line.hand_over(message, handover)
        try:
            native = await handover.native
        except (ConnectionError, asyncio.CancelledError) as exc:
            await close_source(response)
            if failure is not None:
                log_failure(request, failure)
            if self.access_log is not None:
                _log(message, request, GONE, None)
            if isinstance(exc, asyncio.CancelledError):
                raise
            return None
        return await self.delivery.deliver(native, handover, response)

    def native(self, handler: web.RequestHandler, message: Message) -> web.Request:
        """aiohttp's request for *message*, which runs in the current task."""
        return FastPathNative.of(message, handler, self.engine, self.route, self.body_limit)

    # --- the end of the server

    def running(self) -> "list[asyncio.Task[Sent]]":
        """The requests that the lane runs now."""
        return [line.task for line in self.lines if line.task is not None]

    async def close(self, patience: float) -> None:
        """Let what runs end within *patience* seconds, and take nothing more."""
        self.delivery.is_draining = True
        for line in tuple(self.lines):
            line.stop()
        if running := self.running():
            _, late = await asyncio.wait(running, timeout=patience)
            for task in late:
                task.cancel()


class DeferredExchange(Exchange):
    """A request that the lane has run, and whose answer only aiohttp can send.

    ``native`` is aiohttp's request for it, once there is one; ``is_given`` says whether there is.
    """

    is_given = False

    def __init__(self, kernel: Kernel, request: Request, made: web.Request | None) -> None:
        super().__init__(kernel, request)
        self._made = made
        self.native: asyncio.Future[web.Request] = asyncio.get_running_loop().create_future()
        self.runner = asyncio.current_task()

    async def give(self, native: web.Request) -> web.StreamResponse:
        """What aiohttp is to end *native* with, which is the same request."""
        assert self.runner is not None
        if self._made is not None:
            native.update(self._made)  # what has been left there
        self.request.native = native
        native[EARLIER] = perf_counter() - self.request.received_at
        self.native.set_result(native)
        self.is_given = True
        out: web.StreamResponse = await self.runner
        return out

    @property
    def is_lost(self) -> bool:
        """Whether aiohttp comes too late for it: it has been ended and logged."""
        return self.native.done()

    def lose(self) -> None:
        """The client has left, or the task was cancelled, before aiohttp has begun."""
        if not self.native.done():
            self.native.set_exception(ConnectionResetError("the client has left"))


def _is_odd(headers: CIMultiDictProxy[str]) -> bool:
    """Whether a body of which these are the headers is compressed, or multipart."""
    return (
        hdrs.CONTENT_ENCODING in headers
        or "multipart" in headers.get(hdrs.CONTENT_TYPE, "").lower()
    )


async def _is_drained(line: FastPathHandle) -> bool:
    try:
        await line.drained()
    except ConnectionError:
        return False
    return True


def _log(message: Message, request: Request, status: int, size: int | None) -> None:
    log_access(
        transport=Transport.HTTP,
        method=message.method,
        path=message.rel_url.raw_path,
        route=request.route_name,
        status=status,
        duration=perf_counter() - request.received_at,
        size=size,
        client=request.client,
        request_id=request.id,
        user_agent=message.headers.get("User-Agent"),
    )
