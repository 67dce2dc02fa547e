"""The Socket.IO server: configures, starts and stops the engine."""

import asyncio
import logging
from collections.abc import Mapping

from rxkernel.events.dispatcher import AsyncEventDispatcher
from rxkernel.kernel.kernel import Kernel
from rxkernel.messages.broadcaster import Broadcaster
from rxkernel.messages.transport import Transport
from rxkernel.servers.aiohttp.listener import Listener, new_engine
from rxkernel.servers.aiohttp.server import HttpServer
from rxkernel.servers.disconnect_reason import DisconnectReason
from rxkernel.servers.events import ConnectionEvent, ServerEvents
from rxkernel.servers.local_backend import LocalBackend
from rxkernel.servers.server import Server
from rxkernel.servers.socketio.connection import SocketioConnection
from rxkernel.servers.socketio.connection_handler import ConnectionHandler
from rxkernel.servers.socketio.engine import Engine
from rxkernel.servers.socketio.session import RESTARTING
from rxkernel.servers.socketio.session_limits import SessionLimits
from rxkernel.settings import Settings

logger = logging.getLogger(__name__)

RESTORE_PRIORITY = 50
"""The priority of the listener of CONNECTED that restores the state of a client: after `security`,
which authenticates the client, and before the application."""


class SocketioServer(Server):
    """Serves the kernel's WebSocket definitions as Socket.IO events.

    ``engine`` is the `socketio.AsyncServer`. It shares the port of *http*, unless the settings
    give it a port of its own.

    Attributes:
        flush_timeout: seconds without progress after which stopping no longer waits for clients to
            receive their packets.
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
        self._listener: Listener | None = None
        self.flush_timeout = 2.0
        self._limits = SessionLimits(settings.socketio)

    @property
    def counts(self) -> Mapping[str, int]:
        """How often each limit was reached, by the name of its setting, and other misuse."""
        return self._limits.counts

    @property
    def figures(self) -> Mapping[str, int]:
        """The clients that are connected now."""
        return {"clients": self._limits.used}

    @property
    def host(self) -> str | None:
        return self._settings.socketio.host or self._http.host

    @property
    def port(self) -> int | None:
        if self._settings.socketio.port is None:
            return self._http.port
        return self._listener.port if self._listener else self._settings.socketio.port

    @property
    def scheme(self) -> str:
        return self._http.scheme

    def configure(self, kernel: Kernel) -> None:
        settings = self._settings.socketio
        self._limits = SessionLimits(settings)
        self._handler = ConnectionHandler(
            self,
            kernel,
            self._dispatcher,
            self._limits,
            self._settings,
            origins=self._http.cors,
            forwarded=self._http.forwarded,
        )
        self.engine = Engine(
            self._handler,
            self._limits,
            self._broadcaster.recovery,
            origins=self._http.cors,
            forwarded=self._http.forwarded,
            ids=self._http.ids,
            http=self._settings.http,
            ping_interval=settings.ping_interval,
            ping_timeout=settings.ping_timeout,
            max_http_buffer_size=settings.max_payload,
            worker=None if self._http.sockets is None else self._http.sockets.worker,
        )
        if settings.port is None:
            self._application = self._http.engine
        else:
            self._application = new_engine(self._settings.http.body_limit)
            self._http.add_header_signals(self._application)
        if self._broadcaster.recovery is not None:
            self._dispatcher.add_listener(
                ServerEvents.CONNECTED, self._restore, priority=RESTORE_PRIORITY
            )
        self._backend = LocalBackend(self.engine)
        self.engine.attach(self._application, socketio_path=settings.path.strip("/"))
        self._http.native_paths.long_lived.add(f"{settings.path}/")

    async def _restore(self, event: ConnectionEvent) -> None:
        if event.server is self and isinstance(event.connection, SocketioConnection):
            await self.engine.restore(event.connection)

    async def start(self) -> None:
        if (port := self._settings.socketio.port) is not None:
            self._application.middlewares.insert(0, self._http.aiohttp_path.track)
            host = self.host
            assert host is not None, "HttpServer.check rejects a port of a mounted application"
            self._listener = Listener(
                self._application,
                host,
                port,
                self._http.connections,
                certificates=self._http.certificates,
            )
            await self._listener.start()
        self._broadcaster.attach(self._backend)

    async def drain(self) -> None:
        self._handler.start_draining()
        if self._listener is not None:
            await self._listener.stop_accepting()
            await self._listener.wait_for_clients(self._http.keepalive_grace)
        connections = self.engine.connections.values()
        await asyncio.gather(*(connection.event_queue.join() for connection in connections))
        await self._handler.join()
        await self._flush()

    async def _flush(self) -> None:
        """Wait until the clients have received all packets, while at least one receives some."""
        loop, left, since = asyncio.get_running_loop(), 0, 0.0
        while unsent := sum(s.sender.unsent for s in self.engine.eio.sockets.values()):
            if unsent != left:
                left, since = unsent, loop.time()
            elif loop.time() - since > self.flush_timeout:
                logger.warning("closing clients that did not receive the last %d packets", unsent)
                return
            await asyncio.sleep(0.01)

    async def stop(self) -> None:
        """Close every transport without a Socket.IO DISCONNECT: after a DISCONNECT clients would
        not reconnect to the next process."""
        self._broadcaster.detach(self._backend)
        connections = (*self.engine.connections.values(), *self._handler.ended)
        for connection in connections:
            if connection.accepting is not None:
                connection.accepting.cancel()
        try:
            await asyncio.gather(
                self.engine.eio.disconnect(code=RESTARTING, reason=DisconnectReason.SHUTDOWN),
                *(connection.event_queue.cancel() for connection in connections),
            )
            await self.engine.shutdown()
            await self._handler.join()
        finally:
            self._handler.cancel()
            listener, self._listener = self._listener, None
            if listener is not None:
                await listener.close()
