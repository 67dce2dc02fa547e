"""Connections and events of Socket.IO clients, passed to the kernel."""

import asyncio
import logging
from collections.abc import Awaitable, Coroutine, Mapping
from contextvars import Context
from functools import partial
from time import perf_counter
from typing import Any, TypeVar

import socketio
from multidict import MultiDict

from rxkernel.events.dispatcher import AsyncEventDispatcher
from rxkernel.exceptions import NotFoundException, ServiceUnavailableException
from rxkernel.kernel.contexts import start
from rxkernel.kernel.kernel import Kernel
from rxkernel.kernel.scopes import close_connection
from rxkernel.messages.request import Request
from rxkernel.messages.request_id import client_request_id, event_request_id
from rxkernel.messages.response import Response
from rxkernel.messages.transport import Transport
from rxkernel.routing.definitions import WebSocketDefinition
from rxkernel.routing.metadata import ANY_EVENT
from rxkernel.servers.aiohttp.site import origin_of
from rxkernel.servers.connection_lifecycle import ConnectionLifecycle
from rxkernel.servers.disconnect_reason import DisconnectReason
from rxkernel.servers.http.cors import CorsPolicy
from rxkernel.servers.http.forwarded import ForwardedHeaders
from rxkernel.servers.http.handshake_headers import handshake_headers
from rxkernel.servers.server import Server
from rxkernel.servers.socketio.access_log import log_socket
from rxkernel.servers.socketio.backpressure import Pending
from rxkernel.servers.socketio.connection import SocketioConnection
from rxkernel.servers.socketio.encoded_packet import EncodedPacket
from rxkernel.servers.socketio.encoding import (
    encode_acknowledgement,
    encode_connect_error,
    encode_plain,
    encode_rejection,
)
from rxkernel.servers.socketio.packet import Packet
from rxkernel.servers.socketio.payload import read_arguments, read_plain_arguments
from rxkernel.servers.socketio.served_namespaces import INVALID_NAMESPACE, find_namespace
from rxkernel.servers.socketio.session import Session
from rxkernel.servers.socketio.session_limits import SessionLimits
from rxkernel.settings import Settings

logger = logging.getLogger(__name__)

T = TypeVar("T")

_NO_EVENTS: Mapping[str, WebSocketDefinition] = {}

_STOPPING = "the server is stopping; try again"


class ConnectionHandler:
    """Accepts or rejects connections, passes events to the kernel, and ends connections.

    Args:
        server: the ``server`` of connection events.
        origins: the origins of pages whose credentials are accepted.
        forwarded: reads the headers of trusted proxies, which report the address of the server.

    Attributes:
        ended: connections that have ended, but whose events still run.
        serializer: encodes the content that the application sends.
    """

    def __init__(
        self,
        server: Server,
        kernel: Kernel,
        dispatcher: AsyncEventDispatcher,
        limits: SessionLimits,
        settings: Settings,
        *,
        origins: CorsPolicy,
        forwarded: ForwardedHeaders,
    ) -> None:
        self._kernel = kernel
        self.serializer = kernel.serializer
        self._lifecycle = ConnectionLifecycle(kernel, dispatcher, server)
        self._limits = limits
        self._origins = origins
        self._forwarded = forwarded
        self._settings = settings.socketio
        self._id_header = settings.request_id_header
        self._logs_access = settings.logging.access
        self._is_draining = False
        self.ended: set[SocketioConnection] = set()
        self._jobs: set[asyncio.Task[Any]] = set()

    # --- stopping

    def start_draining(self) -> None:
        """Respond to new connections and events with 503 from now on."""
        self._is_draining = True

    async def join(self) -> None:
        """Wait for listeners of connection events, and for services that are being closed."""
        while self._jobs:
            await asyncio.wait(self._jobs)

    def cancel(self) -> None:
        """Cancel all work that `join` waits for."""
        for job in self._jobs:
            job.cancel()

    def _start_job(self, work: Coroutine[Any, Any, T], context: Context) -> asyncio.Task[T]:
        job = start(work, context)
        self._jobs.add(job)
        job.add_done_callback(self._jobs.discard)
        return job

    # --- connections

    def make_connection(
        self, engine: socketio.AsyncServer, session: Session, id: str, namespace: str
    ) -> SocketioConnection:
        native = session.request
        headers = handshake_headers(native, self._origins)
        return SocketioConnection(
            engine,
            session,
            id,
            namespace,
            request_id=client_request_id(headers, self._id_header),
            headers=headers,
            query=native.query,
            client=session.client,
            site=origin_of(native, self._forwarded),
        )

    async def connect(self, connection: SocketioConnection, auth: Any) -> EncodedPacket | None:
        """Return the CONNECT_ERROR; None if *connection* is accepted."""
        request = self._request(connection, "CONNECT")
        found = find_namespace(connection.namespace, self._kernel.compiled, self._settings)
        if found is None:
            if self._logs_access:
                log_socket("CONNECT", request, Response(None, 404))
            return encode_connect_error(connection.namespace, INVALID_NAMESPACE)
        connection.route_namespace, connection.params = found
        extra_headers = self._extra_headers(request)
        rejection = await self._start_job(
            self._lifecycle.connect(
                connection,
                request,
                auth,
                partial(
                    encode_rejection,
                    connection.namespace,
                    extra_headers=extra_headers,
                    serializer=self.serializer,
                ),
                ServiceUnavailableException(_STOPPING) if self._is_draining else None,
            ),
            connection.context,
        )
        if rejection is None:
            if self._logs_access:
                log_socket("CONNECT", request, Response())
            return None
        encoded = rejection.encoded
        if self._logs_access:
            log_socket("CONNECT", request, rejection.response, encoded.size)
        return encoded

    def accepted(self, connection: SocketioConnection) -> None:
        """Dispatch ACCEPTED in a task, since its listeners may wait for packets of the client."""
        if self._lifecycle.has_accepted_listeners:
            request = self._request(connection, "CONNECT")
            connection.accepting = self._start_job(
                self._lifecycle.accept(connection, request), connection.context
            )

    async def disconnect(self, connection: SocketioConnection, reason: DisconnectReason) -> None:
        """Dispatch DISCONNECTED. Do not wait for it while listeners of ACCEPTED run, because one
        of them may be the caller."""
        self.ended.add(connection)
        ending = self._start_job(self._disconnect(connection, reason), connection.context)
        if not connection.is_accepting:
            await ending

    async def _disconnect(self, connection: SocketioConnection, reason: DisconnectReason) -> None:
        request = self._request(connection, "DISCONNECT")
        try:
            await self._lifecycle.disconnect(connection, request, reason)
        finally:
            self._start_job(self._close_services(connection), connection.context)

    async def _close_services(self, connection: SocketioConnection) -> None:
        """Wait for the events of *connection* first: they may use its services."""
        try:
            await connection.event_queue.join()
        finally:
            self.ended.discard(connection)
            await close_connection(connection)

    # --- events

    def receive(self, connection: SocketioConnection, packet: Packet) -> Pending:
        """Put the event in *packet* into the queue of *connection*."""
        job = partial(self._handle, connection, packet.id, packet.data, self._is_draining)
        pending = connection.event_queue.put(job)
        if pending is not None:
            sid = connection.session.sid
            what = f"paused reading from {sid} until its events are handled"
            self._limits.record("socketio.max_waiting", what)
        return pending

    async def _handle(
        self, connection: SocketioConnection, id: int | None, data: list[Any], is_draining: bool
    ) -> None:
        """Handle one event in a task of its own; *id* is the id of its acknowledgement."""
        request = self._request(connection, data[0])
        if id is None:
            request.expects_response = False
        self._kernel.begin(request)
        response: Response | None = None
        size: int | None = None
        try:
            response = await self._respond(connection, request, data, is_draining)
            # A stream is an error of the action, even if the client wants no acknowledgement.
            if id is not None or response.is_streamed:
                namespace, ack_id = connection.namespace, id or 0
                extra = self._extra_headers(request)
                definition: WebSocketDefinition | None = request.definition
                has_envelope = definition is None or definition.metadata.arguments == "envelope"
                encode_response = encode_acknowledgement if has_envelope else encode_plain
                try:
                    encoded = encode_response(namespace, ack_id, response, extra, self.serializer)
                except Exception:  # most responses can be encoded, and skip the call below
                    encode = partial(
                        encode_response,
                        namespace,
                        ack_id,
                        extra_headers=extra,
                        serializer=self.serializer,
                    )
                    response, encoded = await self._kernel.encoded(request, response, encode)
                if id is not None:
                    size = encoded.size
                    connection.acknowledge(encoded)
            elif 400 <= response.status_code < 500:
                _log_unacknowledged(data[0], response)
        except Exception:
            logger.exception("event %.100r could not be acknowledged", data[0])
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

    def _extra_headers(self, request: Request) -> Mapping[str, str]:
        """The headers that every acknowledgement and every CONNECT_ERROR contains."""
        return {} if self._id_header is None else {self._id_header: request.id}

    def _respond(
        self, connection: SocketioConnection, request: Request, data: list[Any], is_draining: bool
    ) -> Awaitable[Response]:
        events = self._kernel.compiled.events.get(connection.route_namespace, _NO_EVENTS)
        definition = events.get(data[0]) or events.get(ANY_EVENT)
        error: Exception | None = None
        if is_draining:
            definition, error = None, ServiceUnavailableException(_STOPPING)
        elif definition is not None:
            request.route_name = definition.name
        try:
            if definition is None or (form := definition.metadata.arguments) == "envelope":
                request.params, request.body = read_arguments(data)
            elif form == "list":
                request.params, request.body = {}, data[1:]
            else:
                request.params, request.body = read_plain_arguments(data)
            if connection.params:  # parameters of the namespace precede parameters of the event
                request.params = MultiDict([*connection.params.items(), *request.params.items()])
        except Exception as exc:
            request.body = data[1]
            if definition is not None:
                return self._kernel.fail(request, exc)
        if definition is not None:
            return self._kernel.answer(definition, request)
        return self._kernel.fail(request, error or _unknown(connection, data[0]))


def _unknown(connection: SocketioConnection, event: str) -> NotFoundException:
    message = f"no event {event[:100]!r} in namespace {connection.namespace}"
    return NotFoundException(message, code="unknown_event")


def _log_unacknowledged(event: str, response: Response) -> None:
    """Log an error of the client, which does not receive it without an acknowledgement. Errors of
    the server (500 and above) have been logged."""
    status, content = response.status_code, response.content
    logger.info(
        "event %.100r without an acknowledgement failed: %d %.200r", event, status, content
    )
