"""A port with an aiohttp application behind it."""

import asyncio
import errno
import socket
from collections.abc import Callable
from functools import partial

from aiohttp import web

from rxkernel.servers.aiohttp.connection.protocol import HttpConnection
from rxkernel.servers.aiohttp.connection.registry import ConnectionRegistry
from rxkernel.servers.aiohttp.fast_path.fast_path import FastPath
from rxkernel.servers.aiohttp.fast_path.protocol import FastPathConnection
from rxkernel.servers.server import ServerStartError

_LINGER = 0.5
"""Seconds in which a kept-alive connection may still send a request that was on its way."""

_PATIENCE = 0.1
"""Seconds that requests still get to end when all closes: the manager's have passed by then."""

_BACKLOG = 128
"""Connections that the system holds until they are accepted."""


class Listener:
    """Listens, and stops in two steps: first no new connection, then no connection at all.

    `aiohttp.web.run_app` would take the signals and decide itself; a runner leaves both here.
    """

    def __init__(
        self,
        engine: web.Application,
        host: str,
        port: int,
        connections: ConnectionRegistry,
        *,
        reuse_port: bool = False,
        lane: FastPath | None = None,
    ) -> None:
        self.host = host
        self.port = port
        self._connections = connections
        self._reuse_port = reuse_port
        self._lane = lane
        self._server: asyncio.Server | None = None
        self._runner = web.AppRunner(
            engine,
            shutdown_timeout=_PATIENCE,
        )

    async def start(self) -> None:
        """Listen; `port` is the real one afterwards.

        Raises:
            ServerStartError: the address is taken, or is none of this machine.
        """
        await self._runner.setup()
        assert self._runner.server is not None
        loop = asyncio.get_running_loop()
        try:
            self._server = await loop.create_server(
                self._protocol(self._runner.server),
                self.host,
                self.port,
                backlog=_BACKLOG,
                reuse_port=self._reuse_port or None,
            )
        except BaseException as exc:
            await self._runner.cleanup()
            if isinstance(exc, OSError):
                raise ServerStartError(self._explain(exc)) from exc
            raise
        for listening in self._server.sockets:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        self.port = self._server.sockets[0].getsockname()[1]

    def _protocol(self, server: web.Server) -> Callable[[], asyncio.Protocol]:
        """What makes the protocol of a connection."""
        if self._lane is None:
            return partial(HttpConnection, self._connections, server)
        return partial(FastPathConnection, self._connections, server, self._lane)

    def _explain(self, exc: OSError) -> str:
        address = f"{self.host}:{self.port}"
        if exc.errno == errno.EADDRINUSE:
            return (
                f"cannot listen on {address}: the port is in use; "
                f"stop what uses it or choose another port"
            )
        return f"cannot listen on {address}: {exc.strerror or exc}; choose another host or port"

    async def refuse(self) -> None:
        """Accept no new connection; those that are open go on."""
        if self._server is None:
            return
        await _turns(2)  # accept the connections that wait in the system
        loop = asyncio.get_running_loop()
        for listening in self._server.sockets:
            loop.remove_reader(listening)  # stops asyncio; uvloop stops in close()
        await _turns(1)  # an accepted connection gets its transport, while the server is open
        self._server.close()
        await _turns(1)  # and calls connection_made

    async def linger(self) -> None:
        """Give open connections the time for a request that was already under way."""
        loop = asyncio.get_running_loop()
        end = loop.time() + _LINGER
        while self._open() and loop.time() < end:  # noqa: ASYNC110 - aiohttp has no event
            await asyncio.sleep(0.01)

    def _open(self) -> int:
        if self._lane is not None:
            return len(self._lane.lines)
        return len(self._runner.server.connections) if self._runner.server else 0

    async def close(self) -> None:
        """Close every connection."""
        if self._server is not None:
            self._server.close()
        if self._lane is not None:
            await self._lane.close(_PATIENCE)
        await self._runner.cleanup()
        self._connections.close()


async def _turns(number: int) -> None:
    """Wait for *number* turns of the event loop."""
    for _ in range(number):
        await asyncio.sleep(0)


def new_engine(body_limit: int) -> web.Application:
    """An empty aiohttp application; *body_limit* is in bytes."""
    return web.Application(client_max_size=body_limit)
