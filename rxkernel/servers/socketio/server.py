"""The Socket.IO server: events become requests, responses become acknowledgements."""

import asyncio
import logging
from collections.abc import Awaitable, Coroutine, Mapping
from contextvars import Context
from functools import partial
from time import perf_counter
from typing import Any, TypeVar

from multidict import CIMultiDict

from rxkernel.events.dispatcher import AsyncEventDispatcher
from rxkernel.exceptions import (
    ForbiddenException,
    NotFoundException,
    ServiceUnavailableException,
)
from rxkernel.kernel.contexts import start
from rxkernel.kernel.errors import failure_of
from rxkernel.kernel.kernel import Kernel
from rxkernel.kernel.scopes import close_connection, current_connection
from rxkernel.messages.connection import Broadcaster
from rxkernel.messages.request import Request
from rxkernel.messages.request_id import event_request_id, given_request_id
from rxkernel.messages.response import Response
from rxkernel.messages.transport import Transport
from rxkernel.routing.definitions import WebSocketDefinition
from rxkernel.servers.aiohttp.listener import Listener, new_engine
from rxkernel.servers.aiohttp.server import HttpServer
from rxkernel.servers.aiohttp.site import origin_of
from rxkernel.servers.disconnect_reason import DisconnectReason
from rxkernel.servers.events import ConnectionEvent, ServerEvents
from rxkernel.servers.server import Server
from rxkernel.servers.socketio.access_log import log_socket
from rxkernel.servers.socketio.connection import SocketioConnection
from rxkernel.servers.socketio.engine import Engine
from rxkernel.servers.socketio.limits import Limits
from rxkernel.servers.socketio.outbox import Outgoing
from rxkernel.servers.socketio.packet import (
    encode_acknowledgement,
    encode_invalid_namespace,
    encode_refusal,
    read_auth,
)
from rxkernel.servers.socketio.peer import Peer
from rxkernel.servers.socketio.session import RESTARTING
from rxkernel.servers.socketio.wire import read_arguments
from rxkernel.settings import Settings

logger = logging.getLogger(__name__)

T = TypeVar("T")

_STOPPING = "the server is stopping; try again"

_TAKING = 2.0
"""Seconds in which a client must take something, for stopping to wait for it."""

_NO_EVENTS: Mapping[str, WebSocketDefinition] = {}

_CREDENTIALS = frozenset(("cookie", "authorization"))


class SocketioServer(Server):
    """Answers Socket.IO events with the kernel's definitions.

    ``engine`` is the `socketio.AsyncServer`. It shares the port of *http*, unless it has
    one of its own in the settings.
    """

    name = "socketio"
    transport = Transport.SOCKET
    label = "Socket.IO"

    def __init__(
        self,
        settings: Settings,
        http: HttpServer,
        dispatcher: AsyncEventDispatcher,
        broadcaster: Broadcaster,
    ) -> None:
        self._settings = settings
        self._http = http
        self._dispatcher = dispatcher
        self._broadcaster = broadcaster
        self._kernel: Kernel | None = None
        self._namespaces = {"/", *settings.socketio.namespaces}
        self._listener: Listener | None = None
        self._limits = Limits(settings.socketio)
        self._left: set[SocketioConnection] = set()
        self._jobs: set[asyncio.Task[Any]] = set()
        self._draining = False
        self._id_header = settings.request_id_header
        self._logs_access = settings.logging.access

    @property
    def counts(self) -> Mapping[str, int]:
        """How often each limit was reached, by the name of its setting, and other misuse."""
        return self._limits.counts

    @property
    def host(self) -> str:
        return self._settings.socketio.host or self._http.host

    @property
    def port(self) -> int:
        if self._settings.socketio.port is None:
            return self._http.port
        return self._listener.port if self._listener else self._settings.socketio.port

    def configure(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self._draining = False
        settings = self._settings.socketio
        self._limits = Limits(settings)
        self.engine = Engine(
            limits=self._limits,
            make=self._make,
            connected=self._connected,
            received=self._received,
            disconnected=self._disconnected,
            origins=self._http.origins,
            proxies=self._http.proxies,
            ids=self._http.ids,
            http=self._settings.http,
            ping_interval=settings.ping_interval,
            ping_timeout=settings.ping_timeout,
            max_http_buffer_size=settings.max_payload,
        )
        if settings.port is None:
            self._application = self._http.engine
        else:
            self._application = new_engine(self._settings.http.body_limit)
            self._http.mark_answers_of(self._application)
        self.engine.attach(self._application, socketio_path=settings.path.strip("/"))
        self._http.native_paths.long_lived.add(f"{settings.path}/")

    async def start(self) -> None:
        if (port := self._settings.socketio.port) is not None:
            self._application.middlewares.insert(0, self._http.tracked)
            self._listener = Listener(self._application, self.host, port, self._http.connections)
            await self._listener.start()
        self._broadcaster.attach(self.engine)

    async def drain(self) -> None:
        self._draining = True
        if self._listener is not None:
            await self._listener.refuse()
            await self._listener.linger()
        mailboxes = [c.mailbox.settle() for c in self.engine.connections.values()]
        await asyncio.gather(*mailboxes)
        while self._jobs:
            await asyncio.wait(self._jobs)
        await self._flushed()

    async def _flushed(self) -> None:
        """Wait until every client has taken what it was sent, as long as one goes on taking."""
        loop, left, since = asyncio.get_running_loop(), 0, 0.0
        while unsent := sum(
            len(s.outbox) for s in self.engine.eio.sockets.values() if s.has_unsent
        ):
            if unsent != left:
                left, since = unsent, loop.time()
            elif loop.time() - since > _TAKING:
                logger.warning("closing clients that did not take %d last packets", unsent)
                return
            await asyncio.sleep(0.01)

    async def stop(self) -> None:
        """Close every transport, without a Socket.IO DISCONNECT: a client that got one would
        not reconnect by itself, and the next process is there for it."""
        self._broadcaster.detach(self.engine)
        connections = (*self.engine.connections.values(), *self._left)
        try:
            await asyncio.gather(
                self.engine.eio.disconnect(code=RESTARTING, reason=DisconnectReason.SHUTDOWN),
                *(connection.mailbox.cancel() for connection in connections),
            )
            await self.engine.shutdown()
            while self._jobs:
                await asyncio.wait(self._jobs)
        finally:
            for job in self._jobs:
                job.cancel()
            listener, self._listener = self._listener, None
            if listener is not None:
                await listener.close()

    def _job(self, work: Coroutine[Any, Any, T], context: Context) -> asyncio.Task[T]:
        """A task that stopping waits for."""
        job = start(work, context)
        self._jobs.add(job)
        job.add_done_callback(self._jobs.discard)
        return job

    def _make(self, peer: Peer, sid: str, namespace: str) -> SocketioConnection:
        native = peer.session.environ["aiohttp.request"]
        connection = SocketioConnection(
            self.engine,
            sid,
            namespace,
            peer.session,
            peer.gate,
            headers=self._headers(native),
            query=native.query,
            client=peer.session.client,
            site=origin_of(native, self._http.proxies),
        )
        connection.request_id = given_request_id(connection.headers, self._id_header)
        return connection

    def _headers(self, native: Any) -> Mapping[str, str]:
        """Those of the handshake, without cookies where a page may not send them."""
        headers: Mapping[str, str] = native.headers
        if self._http.origins.trusts(native):
            return headers
        return CIMultiDict((k, v) for k, v in headers.items() if k.lower() not in _CREDENTIALS)

    async def _connected(self, connection: SocketioConnection, auth: Any) -> Outgoing | None:
        if not self._serves(connection.namespace):
            if self._logs_access:
                request = self._request(connection, "CONNECT")
                log_socket("CONNECT", request, Response(None, 404))
            return encode_invalid_namespace(connection.namespace)
        return await self._job(self._decide(connection, auth), connection.context)

    def _serves(self, namespace: str) -> bool:
        assert self._kernel is not None
        return namespace in self._namespaces or namespace in self._kernel.compiled.events

    async def _decide(self, connection: SocketioConnection, auth: Any) -> Outgoing | None:
        assert self._kernel is not None
        request = self._request(connection, "CONNECT")
        current_connection.set(connection)
        if self._kernel.extract is not None:
            self._kernel.extract(connection.headers)
        try:
            if self._draining:
                raise ServiceUnavailableException(_STOPPING)
            connection.auth = read_auth(auth)
            event = ConnectionEvent(connection, self)
            await self._dispatcher.dispatch(ServerEvents.CONNECTED, event)
            if connection.is_dropped:
                raise ForbiddenException("disconnected before it was connected")
        except asyncio.CancelledError as exc:
            await close_connection(connection, exc)
            raise
        except BaseException as exc:
            failure = failure_of(exc)
            try:
                return await self._refusal(request, failure)
            finally:
                await close_connection(connection, failure)
                del failure  # its traceback holds this frame
        if self._logs_access:
            log_socket("CONNECT", request, Response())
        return None

    async def _refusal(self, request: Request, exc: Exception) -> Outgoing:
        assert self._kernel is not None
        assert request.connection is not None
        response: Response | None = None
        size: int | None = None
        try:
            response = await self._kernel.fail(request, exc)
            marks = self._marks(request)
            encode = partial(encode_refusal, request.connection.namespace, marks=marks)
            response, refusal = await self._kernel.encoded(request, response, encode)
            size = refusal.size
        finally:
            self._kernel.terminate(request, response, size=size)
        if self._logs_access:
            log_socket("CONNECT", request, response, size)
        return refusal

    async def _disconnected(
        self, connection: SocketioConnection, reason: DisconnectReason
    ) -> None:
        self._left.add(connection)
        await self._job(self._dismiss(connection, reason), connection.context)
        self._job(self._close_services(connection), connection.context)

    async def _dismiss(self, connection: SocketioConnection, reason: DisconnectReason) -> None:
        current_connection.set(connection)
        try:
            event = ConnectionEvent(connection, self, reason)
            await self._dispatcher.dispatch(ServerEvents.DISCONNECTED, event)
        except asyncio.CancelledError:
            raise
        except BaseException as exc:
            failure = failure_of(exc)
            logger.error("a listener of %s failed", ServerEvents.DISCONNECTED, exc_info=failure)

    async def _close_services(self, connection: SocketioConnection) -> None:
        """Behind the events that were read before the client left: they may use them."""
        try:
            await connection.mailbox.settle()
        finally:
            self._left.discard(connection)
            await close_connection(connection)

    def _received(
        self, connection: SocketioConnection, ack: int | None, data: list[Any]
    ) -> Awaitable[None] | None:
        in_time = not self._draining
        held = connection.mailbox.put(partial(self._serve, connection, ack, data, in_time))
        if held is not None:
            what = f"{connection.session.sid} is not read until there is room for its events"
            self._limits.record("socketio.max_waiting", what)
        return held

    async def _serve(
        self, connection: SocketioConnection, ack: int | None, data: list[Any], in_time: bool
    ) -> None:
        """One event, from its arguments to its acknowledgement; a task of its own."""
        assert self._kernel is not None
        request = self._request(connection, data[0])
        self._kernel.begin(request)
        response: Response | None = None
        size: int | None = None
        try:
            response = await self._answer(self._kernel, connection, request, data, in_time)
            # A stream is a mistake of the action, also where no acknowledgement is asked for.
            if ack is not None or response.is_streamed:
                namespace, id, marks = connection.namespace, ack or 0, self._marks(request)
                try:
                    encoded = encode_acknowledgement(namespace, id, response, marks)
                except Exception:  # most responses can be encoded, and skip this call
                    encode = partial(encode_acknowledgement, namespace, id, marks=marks)
                    response, encoded = await self._kernel.encoded(request, response, encode)
                if ack is not None:
                    size = encoded.size
                    connection.acknowledge(encoded)
        except Exception:
            logger.exception("event %.100r could not be answered", data[0])
        finally:
            if self._logs_access:
                log_socket("EVENT", request, response, size)
            self._kernel.terminate(request, response, size=None if connection.is_ended else size)

    def _request(self, connection: SocketioConnection, name: str) -> Request:
        return Request(
            Transport.SOCKET,
            connection.headers,
            url=name,
            connection=connection,
            client=connection.client,
            id=event_request_id(connection.request_id),
            received_at=perf_counter(),
        )

    def _marks(self, request: Request) -> Mapping[str, str]:
        """The headers that every acknowledgement and every refusal carries."""
        return {} if self._id_header is None else {self._id_header: request.id}

    @staticmethod
    def _answer(
        kernel: Kernel,
        connection: SocketioConnection,
        request: Request,
        data: list[Any],
        in_time: bool,
    ) -> Awaitable[Response]:
        try:
            if not in_time:
                raise ServiceUnavailableException(_STOPPING)
            events = kernel.compiled.events.get(connection.namespace, _NO_EVENTS)
            definition = events.get(data[0])
            if definition is None:
                message = f"no event {data[0][:100]!r} in namespace {connection.namespace}"
                raise NotFoundException(message, code="unknown_event")
            request.route_name = definition.name
            request.params, request.body = read_arguments(data)
        except Exception as exc:
            return kernel.fail(request, exc)
        return kernel.answer(definition, request)
