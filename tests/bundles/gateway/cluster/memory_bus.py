"""A bus in memory: the nodes of a test in one process, without a server."""

import asyncio
from collections.abc import Iterable

from bundles.message_bus import (
    BusUnavailableError,
    Receiver,
    Transporter,
    check_topic,
)


class MemoryBus:
    """
    Attributes:
        packets: the topic and the text of each published packet.
    """

    def __init__(self) -> None:
        self.transporters: list[MemoryTransporter] = []
        self.packets: list[tuple[str, bytes]] = []
        self.is_up = True

    def publish(self, topic: str, data: bytes) -> None:
        """Deliver *data* to all subscribers of *topic*."""
        self.packets.append((topic, data))
        for one in self.transporters:
            if topic in one.topics and one.receiver is not None and not one.is_cut_off:
                asyncio.get_running_loop().call_soon(one.receiver.received, topic, data)

    def go_down(self) -> None:
        self.is_up = False
        for one in self.transporters:
            if one.receiver is not None:
                one.receiver.lost("the bus is down")

    def come_up(self) -> None:
        self.is_up = True
        for one in self.transporters:
            if one.receiver is not None:
                one.receiver.connected()


class MemoryTransporter(Transporter):
    place = "memory"

    def __init__(self, bus: MemoryBus) -> None:
        self.bus = bus
        self.topics: set[str] = set()
        self.receiver: Receiver | None = None
        self.is_cut_off = False
        bus.transporters.append(self)

    @property
    def is_connected(self) -> bool:
        return self.bus.is_up and self.receiver is not None and not self.is_cut_off

    def cut_off(self) -> None:
        """Lose the connection to the bus; other nodes keep theirs."""
        assert self.receiver is not None
        self.is_cut_off = True
        self.receiver.lost("the connection was lost")

    def reconnect(self) -> None:
        assert self.receiver is not None
        self.is_cut_off = False
        self.receiver.connected()

    async def connect(self, receiver: Receiver) -> None:
        self.receiver = receiver
        if self.bus.is_up:
            receiver.connected()

    async def subscribe(self, topics: Iterable[str]) -> None:
        self.topics.update(topics)

    async def publish(self, topic: str, data: bytes) -> None:
        check_topic(topic)
        if not self.is_connected:
            raise BusUnavailableError("the bus is down")
        self.bus.publish(topic, data)

    async def has_subscriber(self, topic: str) -> bool:
        return any(topic in one.topics for one in self.bus.transporters)

    async def close(self) -> None:
        self.receiver = None
        self.topics.clear()
