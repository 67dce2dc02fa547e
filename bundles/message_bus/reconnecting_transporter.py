"""Keeps one connection to a bus: opens it, notices that it is lost, and opens the next one."""

import asyncio
import logging
import time
from abc import abstractmethod
from collections.abc import Iterable
from random import uniform

from bundles.message_bus.bus_connection import BusConnection
from bundles.message_bus.topics import check_topic
from bundles.message_bus.transporter import BusUnavailableError, Receiver, Transporter
from rxkernel import ServerStartError

logger = logging.getLogger(__name__)

_FIRST_DELAY = 0.1
_LONGEST_DELAY = 2.0


class ReconnectingTransporter(Transporter):
    """The base of the transporters; a subclass opens connections.

    The delays between attempts are random, so that not all processes reconnect at once.

    Args:
        bus: the name of the bus, for logs and errors.
        place: see `Transporter`.
    """

    def __init__(self, bus: str, place: str) -> None:
        self.place = place
        self._name = f"{bus} at {place}"
        self._topics: dict[str, None] = {}
        self._connection: BusConnection | None = None
        self._keeping: asyncio.Task[None] | None = None

    @abstractmethod
    async def _open(self, receiver: Receiver) -> BusConnection:
        """Open a connection within the connect timeout.

        Raises:
            BusUnavailableError: the message is the reason.
            ServerStartError: see `Transporter.connect`.
        """

    @property
    def is_connected(self) -> bool:
        return self._connection is not None

    async def connect(self, receiver: Receiver) -> None:
        begin = time.monotonic()
        try:
            await self._establish(receiver)
        except BusUnavailableError as exc:
            self._log_outage(str(exc))
        self._keeping = asyncio.create_task(self._keep(receiver, begin))

    async def subscribe(self, topics: Iterable[str]) -> None:
        added = [topic for topic in topics if topic not in self._topics]
        for topic in added:
            check_topic(topic)
        self._topics.update(dict.fromkeys(added))
        if self._connection is not None and added:
            try:
                await self._connection.subscribe(added)
            except BusUnavailableError as exc:
                logger.debug("%s: will subscribe when it reconnects: %s", self._name, exc)

    async def publish(self, topic: str, data: bytes) -> None:
        check_topic(topic)
        if self._connection is None:
            raise BusUnavailableError(f"{self._name} is not connected")
        await self._connection.publish(topic, data)

    async def has_subscriber(self, topic: str) -> bool:
        check_topic(topic)
        if self._connection is None:
            raise BusUnavailableError(f"{self._name} is not connected")
        return await self._connection.has_subscriber(topic)

    async def close(self) -> None:
        if self._keeping is not None:
            self._keeping.cancel()
            await asyncio.wait({self._keeping})
            self._keeping = None
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()

    async def _keep(self, receiver: Receiver, begin: float) -> None:
        while True:
            if self._connection is None:
                await self._reconnect(receiver, begin)
            else:
                reason = await self._connection.watch()
                begin = time.monotonic()
                await self._lose(self._connection, receiver, reason)

    async def _lose(self, connection: BusConnection, receiver: Receiver, reason: str) -> None:
        self._connection = None
        self._log_outage(reason)
        receiver.lost(reason)
        await connection.discard()

    async def _reconnect(self, receiver: Receiver, begin: float) -> None:
        delay, is_rejected = _FIRST_DELAY, False
        while self._connection is None:
            await asyncio.sleep(uniform(delay / 2, delay))
            delay = min(2 * delay, _LONGEST_DELAY)
            try:
                await self._establish(receiver)
            except BusUnavailableError as exc:
                logger.debug("%s still cannot be used: %s", self._name, exc)
            except ServerStartError as exc:
                if not is_rejected:  # once; when the outage began, another reason was logged
                    logger.error("%s", exc)
                is_rejected = True
            except Exception:  # a bug must not end the attempts
                logger.exception("%s could not be connected; trying again", self._name)
        seconds = time.monotonic() - begin
        logger.info("%s can be used again, after %.1f seconds", self._name, seconds)

    async def _establish(self, receiver: Receiver) -> None:
        connection = await self._open(receiver)
        subscribed: set[str] = set()
        try:
            # More topics may be added while the bus is asked for the first ones.
            while missing := [topic for topic in self._topics if topic not in subscribed]:
                await connection.subscribe(missing)
                subscribed.update(missing)
        except BaseException:
            await connection.discard()
            raise
        self._connection = connection
        receiver.connected()

    def _log_outage(self, reason: str) -> None:
        logger.error("%s cannot be used: %s; trying to reconnect", self._name, reason)
