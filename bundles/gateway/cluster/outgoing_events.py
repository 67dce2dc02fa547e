"""Sends events to handlers on other nodes."""

import itertools
import logging

from bundles.gateway.broker.route import OutgoingEvent
from bundles.gateway.cluster.link import Link
from bundles.gateway.cluster.packets import Command, EventPacket
from bundles.gateway.cluster.shared_events import Receivers
from bundles.gateway.cluster.trace import Trace
from bundles.message_bus import BusUnavailableError
from rxkernel import current_request

logger = logging.getLogger(__name__)


class OutgoingEvents:
    def __init__(self, link: Link, trace: Trace, instance: str) -> None:
        self._link = link
        self._trace = trace
        self._is_reported = False
        self._ids = map((instance + "-e{:x}").format, itertools.count(1))

    async def send(self, event: OutgoingEvent, receivers: Receivers) -> None:
        """Send *event* to each of *receivers*. If the bus is unavailable, the event is lost, and
        this is logged.

        Raises:
            PacketTooLargeError, TypeError, ValueError, RecursionError: the event cannot be sent.
        """
        parent = event.parent
        origin = current_request.get() if parent is None else parent.request
        meta = self._trace.add_to(dict(event.meta or {}))
        groups = [event.groups] if isinstance(event.groups, str) else event.groups
        wanted = None if groups is None else list(groups)
        for node, its_groups in receivers.items():
            packet = EventPacket(
                id=next(self._ids),
                event=event.name,
                data=event.payload,
                groups=wanted if event.to_all else sorted(its_groups),
                broadcast=event.to_all,
                meta=meta,
                level=1 if parent is None else parent.level + 1,
                caller=None if parent is None else parent.name,
                request_id=None if origin is None else origin.id,
            )
            try:
                await self._link.send(Command.EVENT, packet, node.id, node.protocol)
            except BusUnavailableError as exc:
                level = logging.DEBUG if self._is_reported else logging.WARNING
                self._is_reported = True
                logger.log(
                    level,
                    "the event %.100r was not sent to the node %r: %s; until the outage ends, "
                    "further ones are logged at the level debug",
                    *(event.name, node.id, exc),
                )
            else:
                self._is_reported = False
