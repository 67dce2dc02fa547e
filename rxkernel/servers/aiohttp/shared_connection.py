"""A connection of a shared port: each message is handled by the application of its host."""

import asyncio
from contextvars import Context, copy_context
from typing import cast

import attrs
from aiohttp import hdrs, web

from rxkernel.messages.connection import ClientAddress
from rxkernel.servers.aiohttp.connection.registry import ConnectionRegistry
from rxkernel.servers.aiohttp.fast_path.fast_path import FastPath, FastPathHandle
from rxkernel.servers.aiohttp.fast_path.framing import Frame, Message
from rxkernel.servers.aiohttp.fast_path.protocol import FastPathConnection
from rxkernel.servers.aiohttp.fast_path.states import FAST
from rxkernel.servers.aiohttp.shared_hosts import SharedHosts
from rxkernel.servers.aiohttp.shared_member import Serving

WITHOUT_FAST_PATH = "fast path: unknown host, or an application without a fast path"
"""Counter of the messages that are passed to aiohttp."""


@attrs.define(eq=False)
class PortPath:
    """The fast path of a connection without an application: passes every message to aiohttp.

    Attributes:
        connections: all connections of the port, also those in ``FastPath.connections``.
        servings: the application of each fast path whose requests have not ended.
    """

    hosts: SharedHosts
    loop: asyncio.AbstractEventLoop = attrs.field(factory=asyncio.get_running_loop, init=False)
    context: Context = attrs.field(factory=copy_context, init=False)
    connections: set[FastPathHandle] = attrs.field(factory=set, init=False)
    servings: dict[FastPath, Serving] = attrs.field(factory=dict, init=False)

    def find(self, message: Message, peer: ClientAddress | None) -> "FastPath | PortPath":
        """The fast path of the application that gets *message*; `self` if it has no fast path."""
        member = self.hosts.known.get(message.headers.get(hdrs.HOST, ""))
        if member is None:
            member = self.hosts.find(message, peer)
        return self if member is None else (member.fast_path or self)

    def try_handle(self, connection: FastPathHandle, message: Message) -> str:
        return WITHOUT_FAST_PATH

    def forget(self, fast_path: FastPath) -> None:
        """Called when the requests of *fast_path* have ended."""
        self.servings.pop(fast_path, None)
        for connection in tuple(fast_path.connections):
            assert isinstance(connection, SharedConnection)
            connection.forget()

    async def close(self, timeout: float) -> None:
        """Close the idle connections. The applications have ended the requests of the others."""
        for connection in tuple(self.connections):
            assert isinstance(connection, SharedConnection)
            connection.close_idle()


class SharedConnection(FastPathConnection):
    """A connection with the fast path of the application that handles the current or last message.

    aiohttp's handler belongs to the port; it also chooses the application of each request.
    """

    __slots__ = ("_port_path",)

    def __init__(
        self, connections: ConnectionRegistry, server: web.Server, path: PortPath
    ) -> None:
        super().__init__(connections, server, cast(FastPath, path))
        self._port_path = path

    @property
    def serving(self) -> Serving | None:
        """The application whose response aiohttp must send, if the fast path has one."""
        if self.pending_exchange() is None:
            return None
        return self._port_path.servings.get(self._fast_path)

    def forget(self) -> None:
        """Called when the application has ended its requests."""
        if self._state is not FAST:
            self._use(self._port_path)

    def _begin(self, frame: Frame) -> None:
        if type(frame) is Message:
            path = self._port_path.find(frame, self.peer)
            if path is not self._fast_path:
                self._use(path)
        FastPathConnection._begin(self, frame)  # cheaper than super()

    def _use(self, path: FastPath | PortPath) -> None:
        """Leave the fast path of the last application."""
        port_path = cast(FastPath, self._port_path)
        if self._fast_path is not port_path:
            self._fast_path.connections.discard(self)
        self._fast_path = cast(FastPath, path)
        path.connections.add(self)

    def _handler_context(self) -> Context:
        """Return the context of the port: the handler serves several applications."""
        return self._port_path.context

    def connection_lost(self, exc: Exception | None) -> None:
        self._port_path.connections.discard(self)
        super().connection_lost(exc)

    def stop(self) -> None:
        """Called when the application stops: the next message may be for another one."""

    def close_idle(self) -> None:
        """Called when the port is closed."""
        FastPathConnection.stop(self)
