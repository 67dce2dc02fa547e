"""A node that sends and reads packets by hand: another implementation, or a hostile one."""

import json
from typing import Any

from tests.bundles.gateway.cluster.memory_bus import MemoryBus, MemoryTransporter
from tests.bundles.gateway.cluster.nodes import settled


class RawNode:
    """Speaks version *ver* of the protocol as Node does.

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

    async def send(self, command: str, target: str | None, fields: dict[str, Any]) -> None:
        """Send a packet to *target*; None: to all."""
        packet = {"ver": self.ver, "sender": self.node_id, **fields}
        await self.send_raw(command, target, json.dumps(packet).encode())

    async def send_raw(self, command: str, target: str | None, data: bytes) -> None:
        self._bus.publish(f"MOL.{command}" + (f".{target}" if target else ""), data)
        await settled()

    def packets(self, command: str) -> list[dict[str, Any]]:
        """The packets of *command* that this node has received."""
        return [fields for name, fields in self.received_packets if name == command]

    # --- what a transporter reports to

    def received(self, topic: str, data: bytes) -> None:
        self.received_packets.append((topic.split(".")[1], json.loads(data)))

    def connected(self) -> None:
        pass

    def lost(self, reason: str) -> None:
        pass


def service(name: str, *actions: str, events: tuple[str, ...] = (), **fields: Any) -> Any:
    """A service as an INFO packet describes it; *fields* are those of its actions."""
    return {
        "name": name,
        "fullName": name,
        "actions": {one: {"name": one, **fields} for one in actions},
        "events": {one: {"name": one} for one in events},
    }
