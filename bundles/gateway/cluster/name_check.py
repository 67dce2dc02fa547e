"""Looks for another node with the name of this one, before this one joins."""

import asyncio
from contextlib import suppress

from bundles.gateway.cluster.link import Link
from bundles.gateway.cluster.packets import Command, PingPacket
from bundles.message_bus import Transporter

_PATIENCE = 1.0
"""Seconds within which another node must reply: the bus may still list a node that has ended."""


class NameCheck:
    """Pings the node that already has the name. The sender has another name for this purpose,
    because nodes ignore packets with their own name."""

    def __init__(self, transporter: Transporter, link: Link, instance: str, node_id: str) -> None:
        self.name = f"{node_id[:150]}-{instance}"
        self.topic = link.topics.of(Command.PONG, self.name)
        self._transporter = transporter
        self._link = link
        self._node_id = node_id
        self._replied = asyncio.Event()

    def replied(self) -> None:
        """A packet for `topic` has arrived."""
        self._replied.set()

    async def is_taken(self) -> bool:
        """Whether another node has the name of this one.

        Raises:
            BusUnavailableError: the bus cannot be used.
        """
        topic = self._link.topics.of(Command.PING, self._node_id)
        if not await self._transporter.has_subscriber(topic):
            return False
        self._replied.clear()
        await self._transporter.subscribe([self.topic])
        for protocol in self._link.accepted:
            await self._link.send(
                Command.PING, PingPacket(id=self.name), self._node_id, protocol, self.name
            )
        with suppress(TimeoutError):
            async with asyncio.timeout(_PATIENCE):
                await self._replied.wait()
        return self._replied.is_set()
