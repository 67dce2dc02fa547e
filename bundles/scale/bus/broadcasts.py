"""Broadcasts of this process to others, and theirs to the clients of this one."""

import asyncio
import logging
from collections import deque
from typing import Any

from bundles.scale.bus.link import Link
from bundles.scale.bus.packing import pack, unpack
from bundles.scale.bus.seal import Kind
from rxkernel import Broadcaster, Kernel

logger = logging.getLogger(__name__)

_MOST = 10_000
"""Received broadcasts that wait."""

Rooms = tuple[str, ...] | None


class Broadcasts:
    """Delivers those of other processes one after the other, in the order of their arrival."""

    def __init__(self, link: Link, broadcaster: Broadcaster, kernel: Kernel) -> None:
        self._link = link
        self._broadcaster = broadcaster
        self._serializer = kernel.serializer
        self._waiting: deque[bytes] = deque()
        self._delivering: asyncio.Task[None] | None = None
        link.handlers[Kind.BROADCAST] = self._received

    def send(
        self,
        event: str,
        args: tuple[Any, ...],
        rooms: Rooms,
        namespace: str,
        skip: set[str],
        volatile: bool,
    ) -> bool:
        """See `BroadcastBackend.broadcast`; it does not wait."""
        values = (event, args, rooms, namespace, list(skip), volatile)
        return self._link.send(Kind.BROADCAST, pack(self._serializer, *values))

    async def drain(self) -> None:
        if self._delivering is not None:
            await asyncio.wait({self._delivering})

    def _received(self, sender: bytes, body: bytes) -> None:
        if len(self._waiting) >= _MOST:
            self._link.overloaded()
            return
        self._waiting.append(body)
        if self._delivering is None:
            self._delivering = asyncio.create_task(self._deliver())

    async def _deliver(self) -> None:
        try:
            while self._waiting:
                body = self._waiting.popleft()
                try:
                    await self._emit(body)
                except Exception:  # the next one must be delivered nevertheless
                    logger.exception("a broadcast of another process was not delivered")
        finally:
            self._delivering = None

    async def _emit(self, body: bytes) -> None:
        event, args, rooms, namespace, skip, volatile = unpack(body)
        await self._broadcaster.emit(
            event,
            *args,
            room=rooms,
            namespace=namespace,
            skip=skip,
            volatile=volatile,
            local=True,
        )
