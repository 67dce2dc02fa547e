"""Sends server-sent events."""

import asyncio
from typing import Any

from aiohttp import web

from rxkernel.kernel.event_stream import HEARTBEAT, encode_event, encode_retry
from rxkernel.kernel.serialization import Serializer
from rxkernel.messages.response import EventStreamResponse
from rxkernel.servers.aiohttp.request.disconnect import is_disconnected
from rxkernel.servers.aiohttp.response.stream import Stream


class EventStream(Stream):
    """A stream of events, with a comment as a heartbeat when it is silent. It is not compressed,
    because each event is sent at once."""

    is_endless = True

    def __init__(
        self, native: web.Request, response: EventStreamResponse, serializer: Serializer
    ) -> None:
        super().__init__(native, response)
        self._serializer = serializer
        self._heartbeat = response.heartbeat
        self._retry = response.retry
        self._is_sending = False
        self._sent_at = 0.0

    async def _run(self) -> None:
        """Send the head before the first event: for an ``EventSource`` it opens the connection."""
        heartbeats = None
        try:
            await self._prepare()
            if self._retry is not None:
                await self._send_piece(encode_retry(self._retry))
            if self._heartbeat is not None:
                heartbeats = asyncio.create_task(self._send_heartbeats(self._heartbeat))
                heartbeats.add_done_callback(self._end_on_failure)
            await super()._run()
        finally:
            if heartbeats is not None:
                heartbeats.cancel()
            await self._close_source()

    async def _encode(self, event: Any) -> bytes:
        return encode_event(event, self._serializer)

    async def _send_piece(self, data: bytes) -> None:
        self._is_sending = True
        await super()._send_piece(data)
        self._is_sending = False
        self._sent_at = asyncio.get_running_loop().time()

    async def _send_heartbeats(self, interval: float) -> None:
        """Send a comment after *interval* seconds of silence, unless an event is being sent."""
        loop = asyncio.get_running_loop()
        self._sent_at = loop.time()
        while not is_disconnected(self._native):
            await asyncio.sleep(self._sent_at + interval - loop.time())
            if self._is_sending:
                self._sent_at = loop.time()
            elif self._sent_at + interval <= loop.time():
                self._sent_at = loop.time()
                await self._write(HEARTBEAT)

    def _end_on_failure(self, heartbeats: asyncio.Task[None]) -> None:
        if not heartbeats.cancelled() and (failure := heartbeats.exception()) is not None:
            self._failure = failure
            self.end()
