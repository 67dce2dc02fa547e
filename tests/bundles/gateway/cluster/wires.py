"""A raw client of a bus: it records the packets of all nodes, and publishes any."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import attrs
import nats
from nats.aio.client import Client
from nats.aio.msg import Msg
from redis.asyncio import Redis
from redis.asyncio.client import PubSub

from tests.waiting import until

COMMANDS = ("DISCONNECT", "DISCOVER", "EVENT", "HEARTBEAT", "INFO", "PONG", "REQ", "RES")
"""Without PING: at its start, a node of rxkernel looks for a subscriber with its name."""

Publish = Callable[[str, bytes], Awaitable[Any]]


@attrs.frozen
class Packet:
    topic: str
    data: bytes

    @property
    def command(self) -> str:
        """``REQ``, ``INFO`` and so on."""
        return self.topic.split(".")[1]

    @property
    def payload(self) -> dict[str, Any]:
        """Empty if the packet is not JSON, such as the packets with which nodes test a topic."""
        payload: dict[str, Any] = {}
        with suppress(ValueError):
            payload = json.loads(self.data)
        return payload


class Wire:
    """
    Attributes:
        packets: those of all nodes and namespaces, in the order of the bus.
    """

    def __init__(self, publish: Publish) -> None:
        self.packets: list[Packet] = []
        self._publish = publish

    async def publish(self, topic: str, content: bytes | dict[str, Any]) -> None:
        """Send *content*, as JSON if it is a dict."""
        await self._publish(
            topic, content if isinstance(content, bytes) else json.dumps(content).encode()
        )

    def sent(self, command: str, sender: str | None = None) -> list[Packet]:
        """Return the packets of *command*; if *sender* is given, only those of this node."""
        return [
            packet
            for packet in self.packets
            if packet.command == command and sender in (None, packet.payload.get("sender"))
        ]

    async def wait_for(
        self, command: str, sender: str | None = None, count: int = 1
    ) -> list[Packet]:
        """Wait until there are *count* packets of *command*."""
        await until(lambda: len(self.sent(command, sender)) >= count)
        return self.sent(command, sender)


@asynccontextmanager
async def wire_on(url: str) -> AsyncIterator[Wire]:
    """A wire on the server of NATS or Redis at *url*; it records from the beginning."""
    async with _on_nats(url) if url.startswith("nats") else _on_redis(url) as wire:
        yield wire


@asynccontextmanager
async def _on_nats(url: str) -> AsyncIterator[Wire]:
    client = await nats.connect(url)

    async def publish(topic: str, data: bytes) -> None:
        await client.publish(topic, data)
        await round_trip(client)

    wire = Wire(publish)

    async def record(message: Msg) -> None:
        wire.packets.append(Packet(message.subject, message.data))

    for command in COMMANDS:
        await client.subscribe(f"*.{command}", cb=record)
        await client.subscribe(f"*.{command}.>", cb=record)
    await round_trip(client)
    try:
        yield wire
    finally:
        await client.close()


@asynccontextmanager
async def _on_redis(url: str) -> AsyncIterator[Wire]:
    async with Redis.from_url(url) as client, client.pubsub() as subscriber:
        wire = Wire(client.publish)
        await subscriber.psubscribe("MOL*")
        await subscriber.get_message(timeout=20)  # the confirmation
        task = asyncio.create_task(_record(wire, subscriber))
        try:
            yield wire
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


async def _record(wire: Wire, subscriber: PubSub) -> None:
    async for message in subscriber.listen():
        wire.packets.append(Packet(message["channel"].decode(), message["data"]))


async def round_trip(client: Client) -> None:
    """Wait until the server has read all that *client* has sent: nats-py may send the first PING
    before subscriptions."""
    for _ in range(2):
        await client.flush()
