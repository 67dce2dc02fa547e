"""Calls of actions on other nodes."""

import asyncio
import itertools
import logging
from collections.abc import AsyncIterable
from typing import Any

import attrs

from bundles.gateway.broker.context import Context
from bundles.gateway.cluster.dropped_packets import DroppedPackets
from bundles.gateway.cluster.incoming_stream import IncomingStream
from bundles.gateway.cluster.link import Link
from bundles.gateway.cluster.packets import (
    INVALID_PACKET,
    Command,
    Envelope,
    RequestPacket,
    ResponsePacket,
)
from bundles.gateway.cluster.pieces import send_pieces
from bundles.gateway.cluster.remote_errors import ErrorWriter, restored, shortened
from bundles.gateway.cluster.remote_node import RemoteNode
from bundles.gateway.cluster.stream_fields import has_objects, set_stream_error
from bundles.gateway.cluster.trace import Trace
from bundles.gateway.exceptions import (
    BrokerDisconnectedError,
    MoleculerError,
    RequestRejectedError,
)
from bundles.message_bus import BusUnavailableError, PacketTooLargeError

logger = logging.getLogger(__name__)

PARAMS = "$params"
"""The key in the meta with the parameters of a call with a stream, for nodes of protocol 4."""


@attrs.define(eq=False)
class PendingCall:
    action: str
    node: RemoteNode
    response: "asyncio.Future[ResponsePacket]"
    stream: IncomingStream | None = None
    sender: "asyncio.Task[None] | None" = None

    @property
    def has_response(self) -> bool:
        """Whether a response has been received."""
        response = self.response
        return response.done() and not response.cancelled() and response.exception() is None

    def is_on(self, node: RemoteNode) -> bool:
        """Whether it was sent to *node*, to the instance that runs now."""
        return self.node.id == node.id and self.node.instance == node.instance

    def fail(self, exception: Exception) -> None:
        """End the call with *exception*; does nothing if it has already ended."""
        if self.sender is not None:
            self.sender.cancel()
        if self.stream is not None:
            self.stream.fail(exception)
        elif not self.response.done():
            self.response.set_exception(exception)


class OutgoingCalls:
    """Sends calls, and passes each response to its call."""

    def __init__(
        self,
        link: Link,
        trace: Trace,
        errors: ErrorWriter,
        dropped: DroppedPackets,
        instance: str,
    ) -> None:
        self._link = link
        self._trace = trace
        self._errors = errors
        self._dropped = dropped
        self._instance = instance
        self._ids = map((instance + "-{:x}").format, itertools.count(1))
        self._pending: dict[str, PendingCall] = {}
        self._sending: set[asyncio.Task[None]] = set()

    @property
    def count(self) -> int:
        """The number of calls and streams that have not ended."""
        calls = self._pending.values()
        return sum(call.stream is None or not call.stream.is_done for call in calls)

    async def request(self, action: str, node: RemoteNode, context: Context) -> Any:
        """Call *action* on *node*. The keys that it sets in the meta are then in the meta of
        *context*.

        Returns:
            The result; an `IncomingStream` if it is a stream.

        Raises:
            RequestRejectedError: the node was lost.
            BrokerDisconnectedError: the bus is unavailable, or was lost.
            Exception: the error of the action.
        """
        id, stream = next(self._ids), context.stream
        call = PendingCall(action, node, asyncio.get_running_loop().create_future())
        packet = self._packet(id, action, node, context)
        self._pending[id] = call
        logger.debug("%s is called on the node %s", action, node.id)
        try:
            await self._send(packet, node)
            if stream is not None:
                call.sender = self._start_sending(packet, call, stream)
            response = await call.response
        except BaseException:
            if call.stream is not None:  # it began while the caller was cancelled
                await call.stream.aclose()
            if call.response.done() and not call.response.cancelled():
                call.response.exception()  # asyncio would log an exception that is not read
            raise
        finally:
            if call.stream is None:
                self._pending.pop(id, None)
            if call.sender is not None and (call.stream is None or call.stream.is_closed):
                call.sender.cancel()
        if response.meta:
            changed = self._changed(self._trace.without(response.meta), packet.meta or {})
            context.meta.update(changed)
        if context.sharing is not None:
            context.end()
        if call.stream is not None:
            return call.stream
        if not response.success:
            raise restored(response.error, node.id)
        return response.data

    def _packet(self, id: str, action: str, node: RemoteNode, context: Context) -> RequestPacket:
        request, remaining = context.request, context.remaining
        params, meta = request.body, self._trace.add_to(context.meta)
        has_stream = context.stream is not None
        if has_stream and node.protocol == "4" and params is not None:
            params, meta = None, {**meta, PARAMS: params}
        return RequestPacket(
            id=id,
            action=action,
            params=params,
            meta=meta,
            timeout=None if remaining is None else max(1.0, remaining * 1000),
            level=context.level,
            caller=context.caller,
            request_id=request.id,
            stream=True if has_stream else None,
            seq=0 if has_stream else None,
        )

    def _changed(self, meta: dict[str, Any], sent: dict[str, Any]) -> dict[str, Any]:
        """Return the keys of *meta* that the action has set. A node sends back all that was
        *sent*, but other calls may have set keys in the meta of the caller meanwhile; these must
        not be replaced."""
        encode = self._link.encode
        return {
            key: value
            for key, value in meta.items()
            if key not in sent
            or (sent[key] != value and encode(sent[key]) != encode(value))  # compared as JSON
        }

    async def _send(self, packet: RequestPacket, node: RemoteNode) -> None:
        try:
            await self._link.send(Command.REQUEST, packet, node.id, node.protocol)
        except BusUnavailableError as exc:
            raise BrokerDisconnectedError from exc
        except PacketTooLargeError as exc:
            raise MoleculerError(
                f"The parameters of '{packet.action}' are too large: {exc}", 413, "TOO_LARGE"
            ) from exc

    def fail_all(self, node: RemoteNode | None) -> None:
        """End the calls to *node*, which was lost. None: the bus was lost; end all calls."""
        for id, call in tuple(self._pending.items()):
            if node is None:
                del self._pending[id]
                call.fail(BrokerDisconnectedError())
            elif call.is_on(node):
                del self._pending[id]
                call.fail(RequestRejectedError(call.action, call.node.id))

    def forget(self, since: float) -> None:
        """Forget streams that have ended or are no longer read, if their last packet came before
        *since*. Until then they are kept, because Moleculer sends packets after the end of a
        stream that has failed."""
        for id, call in tuple(self._pending.items()):
            if call.stream is not None and call.stream.is_over(since):
                del self._pending[id]
                if call.sender is not None:
                    call.sender.cancel()  # the action has ended and does not need the rest

    # --- responses

    def received(self, packet: ResponsePacket, topic: str) -> None:
        call = self._pending.get(packet.id)
        if call is None or call.node.id != packet.sender:
            is_late = call is None and packet.id.startswith(self._instance)
            reason = "late_response" if is_late else "unexpected_response"
            text = f"no call has the id {packet.id!r:.100}"
            if is_late:
                text = f"its call has ended before, by a timeout for example ({packet.sender!r})"
            self._dropped.add(reason, topic, text)
        elif call.stream is not None:
            self._add_piece(call, call.stream, packet)
        elif call.response.done():  # cancelled in this iteration of the event loop
            self._dropped.add("late_response", topic, "the call has ended")
        elif packet.stream:
            self._begin_stream(call, packet)
        else:
            call.response.set_result(packet)

    def end(self, packet: Envelope, problem: str) -> None:
        """End the call whose response cannot be read."""
        call = self._pending.get(packet.id)
        if call is not None and call.node.id == packet.sender:
            exc = MoleculerError(
                f"The response of '{call.action}' cannot be read: {problem:.500}",
                502,
                INVALID_PACKET,
            )
            exc.node_id = packet.sender
            call.fail(exc)

    def _begin_stream(self, call: PendingCall, packet: ResponsePacket) -> None:
        """Begin a stream: *packet* is its first packet, or a piece that arrived before it."""
        now = asyncio.get_running_loop().time()
        call.stream = IncomingStream(call.node.id, now)
        if packet.seq:
            self._add_piece(call, call.stream, packet)
        else:
            call.stream.has_objects = has_objects(packet)
        call.response.set_result(packet)

    def _add_piece(
        self, call: PendingCall, stream: IncomingStream, packet: ResponsePacket
    ) -> None:
        if not packet.seq:
            stream.has_objects = has_objects(packet)
            return
        failure = None if packet.success else restored(packet.error, packet.sender)
        now = asyncio.get_running_loop().time()
        is_last = not packet.stream
        stream.put(packet.seq, packet.data, failure, is_last=is_last, now=now)

    # --- streams of this node

    def _start_sending(
        self, first: RequestPacket, call: PendingCall, stream: AsyncIterable[Any]
    ) -> "asyncio.Task[None]":
        task = asyncio.create_task(self._send_stream(first, call, stream))
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)
        return task

    async def _send_stream(
        self, first: RequestPacket, call: PendingCall, stream: AsyncIterable[Any]
    ) -> None:
        """Send the pieces. If *stream* fails, the call fails with its exception."""
        last = 0

        async def send(seq: int, piece: Any) -> None:
            nonlocal last
            last = seq
            await self._send(_next_packet(first, seq, piece), call.node)

        end = _next_packet(first, 0, None)
        end.stream = False
        try:
            await send_pieces(stream, send)
        except Exception as exc:  # noqa: BLE001 - the stream of an application
            set_stream_error(end, shortened(self._errors.fields_of(exc)), call.node.protocol)
            if not call.response.done():
                call.response.set_exception(exc)
        except asyncio.CancelledError:
            if not call.has_response:  # else the action has ended without the rest
                cancelled = MoleculerError(
                    f"The call of '{call.action}' was cancelled.", 499, "REQUEST_CANCELLED"
                )
                set_stream_error(end, self._errors.fields_of(cancelled), call.node.protocol)
            raise
        finally:  # also when the call has ended before: the node waits for the end of the stream
            end.seq = last + 1
            await self._link.deliver(Command.REQUEST, end, call.node.id, call.node.protocol)


def _next_packet(first: RequestPacket, seq: int, piece: Any) -> RequestPacket:
    return RequestPacket(
        id=first.id,
        action=first.action,
        params=piece,
        level=first.level,
        stream=True,
        seq=seq,
    )
