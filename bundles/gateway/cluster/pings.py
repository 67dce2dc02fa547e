"""Pings of other nodes."""

import asyncio
import itertools
import time

from bundles.gateway.broker.route import Pong
from bundles.gateway.cluster.dropped_packets import DroppedPackets
from bundles.gateway.cluster.link import Link
from bundles.gateway.cluster.packets import Command, PingPacket, PongPacket
from bundles.gateway.cluster.remote_node import RemoteNode
from bundles.gateway.cluster.sender import Sender
from bundles.gateway.exceptions import BrokerDisconnectedError, RequestTimeoutError
from bundles.message_bus import BusUnavailableError


class Pings:
    def __init__(self, link: Link, sender: Sender, dropped: DroppedPackets) -> None:
        self._link = link
        self._sender = sender
        self._dropped = dropped
        self._ids = itertools.count(1)
        self._waiting: dict[str, asyncio.Future[PongPacket]] = {}

    def ping(self, packet: PingPacket, topic: str) -> None:
        """Reply to *packet*."""
        pong = PongPacket(time=packet.time, id=packet.id, arrived=_milliseconds())
        self._sender.send_soon(Command.PONG, pong, packet.sender, packet.ver)

    def pong(self, packet: PongPacket, topic: str) -> None:
        waiting = self._waiting.get(f"{packet.sender} {packet.id}")
        if waiting is None or waiting.done():
            self._dropped.add("unexpected_response", topic, "no ping waits for it")
        else:
            waiting.set_result(packet)

    async def send(self, node: RemoteNode, timeout: float) -> Pong:
        """Ping *node*, and return its reply.

        Raises:
            RequestTimeoutError: the node has not replied within *timeout* seconds.
            BrokerDisconnectedError: the bus is unavailable.
        """
        id = str(next(self._ids))
        key, begin, sent = f"{node.id} {id}", time.perf_counter(), _milliseconds()
        self._waiting[key] = waiting = asyncio.get_running_loop().create_future()
        try:
            await self._link.send(
                Command.PING, PingPacket(time=sent, id=id), node.id, node.protocol
            )
            async with asyncio.timeout(timeout):
                packet = await waiting
        except TimeoutError:
            raise RequestTimeoutError("ping", node.id) from None
        except BusUnavailableError as exc:
            raise BrokerDisconnectedError from exc
        finally:
            del self._waiting[key]
        elapsed = time.perf_counter() - begin
        return Pong(node.id, elapsed, (sent - packet.arrived) / 1000 + elapsed / 2)


def _milliseconds() -> float:
    """Return the time in milliseconds since 1970."""
    return round(time.time() * 1000)
