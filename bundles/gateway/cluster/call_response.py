"""The response to a call from another node: a result, an error or a stream."""

import asyncio
import logging
from typing import Any

from bundles.gateway.broker.context import Context
from bundles.gateway.broker.result_stream import ResultStream
from bundles.gateway.cluster.link import Link
from bundles.gateway.cluster.packets import Command, RequestPacket, ResponsePacket
from bundles.gateway.cluster.pieces import send_pieces
from bundles.gateway.cluster.remote_errors import ErrorWriter, shortened
from bundles.gateway.exceptions import MoleculerError
from bundles.message_bus import PacketTooLargeError
from rxkernel import HttpException
from rxkernel.exception_text import own_traceback

logger = logging.getLogger(__name__)


class CallResponse:
    """
    Args:
        request: the call.
        caller: the context of the caller on the other node; its meta is sent back.

    Attributes:
        node_id: the other node.
    """

    def __init__(
        self, request: RequestPacket, caller: Context, link: Link, errors: ErrorWriter
    ) -> None:
        self.node_id = request.sender
        self._id = request.id
        self._protocol = request.ver
        self._action = request.action
        self._caller = caller
        self._link = link
        self._errors = errors
        self._is_lost = False
        self._streaming: asyncio.Task[Any] | None = None

    def lose(self) -> None:
        """Stop a stream, because the other node or the bus was lost."""
        self._is_lost = True
        if self._streaming is not None:
            self._streaming.cancel()

    async def send(self, result: Any) -> None:
        """Send the *result* of the action."""
        if isinstance(result, ResultStream):
            await self._send_stream(result)
            return
        meta = self._caller.meta or None
        try:
            await self._deliver(self._packet(success=True, data=result, meta=meta))
        except Exception as exc:  # noqa: BLE001 - encoding runs code of the result's class
            await self.fail(_unsendable(self._action, exc))

    async def fail(self, exc: Exception) -> None:
        """Send *exc*, which the action has raised."""
        action = self._action
        if not isinstance(exc, HttpException):
            found = (type(exc), exc, own_traceback(exc))
            logger.error(
                "the action %.200r failed for the node %r", action, self.node_id, exc_info=found
            )
        fields = self._errors.fields_of(exc)
        try:
            await self._deliver(self._packet(error=fields, meta=self._caller.meta))
        except Exception as failure:  # noqa: BLE001 - as in `send`
            logger.error("an error of the action %.200r was not sent whole: %s", action, failure)
            await self._deliver(self._packet(error=shortened(fields)))

    async def _send_stream(self, stream: ResultStream) -> None:
        """Send a packet with the meta, then the pieces of *stream*."""
        if self._is_lost:
            await stream.aclose()
            await self.fail(node_lost(self.node_id))
            return
        self._streaming = asyncio.current_task()
        last, end = 0, self._packet(success=True, stream=False)

        async def send(seq: int, piece: Any) -> None:
            nonlocal last
            last = seq
            packet = self._packet(success=True, data=piece, stream=True, seq=seq)
            await self._link.send(Command.RESPONSE, packet, self.node_id, self._protocol)

        try:
            meta = self._caller.meta
            await self._deliver(self._packet(success=True, meta=meta, stream=True, seq=0))
            await send_pieces(stream, send)
        except Exception as exc:
            logger.error("the stream of the action %.200r has failed", self._action, exc_info=exc)
            end.success, end.error = False, shortened(self._errors.fields_of(exc))
        except asyncio.CancelledError:  # the rest is missing
            lost = node_lost(self._errors.node_id)
            end.success, end.error = False, self._errors.fields_of(lost)
            raise
        finally:
            try:
                await stream.aclose()
            except Exception:
                logger.exception("the stream of the action %.200r was not closed", self._action)
            finally:
                end.seq = last + 1
                await self._deliver(end)

    def _packet(self, **fields: Any) -> ResponsePacket:
        return ResponsePacket(id=self._id, **fields)

    async def _deliver(self, packet: ResponsePacket) -> None:
        await self._link.deliver(Command.RESPONSE, packet, self.node_id, self._protocol)


def node_lost(node_id: str) -> MoleculerError:
    """Return the error of a stream whose other end was lost."""
    return MoleculerError(f"The node '{node_id}' was lost.", 503, "NODE_LOST")


def _unsendable(action: str, exc: Exception) -> Exception:
    if isinstance(exc, PacketTooLargeError):
        return MoleculerError(
            f"The result of '{action}' is too large: {exc}; return a stream", 500, "TOO_LARGE"
        )
    return TypeError(f"the result of the action {action!r} cannot be sent to a node: {exc}")
