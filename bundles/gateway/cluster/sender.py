"""Sends packets in tasks, for code that must not wait."""

import asyncio
import logging
from collections.abc import Coroutine, Iterable
from typing import Any

from bundles.gateway.cluster.link import Link
from bundles.gateway.cluster.packets import Command, Packet
from bundles.message_bus import BusUnavailableError, PacketTooLargeError

logger = logging.getLogger(__name__)


class Sender:
    """Sends the packets of the node itself. Lost packets do no harm: they are sent regularly."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._tasks: set[asyncio.Task[None]] = set()

    def send_soon(self, command: Command, packet: Packet, node_id: str, protocol: str) -> None:
        """Send *packet* to the node *node_id* in a task."""
        self.run(self.send(command, packet, node_id, (protocol,)))

    async def send(
        self, command: Command, packet: Packet, node_id: str | None, protocols: Iterable[str]
    ) -> None:
        """Send *packet* in each of *protocols* to the node *node_id*; None: to all nodes."""
        try:
            for protocol in protocols:
                await self._link.send(command, packet, node_id, protocol)
        except BusUnavailableError as exc:
            logger.debug("%s was not sent: %s", command, exc)
        except PacketTooLargeError as exc:
            logger.error("%s was not sent, so other nodes do not know this node: %s", command, exc)

    def run(self, work: Coroutine[Any, Any, None]) -> None:
        """Run *work* in its own task."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Cancel the tasks that have not ended."""
        late = tuple(self._tasks)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)
