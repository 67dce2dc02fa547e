"""Listens on a port and passes its connections to an aiohttp application."""

import asyncio
import errno
import socket
from collections.abc import Callable, Collection
from functools import partial
from typing import Any, Protocol, TypeVar, cast

from aiohttp import web

from rxkernel.servers.aiohttp.connection.protocol import HttpConnection
from rxkernel.servers.aiohttp.connection.registry import ConnectionRegistry
from rxkernel.servers.aiohttp.connection.tls_handshake import TlsAcceptor
from rxkernel.servers.aiohttp.fast_path.protocol import FastPathConnection
from rxkernel.servers.aiohttp.moving_connection import MOVING, Moving, Passed
from rxkernel.servers.aiohttp.request.rewritten import rewriting_factory
from rxkernel.servers.certificates import Certificates
from rxkernel.servers.http.rewriting import Rewriting
from rxkernel.servers.server import ServerStartError
from rxkernel.servers.workers.listening_sockets import BACKLOG, ListeningSockets, Sockets
from rxkernel.servers.workers.passed_sockets import PassedSockets

KEEPALIVE_GRACE = 0.5
"""Seconds for which a stopping server keeps idle connections: requests may be on their way."""

_CLOSE_TIMEOUT = 0.1
"""Seconds for running requests to end when the port closes, after ``shutdown_timeout``."""

_BACKLOG = 128
"""Connections that the system queues until they are accepted."""


T = TypeVar("T", bound=HttpConnection)


class OpenConnections(Protocol):
    """The methods of a fast path that a listener calls."""

    @property
    def connections(self) -> Collection[object]:
        """The open connections of the port."""

    async def close(self, timeout: float) -> None:
        """Close the connections, and cancel their requests after *timeout* seconds."""


class Listener:
    """An open port. Stopping has two steps: accept no new connections, then close all of them.

    `aiohttp.web.run_app` would install signal handlers, so a runner is used instead.

    Args:
        connection_class: the class of the connections with *fast_path*.
        sockets: connections or a port of a supervisor; the listener opens no port then.

    Attributes:
        port: the port; if it is 0, the port that the system has chosen, after `start`.
    """

    def __init__(
        self,
        engine: web.Application | web.Server,
        host: str,
        port: int,
        connections: ConnectionRegistry,
        *,
        reuse_port: bool = False,
        fast_path: OpenConnections | None = None,
        connection_class: type[FastPathConnection] = FastPathConnection,
        certificates: Certificates | None = None,
        rewriting: Rewriting | None = None,
        sockets: Sockets | None = None,
    ) -> None:
        self.host = host
        self.port = port
        self._connections = connections
        self._reuse_port = reuse_port
        self._fast_path = fast_path
        self._certificates = certificates
        self._rewriting = rewriting
        self._passed = sockets if isinstance(sockets, PassedSockets) else None
        self._opened = sockets.all if isinstance(sockets, ListeningSockets) else ()
        self._acceptor: TlsAcceptor | None = None
        self._servers: list[asyncio.Server] = []
        self._connection_class = connection_class
        self._runner: web.BaseRunner = (
            web.ServerRunner(engine, shutdown_timeout=_CLOSE_TIMEOUT)
            if isinstance(engine, web.Server)
            else web.AppRunner(engine, shutdown_timeout=_CLOSE_TIMEOUT)
        )

    async def start(self) -> None:
        """Open the port.

        Raises:
            ServerStartError: the port is in use, or the address does not belong to this machine.
        """
        await self._runner.setup()
        server = self._runner.server
        assert server is not None
        if self._rewriting is not None:
            server.request_factory = rewriting_factory(server.request_factory, self._rewriting)
        if self._passed is not None:
            self._serve(server, self._passed)
            return
        try:
            self._servers = await self._listen(self._protocol_factory(server))
        except BaseException as exc:
            await self._runner.cleanup()
            if isinstance(exc, OSError):
                raise ServerStartError(self._describe(exc)) from exc
            raise
        for listening in self._listening():
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        self.port = self._listening()[0].getsockname()[1]

    async def _listen(self, new_protocol: Callable[[], asyncio.Protocol]) -> list[asyncio.Server]:
        loop = asyncio.get_running_loop()
        if self._opened:
            return [
                await loop.create_server(new_protocol, sock=one, backlog=BACKLOG)
                for one in self._opened
            ]
        server = await loop.create_server(
            new_protocol,
            self.host,
            self.port,
            backlog=_BACKLOG,
            reuse_port=self._reuse_port or None,
        )
        return [server]

    def _listening(self) -> list[Any]:
        """The listening sockets, as in `asyncio.Server.sockets`."""
        return [one for server in self._servers for one in server.sockets]

    def _protocol_factory(self, server: web.Server) -> Callable[[], asyncio.Protocol]:
        """Return a function that creates the protocol of each connection."""
        new_connection = self._connection_factory(
            server, HttpConnection if self._fast_path is None else self._connection_class
        )
        if self._certificates is None:
            return new_connection
        self._acceptor = TlsAcceptor(self._connections, self._certificates, new_connection)
        return self._acceptor

    def _connection_factory(self, server: web.Server, kind: type[T]) -> Callable[[], T]:
        if self._fast_path is None:
            return partial(kind, self._connections, server)
        return partial(cast(Callable[..., T], kind), self._connections, server, self._fast_path)

    def _serve(self, server: web.Server, sockets: PassedSockets) -> None:
        """Serve *sockets*. TLS connections do not move: their next request cannot be read."""
        if self._certificates is not None:
            new_protocol = self._protocol_factory(server)
            sockets.serve(lambda received, is_chosen: new_protocol())
            return
        kind = HttpConnection if self._fast_path is None else self._connection_class
        new_connection = self._connection_factory(server, MOVING[kind])

        def new_moving(received: bytes, is_chosen: bool) -> Moving:
            connection = new_connection()
            connection.passed = Passed(sockets, received, is_chosen)
            return connection

        sockets.serve(new_moving)

    def _describe(self, exc: OSError) -> str:
        address = f"{self.host}:{self.port}"
        if exc.errno == errno.EADDRINUSE:
            return (
                f"cannot listen on {address}: the port is in use; "
                f"stop the program that uses it, or choose another port"
            )
        return f"cannot listen on {address}: {exc.strerror or exc}; choose another host or port"

    async def stop_accepting(self) -> None:
        """Accept no new connections. Open connections are still served."""
        if self._passed is not None:
            await self._passed.stop()
        if not self._servers:
            return
        await _iterations(2)  # accept the connections that the system has queued
        loop = asyncio.get_running_loop()
        for listening in self._listening():
            loop.remove_reader(listening)  # stops asyncio; uvloop stops in close()
        await _iterations(1)  # an accepted connection gets its transport, while the server is open
        for server in self._servers:
            server.close()
        await _iterations(1)  # connection_made is called

    async def wait_for_clients(self, seconds: float) -> None:
        """Wait until all clients have closed their connections, for *seconds* at most. Requests
        that arrive meanwhile are handled."""
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        while self._open_connections() and loop.time() < end:  # noqa: ASYNC110 - aiohttp has no event
            await asyncio.sleep(0.01)

    def _open_connections(self) -> int:
        handshakes = len(self._acceptor.running) if self._acceptor else 0
        if self._fast_path is not None:
            return len(self._fast_path.connections) + handshakes
        return (len(self._runner.server.connections) if self._runner.server else 0) + handshakes

    async def close(self) -> None:
        """Close the port and all connections."""
        if self._passed is not None:
            self._passed.close()
        for server in self._servers:
            server.close()
        if self._fast_path is not None:
            await self._fast_path.close(_CLOSE_TIMEOUT)
        await self._runner.cleanup()
        if self._acceptor is not None:
            self._acceptor.close()
        self._connections.close()


async def _iterations(number: int) -> None:
    """Wait for *number* iterations of the event loop."""
    for _ in range(number):
        await asyncio.sleep(0)


def new_engine(body_limit: int) -> web.Application:
    """An empty aiohttp application; *body_limit* is in bytes."""
    return web.Application(client_max_size=body_limit)
