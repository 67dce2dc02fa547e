"""Starts the servers in order, and stops them after the messages in flight."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from rxkernel.events.dispatcher import AsyncEventDispatcher
from rxkernel.exceptions import ConfigurationError
from rxkernel.kernel.compiled import Compiled
from rxkernel.kernel.kernel import Kernel
from rxkernel.kernel.notifications import notify
from rxkernel.servers.events import ServerConfigurationEvent, ServerEvent, ServerEvents
from rxkernel.servers.server import Server

logger = logging.getLogger(__name__)


class ServerManager(Mapping[str, Server]):
    """The servers of one application, by name, in the order in which they start.

    Attributes:
        is_serving: True from the start of the last server until they begin to stop.
        more_details: functions that return further details of ``/readyz``, by their keys.
        close_timeout: seconds that each server has to close its connections, drained or not.
    """

    def __init__(
        self,
        dispatcher: AsyncEventDispatcher,
        shutdown_timeout: float = 10.0,
        shutdown_delay: float = 0.0,
    ) -> None:
        self.is_serving = False
        self.more_details: dict[str, Callable[[], Awaitable[Any]]] = {}
        self.close_timeout = 5.0
        self._servers: dict[str, Server] = {}
        self._started: list[Server] = []
        self._dispatcher = dispatcher
        self._shutdown_timeout = shutdown_timeout
        self._shutdown_delay = shutdown_delay

    def add(self, server: Server) -> None:
        """Add *server*, which starts after those added before.

        Raises:
            ConfigurationError: another server has its name.
        """
        if server.name in self._servers:
            raise ConfigurationError(f"two servers have the name {server.name!r}; rename one")
        self._servers[server.name] = server

    def __getitem__(self, name: str) -> Server:
        return self._servers[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._servers)

    def __len__(self) -> int:
        return len(self._servers)

    async def configure(self, kernel: Kernel) -> None:
        """Configure every server, and dispatch `ServerEvents.CONFIGURE` for each."""
        await self._configure(list(self._servers.values()), kernel)

    async def _configure(self, servers: list[Server], kernel: Kernel) -> None:
        for server in servers:
            server.configure(kernel)
            event = ServerConfigurationEvent(server)
            await self._dispatcher.dispatch(ServerEvents.CONFIGURE, event)

    async def start(self, kernel: Kernel) -> None:
        """Configure every server, then start each. If one cannot start, the others are stopped.

        Does nothing if they have started already.
        """
        if not self._started:
            await self._start(list(self._servers.values()), kernel)
            self.is_serving = True

    async def connect(self, kernel: Kernel) -> None:
        """Configure and start only the servers with `Server.connects_processes`; see `stop`."""
        servers = self._servers.values()
        await self._start([one for one in servers if one.connects_processes], kernel)

    async def _start(self, servers: list[Server], kernel: Kernel) -> None:
        try:
            await self._configure(servers, kernel)
            for server in servers:
                await server.start()
                self._started.append(server)
                await self._dispatcher.dispatch(ServerEvents.STARTED, ServerEvent(server))
        except BaseException:
            await self.stop()
            raise

    def check(self, compiled: Compiled) -> None:
        """Check that every server can serve its definitions of *compiled*.

        Raises:
            ConfigurationError: lists the problems of all servers.
        """
        errors = []
        for server in self._servers.values():
            try:
                server.check(compiled)
            except ConfigurationError as error:
                errors.append(error)
        if errors:
            raise ConfigurationError.merge(errors)

    def recompiled(self, compiled: Compiled) -> None:
        """Pass the definitions of *compiled* to every server; errors are logged."""
        for server in self._servers.values():
            with _logging(f"passing new definitions to the server {server.name!r}"):
                server.recompiled(compiled)

    async def stop(self) -> bool:
        """Drain all at once within ``shutdown_timeout`` seconds, then stop in reverse order.

        Servers with `Server.connects_processes` stop last, since the others need them until their
        last connection has ended.

        For the first ``shutdown_delay`` seconds requests are still handled, so that a load
        balancer can see that this process is no longer ready.

        Errors are logged, and do not prevent the other servers from being stopped. Return whether
        all messages in flight were handled.
        """
        servers, self._started = self._started[::-1], []
        servers.sort(key=lambda server: server.connects_processes)
        delay, self.is_serving = self._shutdown_delay if self.is_serving else 0.0, False
        drained = True
        try:
            async with asyncio.timeout(self._shutdown_timeout + delay):
                for server in servers:
                    await notify(self._dispatcher, ServerEvents.STOPPING, ServerEvent(server))
                await asyncio.sleep(delay)
                await asyncio.gather(*(self._drain(server) for server in servers))
        except TimeoutError:
            drained = False
            logger.warning("not drained within %s s; closing anyway", self._shutdown_timeout)
        finally:  # also if the task that stops them is cancelled
            await self._close(servers)
        return drained

    async def _close(self, servers: list[Server]) -> None:
        """Stop each of *servers*; raise a cancellation after the last one."""
        cancelled: asyncio.CancelledError | None = None
        for server in servers:
            try:
                with _logging(f"stopping the server {server.name!r}"):
                    async with asyncio.timeout(self.close_timeout):
                        await server.stop()
            except asyncio.CancelledError as exc:
                cancelled = exc
        if cancelled is not None:
            raise cancelled

    async def _drain(self, server: Server) -> None:
        with _logging(f"draining the server {server.name!r}"):
            await server.drain()


@contextmanager
def _logging(what: str) -> Iterator[None]:
    """Log an exception that is raised inside, and continue."""
    try:
        yield
    except Exception:
        logger.exception("%s failed", what)
