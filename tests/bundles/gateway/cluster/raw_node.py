"""A node that sends and reads raw packets, as another implementation or a hostile node."""

import json
from typing import Any

from tests.bundles.gateway.cluster.memory_bus import MemoryBus, MemoryTransporter
from tests.bundles.gateway.cluster.nodes import settled


class RawNode:
    """A node that uses the version *ver* of the protocol as Moleculer does.

    Attributes:
        received: the command and the fields of each packet for this node or for all.
    """

    def __init__(self, bus: MemoryBus, node_id: str = "raw", ver: str = "4") -> None:
        self.node_id = node_id
        self.ver = ver
        self.received_packets: list[tuple[str, dict[str, Any]]] = []
        self.transporter = MemoryTransporter(bus)
        self._bus = bus

    async def join(self, *services: dict[str, Any], **fields: Any) -> None:
        """Subscribe, and introduce itself with *services*."""
        await self.listen()
        await self.info(*services, **fields)

    async def listen(self) -> None:
        commands = ("DISCOVER", "INFO", "DISCONNECT", "HEARTBEAT", "PING")
        own = ("EVENT", "REQ", "RES", "DISCOVER", "INFO", "PING", "PONG")
        await self.transporter.subscribe(
            [f"MOL.{one}" for one in commands] + [f"MOL.{one}.{self.node_id}" for one in own]
        )
        await self.transporter.connect(self)

    async def info(self, *services: dict[str, Any], **fields: Any) -> None:
        await self.send(
            "INFO", None, {"services": services, "instanceID": "i", "seq": 1, **fields}
        )

    async def send(
        self, command: str, target: str | None, fields: dict[str, Any], *, wait: bool = True
    ) -> None:
        """Send a packet to *target*; None: to all. With *wait*, wait until it is handled."""
        packet = {"ver": self.ver, "sender": self.node_id, **fields}
        self._publish(command, target, json.dumps(packet).encode())
        if wait:
            await settled()

    async def send_raw(self, command: str, target: str | None, data: bytes) -> None:
        self._publish(command, target, data)
        await settled()

    def _publish(self, command: str, target: str | None, data: bytes) -> None:
        self._bus.publish(f"MOL.{command}" + (f".{target}" if target else ""), data)

    def packets(self, command: str) -> list[dict[str, Any]]:
        """The packets of *command* that this node has received."""
        return [fields for name, fields in self.received_packets if name == command]

    # --- the receiver of a transporter

    def received(self, topic: str, data: bytes) -> None:
        self.received_packets.append((topic.split(".")[1], json.loads(data)))

    def connected(self) -> None:
        pass

    def lost(self, reason: str) -> None:
        pass


def service(name: str, *actions: str, events: tuple[str, ...] = (), **fields: Any) -> Any:
    """Return a service in the form of an INFO packet; *fields* are those of its actions."""
    return {
        "name": name,
        "fullName": name,
        "actions": {one: {"name": one, **fields} for one in actions},
        "events": {one: {"name": one} for one in events},
    }
