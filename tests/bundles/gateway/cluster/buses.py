"""Buses for tests, and receivers of their packets."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from bundles.gateway.cluster.nats_transporter import NatsTransporter
from bundles.gateway.settings import GatewaySettings
from bundles.message_bus import Transporter
from bundles.redis import RedisSettings
from bundles.redis.client import create_client
from bundles.redis.redis_transporter import RedisTransporter
from tests.bundles.nats_servers import NatsServer
from tests.bundles.redis_servers import RedisServer
from tests.waiting import until

LOGGER = "bundles.message_bus.reconnecting_transporter"


class Recorder:
    """A `Receiver` that keeps the arguments of its calls."""

    def __init__(self) -> None:
        self.packets: list[tuple[str, bytes]] = []
        self.events: list[str] = []
        self.reasons: list[str] = []

    def received(self, topic: str, data: bytes) -> None:
        self.packets.append((topic, data))

    def connected(self) -> None:
        self.events.append("connected")

    def lost(self, reason: str) -> None:
        self.events.append("lost")
        self.reasons.append(reason)

    async def until_received(self, count: int) -> list[tuple[str, bytes]]:
        await until(lambda: len(self.packets) >= count)
        return self.packets

    async def until_events(self, *events: str) -> None:
        await until(lambda: self.events == list(events))


class Bus:
    """One server and the transporters that use it."""

    def __init__(self, server: NatsServer | RedisServer, stack: AsyncExitStack) -> None:
        self.server = server
        self._stack = stack

    @property
    def name(self) -> str:
        return "NATS" if isinstance(self.server, NatsServer) else "Redis"

    @property
    def setting(self) -> str:
        return "gateway.nats_url" if isinstance(self.server, NatsServer) else "redis.url"

    async def transporter(self, *, url: str | None = None, timeout: float = 5.0) -> Transporter:
        """Return a transporter that is not connected yet; it is closed at the end of the test."""
        address = url or self.server.url
        if isinstance(self.server, NatsServer):
            nats = GatewaySettings(nats_url=address, nats_connect_timeout=timeout)
            return self._closed_at_end(NatsTransporter(nats))
        redis = RedisSettings(url=address, connect_timeout=timeout, command_timeout=timeout)
        client = create_client(redis)
        await self._stack.enter_async_context(client)
        return self._closed_at_end(RedisTransporter(client, redis))

    async def connected(self, *topics: str, timeout: float = 5.0) -> tuple[Transporter, Recorder]:
        transporter, recorder = await self.transporter(timeout=timeout), Recorder()
        await transporter.connect(recorder)
        await transporter.subscribe(topics)
        return transporter, recorder

    def _closed_at_end(self, transporter: Transporter) -> Transporter:
        self._stack.push_async_callback(transporter.close)
        return transporter


@asynccontextmanager
async def bus_with(server: NatsServer | RedisServer) -> AsyncIterator[Bus]:
    """Yield a bus; at the end, wait for all tasks that transporters have started."""
    before: set[asyncio.Task[Any] | None] = {*asyncio.all_tasks()}
    async with AsyncExitStack() as stack:
        yield Bus(server, stack)
    before.add(asyncio.current_task())
    await until(lambda: not asyncio.all_tasks() - before)
