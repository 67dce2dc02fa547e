"""One application of a shared port."""

import asyncio
from contextvars import Context
from typing import Any, Protocol

import attrs
from aiohttp import web

from rxkernel.host_patterns import EVERY_HOST, HostPattern
from rxkernel.servers.aiohttp.connection.access_log import AccessLogger
from rxkernel.servers.aiohttp.connection.registry import ConnectionRegistry
from rxkernel.servers.aiohttp.fast_path.fast_path import FastPath
from rxkernel.settings import Settings


@attrs.frozen(eq=False, kw_only=True)
class Serving:
    """The parts of a running application that handle its requests.

    Attributes:
        server: creates aiohttp's requests, and handles them.
        connections: its own counters, and its requests in flight.
        access_log: None if its access log is off.
        context: the context in which the application was started.
        tasks: its requests that aiohttp handles, including long-lived ones.
    """

    server: web.Server
    connections: ConnectionRegistry
    access_log: AccessLogger | None
    context: Context
    tasks: "set[asyncio.Task[Any]]" = attrs.field(factory=set, init=False)

    def begin(self) -> None:
        """Count the current task, which handles one of its requests, and set the variables of the
        context in it."""
        task = asyncio.current_task()
        assert task is not None
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        task.add_done_callback(self.connections.in_flight.discard)
        for variable, value in self.context.items():
            variable.set(value)


class PortApplication(Protocol):
    """What a port needs of an `Application`, which this layer must not import."""

    settings: Settings

    async def boot(self) -> object: ...

    async def start(self) -> None: ...

    async def stop(self) -> bool: ...


@attrs.define(eq=False)
class PortMember:
    """An application that `Application.share` has added to a port.

    Attributes:
        name: its name in the log and in errors.
        serving: None while the application does not run.
        fast_path: None while the application does not run, or if aiohttp handles all its requests.
    """

    name: str
    application: PortApplication
    serving: Serving | None = attrs.field(default=None, init=False)
    fast_path: FastPath | None = attrs.field(default=None, init=False)

    def patterns(self) -> list[HostPattern]:
        """Its hosts; ``*`` if its setting is empty."""
        parsed = (HostPattern.parse(text) for text in self.application.settings.http.allowed_hosts)
        return [p for p in parsed if p is not None] or [HostPattern(EVERY_HOST)]
