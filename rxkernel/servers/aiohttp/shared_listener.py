"""Receives requests from a port that several applications share."""

import asyncio
from contextvars import copy_context

from aiohttp import web

from rxkernel.servers.aiohttp.connection.access_log import HttpAccessLog, line_logger
from rxkernel.servers.aiohttp.connection.registry import ConnectionRegistry
from rxkernel.servers.aiohttp.fast_path.fast_path import FastPath
from rxkernel.servers.aiohttp.request.rewritten import rewriting_factory
from rxkernel.servers.aiohttp.shared_member import Serving
from rxkernel.servers.aiohttp.shared_port import Share
from rxkernel.servers.http.rewriting import Rewriting

_CLOSE_TIMEOUT = 0.1
"""Seconds for running requests to end, after ``shutdown_timeout``."""


class SharedListener:
    """The counterpart of `Listener` for the *engine* of an application that shares a port."""

    def __init__(
        self,
        engine: web.Application,
        share: Share,
        connections: ConnectionRegistry,
        *,
        fast_path: FastPath | None,
        access_log: HttpAccessLog | None,
        rewriting: Rewriting,
    ) -> None:
        self._port, self._member = share.port, share.member
        self._connections = connections
        self._fast_path = fast_path
        self._access_log = access_log
        self._rewriting = rewriting
        self._serving: Serving | None = None
        self._runner = web.AppRunner(engine, shutdown_timeout=_CLOSE_TIMEOUT)

    @property
    def port(self) -> int:
        return self._port.port

    async def start(self) -> None:
        """Serve the hosts of the application.

        Raises:
            ServerStartError: the port is not open.
            ConfigurationError: another application has one of its hosts.
        """
        self._port.check_start(self._member)
        await self._runner.setup()
        server = self._runner.server
        assert server is not None
        server.request_factory = rewriting_factory(server.request_factory, self._rewriting)
        self._serving = Serving(
            server=server,
            connections=self._connections,
            access_log=None if self._access_log is None else line_logger(self._access_log),
            context=copy_context(),
        )
        self._port.join(self._member, self._serving, self._fast_path)

    async def stop_accepting(self) -> None:
        """Make the port respond with 503 to the hosts of the application. If the port is stopping,
        it accepts no connections instead, and requests of open ones are still handled."""
        if self._port.is_stopping:
            await self._port.stop_accepting(self._member)
        else:
            self._port.leave(self._member)

    async def wait_for_clients(self, seconds: float) -> None:
        """If the port is stopping, wait for its clients; see `Listener.wait_for_clients`."""
        if self._port.is_stopping:
            await self._port.wait_for_clients(seconds)

    async def close(self) -> None:
        """End the requests of the application. The connections stay open for others."""
        self._port.leave(self._member)
        if self._fast_path is not None:
            await self._fast_path.close(_CLOSE_TIMEOUT)
            self._port.forget(self._fast_path)
        if self._serving is not None and (tasks := self._serving.tasks):
            _, late = await asyncio.wait(tasks, timeout=_CLOSE_TIMEOUT)
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late, timeout=_CLOSE_TIMEOUT)
        await self._runner.cleanup()
        self._connections.close()
