"""Serves Metacom at paths of the HTTP server."""

import asyncio
from collections.abc import Coroutine, Mapping
from secrets import token_urlsafe
from typing import Any, TypeVar

import attrs
from injector import inject

from bundles.metacom.call_handler import CallHandler
from bundles.metacom.connection import MetacomConnection
from bundles.metacom.connections import Connections
from bundles.metacom.http_calls import HttpCalls
from bundles.metacom.methods import Methods
from bundles.metacom.receiver import Receiver
from bundles.metacom.settings import MetacomSettings
from bundles.metacom.streams import StreamLimits
from bundles.metacom.transport import METACOM
from rxkernel import (
    AsyncEventDispatcher,
    Broadcaster,
    Compiled,
    ConnectionLifecycle,
    DisconnectReason,
    HttpServer,
    Kernel,
    LimitCounters,
    LocalBackend,
    Request,
    Response,
    Server,
    Settings,
    WebSocket,
)

T = TypeVar("T")

_GOING_AWAY = 1001


class MetacomServer(Server):
    """Serves WebSockets and calls over HTTP at the port of *http*.

    Attributes:
        engine: the open `Connections`.
    """

    name = "metacom"
    transport = METACOM
    label = "Metacom"

    @inject
    def __init__(
        self,
        settings: MetacomSettings,
        http: HttpServer,
        dispatcher: AsyncEventDispatcher,
        broadcaster: Broadcaster,
        kernel: Kernel,
        application: Settings,
    ) -> None:
        self._settings = settings
        self._logs_access = application.logging.access
        self._dispatcher = dispatcher
        self._broadcaster = broadcaster
        self._stream_limits = StreamLimits(
            max_streams=settings.max_streams,
            max_size=settings.max_stream_size,
            window=settings.stream_window,
            timeout=settings.stream_timeout,
        )
        self._limits = LimitCounters()
        self._jobs: set[asyncio.Task[Any]] = set()
        self._served: set[MetacomConnection] = set()  # and ended ones whose calls still run
        self._calls = CallHandler(kernel)
        self._http = http
        posts = HttpCalls(kernel, self._calls, settings)
        http.handle(settings.rpc_path, posts.respond, fail=posts.fail)
        for path in settings.paths:
            http.websocket(
                path,
                self._serve,
                max_size=settings.max_size,
                heartbeat=settings.heartbeat_interval,
                shared=True,
                drain=self.drain,
            )

    @property
    def host(self) -> str | None:
        return self._http.host

    @property
    def port(self) -> int | None:
        return self._http.port

    @property
    def scheme(self) -> str:
        return self._http.scheme

    @property
    def counts(self) -> Mapping[str, int]:
        return self._limits.counts

    def check(self, compiled: Compiled) -> None:
        Methods.of(compiled)

    def configure(self, kernel: Kernel) -> None:
        self._limits = LimitCounters()
        self._calls.is_draining = False
        self._receiver = Receiver(
            kernel,
            self._calls,
            self._settings,
            self._limits,
            logs_access=self._logs_access,
        )
        self._lifecycle = ConnectionLifecycle(kernel, self._dispatcher, self)
        self._encode = kernel.serializer.encode_json
        self._connections = self.engine = Connections(self._encode)
        self._backend = LocalBackend(self._connections)

    async def start(self) -> None:
        self._broadcaster.attach(self._backend)

    async def drain(self) -> None:
        """Reject new calls, and wait for the running ones, until their results are sent.

        The HTTP server awaits this too, before it closes the WebSockets.
        """
        self._calls.is_draining = True
        connections = tuple(self._served)
        running = {task for connection in connections for task in connection.calls}
        if running:
            await asyncio.wait(running)
        pipes = {task for connection in connections for task in connection.pipes}
        if pipes:
            await asyncio.wait(pipes)
        await asyncio.gather(*(connection.flush() for connection in connections))

    async def stop(self) -> None:
        self._broadcaster.detach(self._backend)
        for connection in self._served:
            if connection.accepting is not None:
                connection.accepting.cancel()
            for task in connection.calls:
                task.cancel()
            if connection.is_accepted and not connection.is_ended:
                connection.abort(DisconnectReason.SHUTDOWN, _GOING_AWAY, "the server is stopping")
        try:
            while self._jobs:
                await asyncio.wait(self._jobs)
        finally:
            for job in self._jobs:
                job.cancel()

    async def _serve(self, websocket: WebSocket) -> None:
        """Serve one WebSocket, from its handshake to its end."""
        connection = self._new_connection(websocket)
        self._served.add(connection)
        self._connections.add(connection)
        try:
            if await self._is_connected(connection):
                await self._serve_connected(connection)
        finally:
            self._connections.remove(connection)
            self._served.discard(connection)
            if not connection.is_ended:  # the handshake was rejected
                connection.end()

    async def _is_connected(self, connection: MetacomConnection) -> bool:
        """Dispatch CONNECTED, and return whether *connection* was not rejected."""
        request = _request(connection)
        rejection = await self._start(
            connection, self._lifecycle.connect(connection, request, None, _Handshake)
        )
        if rejection is not None:
            connection.websocket.reject(rejection.response)
        return rejection is None

    async def _serve_connected(self, connection: MetacomConnection) -> None:
        try:
            await connection.websocket.accept()
            connection.accept()
            if self._lifecycle.has_accepted_listeners:
                connection.accepting = self._start(
                    connection, self._lifecycle.accept(connection, _request(connection))
                )
            await self._receiver.read(connection)
        finally:
            self._connections.remove(connection)
            connection.end()
            await self._start(connection, self._disconnected(connection))

    def _new_connection(self, websocket: WebSocket) -> MetacomConnection:
        handshake = websocket.request
        return MetacomConnection(
            token_urlsafe(15),
            websocket,
            self._connections,
            self._encode,
            max_buffered=self._settings.max_buffered,
            stream_limits=self._stream_limits,
            report=self._receiver.report,
            counters=self._limits,
            headers=handshake.headers,
            query=handshake.params,
            client=websocket.client,
            site=websocket.site,
        )

    async def _disconnected(self, connection: MetacomConnection) -> None:
        try:
            await self._lifecycle.disconnect(connection, _request(connection), connection.reason)
            running = connection.calls | connection.pipes
            if running:  # they may use its services
                await asyncio.wait(running)
        finally:
            await self._lifecycle.close(connection)

    def _start(
        self, connection: MetacomConnection, work: Coroutine[Any, Any, T]
    ) -> "asyncio.Task[T]":
        """Run *work* in a task with the context of *connection*; `stop` waits for it."""
        loop = asyncio.get_running_loop()
        task = asyncio.Task(work, loop=loop, context=connection.context)
        self._jobs.add(task)
        task.add_done_callback(self._jobs.discard)
        return task


@attrs.define(eq=False)
class _Handshake:
    """The response to a rejected handshake; the HTTP server encodes it."""

    response: Response
    size: int = 0


def _request(connection: MetacomConnection) -> Request:
    return Request(
        METACOM,
        connection.headers,
        url="CONNECT",
        connection=connection,
        client=connection.client,
    )
