"""Calls and events of other nodes: runs their actions and handlers on this node."""

import asyncio
import logging
from collections.abc import Coroutine
from contextvars import Context as Variables
from contextvars import copy_context
from typing import Any

from bundles.gateway.broker.broker import Broker
from bundles.gateway.broker.context import Context
from bundles.gateway.broker.messages import new_request
from bundles.gateway.broker.transport import ACTIONS
from bundles.gateway.cluster.call_response import CallResponse, node_lost
from bundles.gateway.cluster.dropped_packets import DroppedPackets
from bundles.gateway.cluster.incoming_stream import IncomingStream
from bundles.gateway.cluster.link import Link
from bundles.gateway.cluster.outgoing_calls import PARAMS
from bundles.gateway.cluster.packets import (
    INVALID_PACKET,
    Envelope,
    EventPacket,
    InvalidPacketError,
    MessagePacket,
    RequestPacket,
)
from bundles.gateway.cluster.received_ids import ReceivedIds
from bundles.gateway.cluster.remote_errors import ErrorWriter, restored
from bundles.gateway.cluster.remote_node import RemoteNode
from bundles.gateway.cluster.stream_fields import has_objects, stream_error
from bundles.gateway.cluster.trace import Trace
from bundles.gateway.exceptions import (
    MoleculerClientError,
    MoleculerError,
    RequestTimeoutError,
    ServiceNotAvailableError,
)
from rxkernel import Request, current_request

logger = logging.getLogger(__name__)

_MOST_STREAMS = 10_000
_PATIENCE = 1.0


class IncomingMessages:
    """Runs each call and each event in its own task and context.

    Attributes:
        is_refusing: whether new calls are refused, because this node is leaving.
    """

    def __init__(
        self,
        broker: Broker,
        link: Link,
        trace: Trace,
        errors: ErrorWriter,
        dropped: DroppedPackets,
    ) -> None:
        self.is_refusing = False
        self._broker = broker
        self._link = link
        self._trace = trace
        self._errors = errors
        self._dropped = dropped
        self._variables: Variables = copy_context()
        self._tasks: set[asyncio.Task[None]] = set()
        self._responses: set[CallResponse] = set()
        self._streams: dict[tuple[str, str], IncomingStream] = {}
        self._received = ReceivedIds()

    @property
    def count(self) -> int:
        """The number of running calls and events."""
        return len(self._tasks)

    def begin(self) -> None:
        """Run messages from now on, with the context variables of the caller of this method."""
        self._variables = copy_context()
        self.is_refusing = False

    # --- packets

    def request(self, packet: RequestPacket, topic: str) -> None:
        """Run the action that *packet* calls, or add its piece to the stream of a call."""
        stream = None
        if packet.stream is not None or packet.seq:
            stream = self._add_to_stream(packet)
            if packet.seq:
                return
            if stream is None:
                packet.stream = None
        if not self._received.add(packet.sender, packet.id):
            self._dropped.add(
                "replayed", topic, f"the call {packet.id!r:.100} was received before"
            )
            return
        self._start(self._respond(packet, stream))

    def refuse(self, packet: Envelope, problem: str) -> None:
        """End the call whose packet cannot be read: its stream fails, or it gets an error."""
        exc = MoleculerClientError(f"The call cannot be read: {problem:.500}", 400, INVALID_PACKET)
        stream = self._streams.get((packet.sender, packet.id))
        if stream is not None and stream.has_begun:
            stream.fail(exc)
            return
        request = RequestPacket(id=packet.id, sender=packet.sender, ver=packet.ver)
        response = CallResponse(request, self._caller(request), self._link, self._errors)
        self._start(response.fail(exc))

    def _add_to_stream(self, packet: RequestPacket) -> IncomingStream | None:
        """Add *packet* to its stream and return the stream; None: the call has no stream."""
        key, now = (packet.sender, packet.id), asyncio.get_running_loop().time()
        stream = self._streams.get(key)
        if stream is None:
            if not packet.stream and not packet.seq:
                return None
            if len(self._streams) >= _MOST_STREAMS:
                raise InvalidPacketError("invalid", f"{_MOST_STREAMS} streams are open")
            stream = self._streams[key] = IncomingStream(packet.sender, now)
        if not packet.seq:
            stream.has_begun = True
            stream.has_objects = has_objects(packet)
            return stream
        fields = None if packet.stream else stream_error(packet)
        failure = None if fields is None else restored(fields, packet.sender)
        stream.put(packet.seq, packet.params, failure, is_last=not packet.stream, now=now)
        return stream

    def event(self, packet: EventPacket, topic: str) -> None:
        """Run the handlers of *packet*."""
        if packet.event.startswith("$"):
            raise InvalidPacketError("invalid", "events with '$' stay on their node")
        if packet.id is not None and not self._received.add(packet.sender, packet.id):
            self._dropped.add(
                "replayed", topic, f"the event {packet.id!r:.100} was received before"
            )
        else:  # even if this node is leaving: the sender did not know, and sends it only once
            self._start(self._handle(packet))

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work, context=self._variables.copy())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # --- calls

    async def _respond(self, packet: RequestPacket, stream: IncomingStream | None) -> None:
        caller = self._caller(packet)
        current_request.set(caller.request)  # for the id in the log
        response = CallResponse(packet, caller, self._link, self._errors)
        self._responses.add(response)
        caller.stream = stream
        if stream is not None and packet.params is None:
            packet.params = caller.meta.pop(PARAMS, None)
        if packet.timeout:
            caller.deadline = asyncio.get_running_loop().time() + packet.timeout / 1000
        try:
            result = await self._result(packet, caller)
        except Exception as exc:  # noqa: BLE001 - any exception of an action is a response
            await response.fail(exc)
        else:
            await response.send(result)
        finally:
            self._responses.discard(response)
            if stream is not None:
                await stream.aclose()
                if stream.is_ended:
                    self._streams.pop((packet.sender, packet.id), None)

    async def _result(self, packet: RequestPacket, caller: Context) -> Any:
        if self.is_refusing:
            raise ServiceNotAvailableError(packet.action, self._broker.node_id)
        call = self._broker._serve(packet.action, packet.params, caller)
        if caller.deadline is None:
            return await call
        limit = asyncio.timeout_at(caller.deadline)
        try:
            async with limit:
                return await call
        except TimeoutError as exc:
            if not limit.expired():
                raise
            raise RequestTimeoutError(packet.action, self._broker.node_id) from exc

    def _caller(self, packet: MessagePacket) -> Context:
        """The context of the sender of *packet*."""
        meta = packet.meta or {}
        self._trace.read(meta)
        request = new_request(ACTIONS, "", None, None)
        _set_id(request, packet.request_id)
        caller = Context(self._broker, request, meta)
        caller.level = max(0, packet.level - 1)
        caller.name = packet.caller
        caller.origin = packet.sender
        return caller

    # --- events

    async def _handle(self, packet: EventPacket) -> None:
        try:
            await self._broker._deliver(
                packet.event,
                packet.data,
                self._caller(packet),
                packet.groups,
                to_all=bool(packet.broadcast),
            )
        except MoleculerError as exc:  # events and calls are nested too deeply
            logger.error("the event %.100r of %r: %s", packet.event, packet.sender, exc)

    # --- the end

    def forget(self, since: float) -> None:
        """Forget streams that have ended or are no longer read, if their last packet came before
        *since*. Until then they are kept, because Moleculer sends the rest of a stream to an
        action that has ended."""
        for key, stream in tuple(self._streams.items()):
            if stream.is_over(since) or (not stream.has_begun and stream.last_seen < since):
                del self._streams[key]

    def lose(self, node: RemoteNode | None) -> None:
        """End the streams from and to *node*, which was lost. None: the bus was lost; end all
        streams."""
        for key, stream in tuple(self._streams.items()):
            if node is None or stream.node_id == node.id:
                del self._streams[key]
                stream.fail(node_lost(stream.node_id))
        for response in self._responses:
            if node is None or response.node_id == node.id:
                response.lose()

    async def drain(self) -> None:
        """Wait for the running calls and events."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def cancel(self) -> None:
        """Cancel the running calls and events, and wait a short time until they end."""
        late = tuple(self._tasks)
        for task in late:
            task.cancel()
        if late:
            _, stubborn = await asyncio.wait(late, timeout=_PATIENCE)
            if stubborn:
                logger.warning("%d calls of other nodes did not end when cancelled", len(stubborn))


def _set_id(request: Request, given: str | None) -> None:
    """Give *request* the id of the call, unless this id is not valid in a header."""
    if given:
        try:
            request.id = given
        except ValueError:
            logger.debug("the id %.100r of a call was replaced", given)
