"""The Socket.IO server: events become requests, responses become acknowledgements."""

import asyncio
import logging
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

from multidict import MultiDict

from rxkernel.events.dispatcher import AsyncEventDispatcher
from rxkernel.exceptions import (
    ForbiddenException,
    NotFoundException,
    ServiceUnavailableException,
)
from rxkernel.kernel.errors import error_response
from rxkernel.kernel.kernel import Kernel
from rxkernel.kernel.scopes import close_services, current_connection, current_request
from rxkernel.messages.connection import Broadcaster
from rxkernel.messages.request import Request
from rxkernel.messages.response import Response, close_source
from rxkernel.messages.transport import Transport
from rxkernel.servers.aiohttp.listener import Listener, new_engine
from rxkernel.servers.aiohttp.requests import client_of
from rxkernel.servers.aiohttp.server import AiohttpServer
from rxkernel.servers.events import ConnectionEvent, ServerEvents
from rxkernel.servers.server import Server
from rxkernel.servers.socketio.connection import SocketioConnection
from rxkernel.servers.socketio.engine import Engine
from rxkernel.servers.socketio.packet import (
    Encoded,
    encode_acknowledgement,
    encode_invalid_namespace,
    encode_refusal,
)
from rxkernel.servers.socketio.wire import read_arguments
from rxkernel.settings import Settings

logger = logging.getLogger(__name__)
T = TypeVar("T")

_STOPPING = "the server is stopping; try again"


class SocketioServer(Server):
    """Answers Socket.IO events with the kernel's definitions.

    ``engine`` is the `socketio.AsyncServer`. It shares the port of *http*, unless it has
    one of its own in the settings.
    """

    name = "socketio"
    transport = Transport.SOCKET

    def __init__(
        self,
        settings: Settings,
        http: AiohttpServer,
        dispatcher: AsyncEventDispatcher,
        broadcaster: Broadcaster,
    ) -> None:
        self._settings = settings
        self._http = http
        self._dispatcher = dispatcher
        self._broadcaster = broadcaster
        self._kernel: Kernel | None = None
        self._namespaces: set[str] = set()
        self._listener: Listener | None = None
        self._jobs: set[asyncio.Task[None]] = set()
        self._draining = False

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
        self._namespaces = {"/", *(d.namespace for d in kernel.websocket_definitions)}
        settings = self._settings.socketio
        self.engine = Engine(
            make=self._make,
            connected=self._connected,
            received=self._received,
            disconnected=self._disconnected,
            ping_interval=settings.ping_interval,
            ping_timeout=settings.ping_timeout,
            max_http_buffer_size=settings.max_payload,
            connect_timeout=settings.connect_timeout,
            origins=self._settings.http.origins,
        )
        shared = settings.port is None
        self._application = (
            self._http.engine if shared else new_engine(self._settings.http.body_limit)
        )
        self.engine.attach(self._application, socketio_path=settings.path.strip("/"))
        self._http.not_awaited.add(f"{settings.path}/")

    async def start(self) -> None:
        if (port := self._settings.socketio.port) is not None:
            self._listener = Listener(self._application, self.host, port)
            await self._listener.start()
        self._broadcaster.attach(self.engine)

    async def drain(self) -> None:
        self._draining = True
        if self._listener is not None:
            await self._listener.refuse()
            await self._listener.linger()
        mailboxes = [c.mailbox.settle() for c in self.engine.connections.values()]
        await asyncio.gather(*mailboxes)
        while self._jobs:  # of clients that have left
            await asyncio.wait(self._jobs)

    async def stop(self) -> None:
        """Close every transport, without a Socket.IO DISCONNECT: a client that got one would
        not reconnect by itself, and the next process is there for it."""
        self._broadcaster.detach(self.engine)
        await self.engine.eio.disconnect()
        await self.engine.shutdown()
        for job in self._jobs:
            job.cancel()
        if self._jobs:
            await asyncio.wait(self._jobs)
        listener, self._listener = self._listener, None
        if listener is not None:
            await listener.close()

    def _make(
        self, engine: Engine, sid: str, namespace: str, environ: dict[str, Any], auth: Any
    ) -> SocketioConnection:
        native = environ["aiohttp.request"]
        return SocketioConnection(
            engine,
            sid,
            namespace,
            engine.manager.eio_sid_from_sid(sid, namespace),
            self._settings.socketio.concurrency,
            headers=native.headers,
            query=native.query,
            auth=auth,
            client=client_of(native),
        )

    async def _connected(self, connection: SocketioConnection) -> Encoded | None:
        assert self._kernel is not None
        if connection.namespace not in self._namespaces:
            return encode_invalid_namespace(connection.namespace)
        current_connection.set(connection)
        try:
            if self._draining:
                raise ServiceUnavailableException(_STOPPING)
            event = ConnectionEvent(connection, self)
            await self._dispatcher.dispatch(ServerEvents.CONNECTED, event)
            if connection.is_dropped:
                raise ForbiddenException("disconnected before it was connected")
        except Exception as exc:
            await close_services(connection)
            request = self._request(connection, "CONNECT")
            response = await self._kernel.fail(request, exc)
            write = partial(encode_refusal, connection.namespace)
            return (await self._written(request, response, write))[1]
        return None

    async def _disconnected(self, connection: SocketioConnection) -> None:
        current_connection.set(connection)
        try:
            event = ConnectionEvent(connection, self)
            await self._dispatcher.dispatch(ServerEvents.DISCONNECTED, event)
        except Exception:
            logger.exception("a listener of %s failed", ServerEvents.DISCONNECTED)
        self._track(asyncio.create_task(self._close_services(connection)))

    async def _close_services(self, connection: SocketioConnection) -> None:
        """Behind the events that were read before the client left: they may use them."""
        await connection.mailbox.settle()
        await close_services(connection)

    def _track(self, task: asyncio.Task[None]) -> None:
        self._jobs.add(task)
        task.add_done_callback(self._jobs.discard)

    async def _received(
        self, connection: SocketioConnection, ack: int | None, data: list[Any]
    ) -> None:
        in_time = not self._draining
        await connection.mailbox.put(partial(self._serve, connection, ack, data, in_time))

    async def _serve(
        self, connection: SocketioConnection, ack: int | None, data: list[Any], in_time: bool
    ) -> None:
        """One event, from its arguments to its acknowledgement; a task of its own."""
        assert self._kernel is not None
        task = asyncio.current_task()
        assert task is not None
        self._track(task)
        current_connection.set(connection)
        request = self._request(connection, data[0])
        current_request.set(request)
        response: Response | None = None
        try:
            response = await self._respond(self._kernel, request, data, in_time)
            write = partial(encode_acknowledgement, connection.namespace, ack)
            response, encoded = await self._written(request, response, write)
            if encoded is not None:
                await self.engine.acknowledge(connection, encoded)
        except Exception:
            logger.exception("event %.100r could not be answered", data[0])
        finally:
            self._kernel.terminate(request, response)

    def _request(self, connection: SocketioConnection, name: str) -> Request:
        return Request(
            Transport.SOCKET,
            connection.headers,
            url=name,
            connection=connection,
            client=connection.client,
        )

    async def _written(
        self, request: Request, response: Response, write: Callable[[Response], T]
    ) -> tuple[Response, T]:
        """*response* as *write* encodes it; in place of one that cannot be encoded an error."""
        assert self._kernel is not None
        try:
            return response, write(response)
        except Exception as exc:
            await close_source(response)
            response = await self._kernel.fail(request, exc)
        try:
            return response, write(response)
        except Exception as exc:
            logger.exception("the error cannot be sent either")
            response = error_response(exc)
            return response, write(response)

    async def _respond(
        self, kernel: Kernel, request: Request, data: list[Any], in_time: bool
    ) -> Response:
        name, *arguments = data
        assert request.connection is not None
        namespace = request.connection.namespace
        definition = kernel.websocket_definitions.get(
            name if namespace == "/" else f"{namespace}:{name}"
        )
        try:
            if not in_time:
                raise ServiceUnavailableException(_STOPPING)
            # the key of another namespace's event is a name that a client can send here
            if definition is None or definition.namespace != namespace:
                raise NotFoundException(f"no event {name[:100]!r} in namespace {namespace}")
            params, request.body = read_arguments(arguments)
            request.params = MultiDict(params)
        except Exception as exc:
            return await kernel.fail(request, exc)
        return await kernel.answer(definition, request)
