"""The fast lane: requests that have arrived whole, answered with one write.

aiohttp's own handler costs more than the kernel. What is common and simple goes past it, over
aiohttp's parser; all else goes through it, with the very same bytes.
"""

import asyncio
import logging
import sys
from collections.abc import Awaitable, Callable, Collection
from contextvars import copy_context
from functools import partial
from time import perf_counter
from typing import Any, Protocol

import attrs
from aiohttp import HttpVersion11, hdrs, web

from rxkernel.kernel.kernel import Kernel
from rxkernel.kernel.scopes import current_request
from rxkernel.messages.connection import ClientAddress
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
from rxkernel.servers.access_log import GONE, Access
from rxkernel.servers.aiohttp.access_log import EARLIER, HttpAccess
from rxkernel.servers.aiohttp.exchange import Exchange
from rxkernel.servers.aiohttp.framing import Line, Message
from rxkernel.servers.aiohttp.hosts import HostPolicy
from rxkernel.servers.aiohttp.lane_native import LaneNative
from rxkernel.servers.aiohttp.prepared import Prepared
from rxkernel.servers.aiohttp.proxies import ForwardedBy
from rxkernel.servers.aiohttp.request_ids import RequestIds
from rxkernel.servers.aiohttp.requests import Bodies, add_path, read_head

logger = logging.getLogger(__name__)

_METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"))
"""OPTIONS may be a browser's question, and the rest is refused: both in the other lane."""

_NOT_WRITTEN = (StreamResponse, EventStreamResponse, FileResponse)

Deliver = Callable[[web.Request, Exchange, Response], Awaitable[web.StreamResponse]]


class LaneLine(Line, Protocol):
    """A connection, as its requests in the lane see it."""

    def write(self, data: bytes) -> bool:
        """Send *data*; False when the client has left."""

    peer: ClientAddress | None
    """Who is connected; it may be a proxy."""

    is_full: bool
    """Whether the client has to take something before more is sent."""

    async def drained(self) -> None:
        """Wait until it is full no more; `ConnectionError` when the client left before."""

    def stop(self) -> "asyncio.Task[Any] | None":
        """Begin nothing more. The task of a request that the lane still runs is returned."""

    def ran(self, exchange: "LaneExchange") -> None:
        """The task of *exchange* has nothing more to do."""

    def hand_over(self, exchange: "LaneExchange") -> None:
        """Give the message of *exchange* to aiohttp, whose handler then calls its `deliver`."""


@attrs.define(eq=False, kw_only=True)
class FastLane:
    """What all requests of one port share.

    Attributes:
        not_awaited: the paths of native routes.
        deliver: writes an answer through aiohttp.
        route: the one that aiohttp finds for every path that is not native.
        is_draining: whether each answer is the last of its connection.
        context: what every request begins with.
        lines: the open connections.
    """

    kernel: Kernel
    engine: web.Application
    route: web.AbstractRoute
    bodies: Bodies
    body_limit: int
    prefix: str
    not_awaited: Collection[str]
    hosts: HostPolicy
    proxies: ForwardedBy
    ids: RequestIds
    prepared: Prepared
    access_log: HttpAccess | None
    deliver: Deliver
    is_draining: bool = False
    context: Any = attrs.field(factory=copy_context, init=False)
    lines: "set[LaneLine]" = attrs.field(factory=set, init=False)
    loop: asyncio.AbstractEventLoop = attrs.field(factory=asyncio.get_running_loop, init=False)
    _is_ours: dict[HttpDefinition, bool] = attrs.field(factory=dict, init=False)

    def enter(self, line: LaneLine, message: Message) -> "LaneExchange | None":
        """The exchange that answers *message*; None where that is aiohttp's."""
        try:
            found = self._find(message)
            return None if found is None else self._exchange(line, message, *found)
        except Exception:  # aiohttp's lane meets it too, and tells
            return None

    def _exchange(
        self,
        line: LaneLine,
        message: Message,
        definition: HttpDefinition,
        values: dict[str, object],
    ) -> "LaneExchange":
        client = line.peer
        if self.proxies.are_any:
            client = self.proxies.client_behind(client, message)
        request = read_head(message, client)
        name = self.ids.name
        if name is not None and name in request.headers:
            request.id = self.ids.given(request.headers)
        request.route_name = definition.name
        if values:
            add_path(request, values)
        return LaneExchange(request, self, line, message, definition)

    def _find(self, message: Message) -> tuple[HttpDefinition, dict[str, object]] | None:
        parsed = message.parsed
        headers, path = parsed.headers, parsed.url.raw_path
        if (
            parsed.method not in _METHODS
            or parsed.path[0] != "/"
            or parsed.version[0] != 1
            or hdrs.EXPECT in headers
            or hdrs.CONTENT_ENCODING in headers
            or path in self.not_awaited
            or ("%" in path and parsed.url.path in self.not_awaited)
            or (not message.body and hdrs.CONTENT_LENGTH in headers)  # an empty form, perhaps
            or (message.body and "multipart" in headers.get(hdrs.CONTENT_TYPE, "").lower())
        ):
            return None
        if prefix := self.prefix:
            if path != prefix and not path.startswith(prefix + "/"):
                return None
            path = path[len(prefix) :] or "/"
        if not self.hosts.is_open:
            self.hosts.check(message)
        found = self.kernel.http_router.match(parsed.method, path)
        definition = found[0]
        is_ours = self._is_ours.get(definition)
        if is_ours is None:
            is_ours = self._is_ours[definition] = not definition.signature.is_streamed
        return found if is_ours else None

    def run(self, exchange: "LaneExchange") -> "asyncio.Task[web.StreamResponse | None]":
        """Begin: a task like any other, which may be done already."""
        return _task(exchange.run(), loop=self.loop, context=self.context.copy())

    def native(self, handler: web.RequestHandler, message: Message) -> web.Request:
        """aiohttp's request for *message*, which runs in the current task."""
        return LaneNative(message, handler, self.engine, self.route, self.body_limit)

    async def close(self, patience: float) -> None:
        """Let what runs end within *patience* seconds, and take nothing more."""
        self.is_draining = True
        running = [task for line in tuple(self.lines) if (task := line.stop()) is not None]
        if running:
            _, late = await asyncio.wait(running, timeout=patience)
            for task in late:
                task.cancel()

    def can_write(self, response: Response, definition: HttpDefinition) -> bool:
        """Whether the lane can; a route that gave a stream or a file is left to aiohttp, since
        reading a request twice costs more than aiohttp alone."""
        if isinstance(response, _NOT_WRITTEN):
            self._is_ours[definition] = False
            return False
        return True


class LaneExchange(Exchange):
    """A request in the lane.

    ``keeps`` tells whether its connection goes on; ``is_given`` that aiohttp delivers its answer.
    """

    keeps = False
    is_given = False
    task: "asyncio.Task[web.StreamResponse | None] | None" = None
    _started = 0.0
    _claimed: "asyncio.Future[web.Request] | None" = None

    def __init__(
        self,
        request: Request,
        lane: FastLane,
        line: LaneLine,
        message: Message,
        definition: HttpDefinition,
    ) -> None:
        super().__init__(lane.kernel, request)
        self.lane = lane
        self.line = line
        self.message = message
        self.definition = definition

    async def run(self) -> web.StreamResponse | None:
        """Answer; what `deliver` returns is returned, None where the lane has written it."""
        lane, message, request, line = self.lane, self.message, self.request, self.line
        try:
            if lane.access_log is not None:
                self._started = perf_counter()
            current_request.set(request)
            request.make_native = message.native
            response = await self._respond() if message.body else None
            if response is None:
                response = await self.kernel.answer(self.definition, request)
            if type(response) is not Response and not lane.can_write(response, self.definition):
                return await self._leave_to_aiohttp(response)
            id = request.id if lane.ids.name is not None else ""
            try:
                if data := self._usual(response, id):
                    status = response.status_code
                else:
                    status, data = await lane.prepared.any(message, response, id, keeps=self.keeps)
            except Exception:  # which aiohttp's lane meets too, and answers
                return await self._leave_to_aiohttp(response)
            self.response = response
            is_sent = line.write(data)
            if line.is_full and is_sent:
                is_sent = await self._drain()
            if not is_sent:
                self.keeps = False
            if lane.access_log is not None:
                self._log(status if is_sent else GONE, len(data) if is_sent else None)
        except asyncio.CancelledError:
            self.keeps = False
            raise
        except Exception:
            self.keeps = False
            logger.exception("a request cannot be answered")
        finally:
            line.ran(self)
        return None

    async def _respond(self) -> Response | None:
        """The error that the body makes of it, if it does."""
        try:
            self.lane.bodies.take(self.message.body, self.request, self.definition)
        except Exception as exc:
            return await self.kernel.fail(self.request, exc)
        return None

    def _usual(self, response: Response, id: str) -> bytes | None:
        lane, parsed = self.lane, self.message.parsed
        self.keeps = keeps = not (parsed.should_close or lane.is_draining)
        if not keeps or parsed.version != HttpVersion11 or parsed.method == "HEAD":
            return None
        return lane.prepared.usual(self.message, response, id)

    async def _drain(self) -> bool:
        try:
            await self.line.drained()
        except ConnectionError:
            return False
        return True

    def _log(self, status: int, size: int | None) -> None:
        message, request = self.message, self.request
        assert self.lane.access_log is not None
        if self.lane.access_log.isEnabledFor(logging.INFO):
            Access(
                transport=Transport.HTTP,
                method=message.method,
                path=message.rel_url.raw_path,
                route=request.route_name,
                status=status,
                duration=self.elapsed(),
                size=size,
                client=request.client,
                request_id=request.id,
                user_agent=message.headers.get("User-Agent"),
            ).write()

    def elapsed(self) -> float:
        """Seconds since it began; for the access log."""
        return perf_counter() - self._started

    # --- an answer that only aiohttp can write

    async def _leave_to_aiohttp(self, response: Response) -> web.StreamResponse | None:
        """Deliver *response* in this very task, so that all that it is made of stays in it."""
        self._claimed = asyncio.get_running_loop().create_future()
        self.line.hand_over(self)
        try:
            native = await self._claimed
        except ConnectionError:
            await close_source(response)
            if self.lane.access_log is not None:
                self._log(GONE, None)
            return None
        return await self.lane.deliver(native, self, response)

    async def give(self, native: web.Request) -> web.StreamResponse:
        """What aiohttp is to end *native* with, which is the same request."""
        assert self._claimed is not None
        assert self.task is not None
        self.is_given = True
        self.request.native = native
        native[EARLIER] = self.elapsed()
        self._claimed.set_result(native)
        out = await self.task
        assert out is not None
        return out

    def lose(self) -> None:
        """The client has left before aiohttp has begun."""
        if self._claimed is not None and not self._claimed.done():
            self._claimed.set_exception(ConnectionResetError("the client has left"))


if sys.version_info >= (3, 12):
    _task = partial(asyncio.Task, eager_start=True)
else:
    _task = asyncio.Task
